"""The newest time of its schedule that a feed was run for."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Word = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "slots",
        sa.Column("feed", Word, nullable=False),
        sa.Column("slot", Word, nullable=False),
        sa.Column("begun_at", Word, nullable=True),
        sa.Column("ended_at", Word, nullable=True),
        sa.Column("outcome", Word, nullable=True),
        sa.Column("run_id", Id, nullable=True),
        sa.PrimaryKeyConstraint("feed"),
    )
