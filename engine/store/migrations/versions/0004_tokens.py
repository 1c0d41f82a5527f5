"""Tokens of logins over HTTP, and when an API was asked."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Word = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Json = sa.Text().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "tokens",
        sa.Column("name", Word, nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("updated_at", Word, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "turns",
        sa.Column("name", Word, nullable=False),
        sa.Column("times", Json, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
