"""The store's tables, for SQLite and PostgreSQL alike. Names and types only; never reads or writes.

Times are UTC text of fixed width ("2022-01-28T14:00:00.000000Z"), a local day is "2022-01-28":
text orders as time on both databases, in every collation we ask for ("C"). Money is decimal
text inside the JSON columns. `fields` never holds nulls: a field without a value is not there.
"""

from sqlalchemy import Column, ForeignKey, Index, Integer, Sequence, SmallInteger, Table, Text, UniqueConstraint

from engine.store.columns import Digest, Id, Json, Word, metadata
from engine.store.ledger import (
    alerts,
    audit,
    breakers,
    cursors,
    definitions,
    deliveries,
    heartbeats,
    inbox,
    inbox_feeds,
    incidents,
    issues,
    last_definitions,
    last_runs,
    leases,
    quarantine,
    runs,
    sightings,
    slots,
    tokens,
    totals,
    turns,
)
from engine.store.outgoing import outbox, replies

# What is written by the batch takes its ids from reserved blocks: from these on PostgreSQL, on
# SQLite from the table below.
RESERVED = tuple(
    Sequence(f"{name}_ids", metadata=metadata)
    for name in ("contacts", "vehicles", "activities", "activity_changes", "quarantine")
)
sequences = Table(
    "sequences",
    metadata,
    Column("name", Word, primary_key=True),
    Column("next", Id, nullable=False),
)

installation = Table(
    "installation",  # one row: tells our claims on a server from another engine's
    metadata,
    Column("tag", Word, primary_key=True),
)

dealers = Table(
    "dealers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Word, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("timezone", Word, nullable=False),
)

feeds = Table(
    "feeds",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Word, nullable=False, unique=True),
    Column("dealer_id", Id, ForeignKey("dealers.id"), nullable=False),
    Column("definition", Word, nullable=False),
    Column("namespace", Word, nullable=False),
    Column("mapping_hash", Word, nullable=False),
    Column("excluded", Json, nullable=False),  # classes of exports that get nothing of this feed
    Column("paused_at", Word),
    Column("paused_by", Text),
    Column("paused_reason", Text),
    Column("paused_until", Word),
    Column("data_at", Word),  # when data came last: rows of a file, or what an API had not told before
    Column("retired_at", Word),  # ended for good: it is not run, whatever its entry says
    Column("retired_by", Text),
    Column("purge", Word),  # begun, done
)

contacts = Table(
    "contacts",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("dealer_id", Id, nullable=False),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("company", Text, nullable=False),
    Column("last_key", Word, nullable=False),  # last name (or company) without case and accents
    Column("fields", Json, nullable=False),
    Column("provenance", Json, nullable=False),  # {field: [delivery, line]} or [delivery, line, version]
    Column("created_at", Word, nullable=False),
    Column("updated_at", Word, nullable=False),
    Column("merged_into", Id),
    Index("contacts_by_name", "dealer_id", "last_key"),
)

contact_keys = Table(
    "contact_keys",
    metadata,
    Column("dealer_id", Id, primary_key=True, autoincrement=False),
    Column("kind", Word, primary_key=True),  # email, phone, external
    Column("value", Word, primary_key=True),
    Column("namespace", Word, primary_key=True),  # of external ids; else ""
    Column("contact_id", Id, primary_key=True, autoincrement=False),
    Index("contact_keys_by_contact", "contact_id"),
    sqlite_with_rowid=False,  # the key is the row: one tree to write instead of two
)

reviews = Table(
    "reviews",
    metadata,
    Column("id", Id, primary_key=True),
    Column("dealer_id", Id, nullable=False),
    Column("contact_id", Id, nullable=False),
    Column("candidate_id", Id, nullable=False),
    Column("reason", Text, nullable=False),
    Column("delivery_id", Id, nullable=False),
    Column("line", Integer, nullable=False),
    Column("state", Word, nullable=False),  # open, merged, kept
    Column("created_at", Word, nullable=False),
    UniqueConstraint("contact_id", "candidate_id", name="reviews_once"),
)

vehicles = Table(
    "vehicles",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("dealer_id", Id, nullable=False),
    Column("key", Word, nullable=False),  # "vin=1ZZ...": the strongest it has
    Column("fields", Json, nullable=False),
    Column("provenance", Json, nullable=False),
    Column("updated_at", Word, nullable=False),
    UniqueConstraint("dealer_id", "key", name="vehicles_by_key"),
)

vehicle_keys = Table(
    "vehicle_keys",  # the weaker keys of vehicles that have several
    metadata,
    Column("dealer_id", Id, primary_key=True, autoincrement=False),
    Column("value", Word, primary_key=True),
    Column("vehicle_id", Id, nullable=False),
)

activities = Table(
    "activities",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("dealer_id", Id, nullable=False),
    Column("namespace", Word, nullable=False),
    Column("type", Word, nullable=False),
    Column("key", Word, nullable=False),
    Column("contact_id", Id),
    Column("vehicle_id", Id),
    Column("occurred", Word),
    Column("state", Word),
    Column("fields", Json, nullable=False),
    Column("version", Word),
    Column("feed_id", Id, nullable=False),
    Column("delivery_id", Id, nullable=False),  # the one that wrote it last
    Column("line", Integer, nullable=False),
    Column("match", Word),  # how the contact was found: externalId, email+name, created ...
    Column("digest", Digest, nullable=False),  # of the raw record and the definition
    Column("parts", SmallInteger, nullable=False),  # activities this record made
    Column("group_key", Word),  # the record an element belongs to, where `gone` asks for it
    Column("waits_for", Word),  # "type|key" while state is `held`
    Column("held_state", Word),  # its state once released
    Column("created_in", Id, nullable=False),  # the delivery that first brought it
    Column("created_at", Word, nullable=False),
    Column("updated_at", Word, nullable=False),
    Column("also_feed_id", Id),  # the other feed that wrote it last: it is not this one's alone
    UniqueConstraint("dealer_id", "namespace", "type", "key", name="activities_by_key"),
    Index("activities_by_digest", "digest"),
    Index("activities_by_contact", "contact_id"),
    Index("activities_by_time", "dealer_id", "type", "occurred"),
)
Index(
    "activities_by_group",
    activities.c.group_key,
    sqlite_where=activities.c.group_key.is_not(None),
    postgresql_where=activities.c.group_key.is_not(None),
)
Index(
    "activities_held",
    activities.c.dealer_id,
    activities.c.waits_for,
    sqlite_where=activities.c.waits_for.is_not(None),
    postgresql_where=activities.c.waits_for.is_not(None),
)

activity_changes = Table(
    "activity_changes",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("activity_id", Id, nullable=False, index=True),
    Column("at", Word, nullable=False),
    Column("delivery_id", Id, nullable=False),
    Column("line", Integer, nullable=False),
    Column("changes", Json, nullable=False),  # {name: [before, after]} of fields and columns
    Column("before", Json, nullable=False),  # the row's own columns, to take the change back
)

employees = Table(
    "employees",
    metadata,
    Column("id", Id, primary_key=True),
    Column("dealer_id", Id, nullable=False),
    Column("namespace", Word, nullable=False),
    Column("key", Word, nullable=False),
    Column("state", Word),
    Column("fields", Json, nullable=False),  # its roles among them
    Column("version", Word),
    Column("feed_id", Id, nullable=False),
    Column("delivery_id", Id, nullable=False),  # the one that told of it last
    Column("line", Integer, nullable=False),
    Column("updated_at", Word, nullable=False),
    UniqueConstraint("dealer_id", "namespace", "key", name="employees_by_key"),
)

# All tables go by this module, those of the ledger too.
__all__ = [
    "RESERVED",
    "activities",
    "activity_changes",
    "alerts",
    "audit",
    "breakers",
    "contact_keys",
    "contacts",
    "cursors",
    "dealers",
    "definitions",
    "deliveries",
    "employees",
    "feeds",
    "heartbeats",
    "inbox",
    "inbox_feeds",
    "incidents",
    "installation",
    "issues",
    "last_definitions",
    "last_runs",
    "leases",
    "metadata",
    "outbox",
    "quarantine",
    "replies",
    "reviews",
    "runs",
    "sequences",
    "sightings",
    "slots",
    "tokens",
    "totals",
    "turns",
    "vehicle_keys",
    "vehicles",
]
