"""What feeds last ran with, so that `feeds diff` can say what has changed since."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Word = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Json = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "definitions",
        sa.Column("digest", Word, nullable=False),
        sa.Column("content", Json, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "last_definitions",
        sa.Column("feed_id", Id, autoincrement=False, nullable=False),
        sa.Column("mapping_hash", Word, nullable=False),
        sa.Column("sections", Json, nullable=False),
        sa.Column("at", Word, nullable=False),
        sa.PrimaryKeyConstraint("feed_id"),
    )
