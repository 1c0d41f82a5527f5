"""What goes out, and what was kept back."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

Word = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
OPEN = sa.text("state IN ('queued', 'failed', 'sending')")
HAS_RECEIPT = sa.text("receipt_id IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", Id, nullable=False),
        sa.Column("export", Word, nullable=False),
        sa.Column("key", Word, nullable=False),
        sa.Column("dealer_id", Id, nullable=False),
        sa.Column("activity_id", Id, nullable=False),
        sa.Column("contact_id", Id, nullable=True),
        sa.Column("message", Word, nullable=False),
        sa.Column("happening", Word, nullable=False),
        sa.Column("snapshot", Json, nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("queued_at", Word, nullable=False),
        sa.Column("updated_at", Word, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", Word, nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("process_started", sa.Text(), nullable=True),
        sa.Column("claimed_at", Word, nullable=True),
        sa.Column("destination", sa.Text(), nullable=True),
        sa.Column("media", Word, nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("receipt_id", Word, nullable=True),
        sa.Column("receipt_status", Word, nullable=True),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.Column("sent_at", Word, nullable=True),
        sa.Column("delivery_id", Id, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("export", "key", name="outbox_once"),
    )
    op.create_index("outbox_by_activity", "outbox", ["activity_id"])
    op.create_index("outbox_open", "outbox", ["export", "id"], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index(
        "outbox_by_receipt", "outbox", ["receipt_id"], sqlite_where=HAS_RECEIPT, postgresql_where=HAS_RECEIPT
    )
