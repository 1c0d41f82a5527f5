"""The tables of what goes out, of what was kept back, and of what was answered. Names and types only.

See `tables.py`, by which all tables go.
"""

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint, text

from engine.store.columns import Id, Json, Word, metadata

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("export", Word, nullable=False),  # "acme-rv/leads-adf"
    Column("key", Word, nullable=False),  # never sent twice by this export
    Column("dealer_id", Id, nullable=False),
    Column("activity_id", Id, nullable=False),
    Column("contact_id", Id),  # when it was queued: what goes to one person keeps its order
    Column("message", Word, nullable=False),  # its case; "" where the export has one only
    Column("happening", Word, nullable=False),  # created, changed, due
    Column("snapshot", Json, nullable=False),  # {name: [before, after]} of what changed
    Column("state", Word, nullable=False),  # see outbox.py
    Column("reason", Text),  # why it is kept back, or was not taken
    Column("rule", Text),  # file:line of what keeps it back
    Column("queued_at", Word, nullable=False),
    Column("updated_at", Word, nullable=False),
    Column("attempts", Integer, nullable=False),  # that were refused
    Column("next_at", Word, nullable=False),  # not tried before
    Column("fence", Integer, nullable=False),  # raised by each claim
    Column("host", Text),  # who has claimed it
    Column("pid", Integer),
    Column("process_started", Text),
    Column("claimed_at", Word),
    Column("destination", Text),
    Column("media", Word),
    Column("payload", LargeBinary),  # what was, or is to be, sent, letter for letter
    Column("receipt_id", Word),  # what the other side calls it
    Column("receipt_status", Word),
    Column("receipt", Text),  # what it said
    Column("sent_at", Word),
    Column("delivery_id", Id),  # that caused it; none where its day has come
    UniqueConstraint("export", "key", name="outbox_once"),
    Index("outbox_by_activity", "activity_id"),
)
_OPEN = text("state IN ('queued', 'failed', 'sending')")
Index("outbox_open", outbox.c.export, outbox.c.id, sqlite_where=_OPEN, postgresql_where=_OPEN)
Index(
    "outbox_by_receipt",
    outbox.c.receipt_id,
    sqlite_where=outbox.c.receipt_id.is_not(None),
    postgresql_where=outbox.c.receipt_id.is_not(None),
)

replies = Table(
    "replies",
    metadata,
    Column("id", Id, primary_key=True),
    Column("export", Word, nullable=False),
    Column("request", Word, nullable=False),  # what the other side calls its request
    Column("activity_id", Id),  # none where there was none of that key
    Column("at", Word, nullable=False),
    Column("media", Word, nullable=False),
    Column("payload", LargeBinary),  # letter for letter; not for ever
    Column("once", Json, nullable=False),  # the names of what is not said again, once this has come
    Column("acknowledged_at", Word),  # when a later request said so
    UniqueConstraint("export", "request", name="replies_once"),
    Index("replies_by_activity", "export", "activity_id"),
)
