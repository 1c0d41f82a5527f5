"""Employees have a version, and the feed that told of them. Nothing wrote any before."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

Word = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.Text().with_variant(sa.dialects.postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.drop_table("employees")
    op.create_table(
        "employees",
        sa.Column("id", Id, nullable=False),
        sa.Column("dealer_id", Id, nullable=False),
        sa.Column("namespace", Word, nullable=False),
        sa.Column("key", Word, nullable=False),
        sa.Column("state", Word, nullable=True),
        sa.Column("fields", Json, nullable=False),
        sa.Column("version", Word, nullable=True),
        sa.Column("feed_id", Id, nullable=False),
        sa.Column("delivery_id", Id, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("updated_at", Word, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("dealer_id", "namespace", "key", name="employees_by_key"),
    )
