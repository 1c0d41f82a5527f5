"""When a request that waits is due again, and indexes for what is asked of the inbox all the time."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

Word = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("inbox_feeds", sa.Column("due_at", Word, nullable=True))
    waits = sa.text("state = 'waiting'")
    op.create_index("inbox_feeds_waiting", "inbox_feeds", ["feed"], sqlite_where=waits, postgresql_where=waits)
    op.create_index("inbox_by_end", "inbox", ["keep_until"])
