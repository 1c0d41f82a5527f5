"""The end of a feed, what all its runs come to, and what it takes to forget runs."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Word = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("feeds", sa.Column("retired_at", Word, nullable=True))
    op.add_column("feeds", sa.Column("retired_by", sa.Text(), nullable=True))
    op.add_column("feeds", sa.Column("purge", Word, nullable=True))
    op.add_column("activities", sa.Column("also_feed_id", Id, nullable=True))
    op.add_column("runs", sa.Column("brief", sa.Integer(), nullable=True))
    op.create_index("deliveries_by_run", "deliveries", ["run_id"])
    op.create_index("runs_by_outcome", "runs", ["outcome", "started_at"])
    in_full = sa.text("brief IS NULL")
    op.create_index("runs_in_full", "runs", ["started_at"], sqlite_where=in_full, postgresql_where=in_full)
    op.create_table(
        "totals",
        sa.Column("feed_id", Id, autoincrement=False, nullable=False),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(53), nullable=False),
        sa.Column("succeeded_at", Word, nullable=True),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("read", "inserted", "updated", "unchanged", "filtered", "quarantined")
        ),
        sa.PrimaryKeyConstraint("feed_id"),
    )
