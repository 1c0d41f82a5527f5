"""How feeds are, what somebody is told of it, and which processes run them."""

from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Word = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.Text().with_variant(sa.dialects.postgresql.JSONB(), "postgresql")

_BAD = ("failed", "refused")


def upgrade() -> None:
    op.add_column("feeds", sa.Column("data_at", Word, nullable=True))
    op.execute(
        "UPDATE feeds SET data_at = (SELECT max(d.updated_at) FROM deliveries d"
        " WHERE d.feed_id = feeds.id AND d.state IN ('stored', 'done') AND d.kind <> 'replay')"
    )
    waits = sa.text("state IN ('open', 'fixed')")
    columns = ["feed_id", "created_at"]
    op.create_index("quarantine_waiting", "quarantine", columns, sqlite_where=waits, postgresql_where=waits)
    last_runs = op.create_table(
        "last_runs",
        sa.Column("feed_id", Id, autoincrement=False, nullable=False),
        sa.Column("run_id", Id, nullable=False),
        sa.Column("at", Word, nullable=False),
        sa.Column("outcome", Word, nullable=False),
        sa.Column("read", sa.BigInteger(), nullable=False),
        sa.Column("first_at", Word, nullable=False),
        sa.Column("bad_since", Word, nullable=True),
        sa.Column("bad_run", Id, nullable=True),
        sa.Column("bad_outcome", Word, nullable=True),
        sa.Column("bad_code", Word, nullable=True),
        sa.PrimaryKeyConstraint("feed_id"),
    )
    op.create_table(
        "heartbeats",
        sa.Column("name", Word, nullable=False),
        sa.Column("role", Word, nullable=False),
        sa.Column("started_at", Word, nullable=False),
        sa.Column("at", Word, nullable=False),
        sa.Column("details", Json, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    _create_alerts()
    if rows := list(_last_runs()):
        op.bulk_insert(last_runs, rows)


def _create_alerts() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", Word, nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("level", Word, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("feeds", Json, nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("since", Word, nullable=False),
        sa.Column("opened_at", Word, nullable=False),
        sa.Column("closed_at", Word, nullable=True),
        sa.Column("ending", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    is_open = sa.text("closed_at IS NULL")
    op.create_index("incidents_open", "incidents", ["key"], unique=True, sqlite_where=is_open, postgresql_where=is_open)
    op.create_table(
        "alerts",
        sa.Column("incident_id", Id, autoincrement=False, nullable=False),
        sa.Column("channel", Word, nullable=False),
        sa.Column("event", Word, nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("at", Word, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("again_at", Word, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("incident_id", "channel", "event"),
    )


def _last_runs() -> Any:
    """Of each feed what its runs so far come to."""
    connection = op.get_bind()
    numbers: dict[str, int] = dict(connection.execute(sa.text("SELECT name, id FROM feeds")).all())
    found: dict[int, dict[str, Any]] = {}
    ended = sa.text("SELECT id, finished_at, report FROM runs WHERE finished_at IS NOT NULL ORDER BY id")
    for run, at, report in connection.execute(ended):
        parts = (orjson.loads(report) if isinstance(report, str) else report or {}).get("feeds", ())
        for part in parts:
            feed, outcome = numbers.get(part["feed"]), part["outcome"]
            if feed is None or outcome in ("paused", "locked"):
                continue
            old = found.get(feed, {})
            row = {"feed_id": feed, "run_id": run, "at": at, "outcome": outcome, "read": part.get("read", 0)}
            row |= {"first_at": old.get("first_at", at)}
            if outcome in _BAD:
                codes = [each["code"] for each in part.get("issues", ()) if each["severity"] == "error"]
                bad = (old.get("bad_since") or at, run, outcome, codes[-1] if codes else None)
            elif outcome == "empty" and old.get("bad_outcome") == "refused":
                bad = tuple(old[name] for name in ("bad_since", "bad_run", "bad_outcome", "bad_code"))
            else:
                bad = (None, None, None, None)
            row |= dict(zip(("bad_since", "bad_run", "bad_outcome", "bad_code"), bad, strict=True))
            found[feed] = row
    return found.values()
