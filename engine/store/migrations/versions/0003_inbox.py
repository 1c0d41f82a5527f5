"""Requests from outside, and which feed has dealt with them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Word = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("name", Word, nullable=False),
        sa.Column("turn", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("endpoint", Word, nullable=False),
        sa.Column("received_at", Word, nullable=False),
        sa.Column("keep_until", Word, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", "turn"),
    )
    op.create_table(
        "inbox_feeds",
        sa.Column("name", Word, nullable=False),
        sa.Column("turn", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("feed", Word, nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("delivery_id", Id, nullable=True),
        sa.Column("received_at", Word, nullable=False),
        sa.Column("updated_at", Word, nullable=False),
        sa.PrimaryKeyConstraint("name", "turn", "feed"),
    )
    op.create_index("inbox_feeds_by_state", "inbox_feeds", ["feed", "state", "received_at"])
