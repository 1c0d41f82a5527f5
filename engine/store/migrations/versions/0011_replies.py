"""What was answered to requests that ask for something."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

Word = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.Text().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "replies",
        sa.Column("id", Id, nullable=False),
        sa.Column("export", Word, nullable=False),
        sa.Column("request", Word, nullable=False),
        sa.Column("activity_id", Id, nullable=True),
        sa.Column("at", Word, nullable=False),
        sa.Column("media", Word, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("once", Json, nullable=False),
        sa.Column("acknowledged_at", Word, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("export", "request", name="replies_once"),
    )
    op.create_index("replies_by_activity", "replies", ["export", "activity_id"])
