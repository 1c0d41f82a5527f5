"""The tables of the ledger: runs, deliveries, what was found in them, what feeds remember. Names and types only.

See `tables.py`, by which all tables go.
"""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from engine.store.columns import Digest, Id, Json, Word, metadata

runs = Table(
    "runs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("started_at", Word, nullable=False),
    Column("finished_at", Word),
    Column("outcome", Word),
    Column("report", Json),
    Column("brief", Integer),  # 1: its details were forgotten
    Index("runs_by_outcome", "outcome", "started_at"),
)
Index(
    "runs_in_full",
    runs.c.started_at,
    sqlite_where=runs.c.brief.is_(None),
    postgresql_where=runs.c.brief.is_(None),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("feed_id", Id, ForeignKey("feeds.id"), nullable=False),
    Column("run_id", Id),
    Column("kind", Word, nullable=False),  # file, page, hook, nudge; replay
    Column("parent_id", Id),  # the delivery a replay reads again
    Column("source", Word, nullable=False),  # where it came from, see Files.source
    Column("name", Word, nullable=False),  # as the sender named it, escaped
    Column("size", BigInteger),
    Column("modified", Float(53)),  # seconds, as the far side says
    Column("claim", Word),  # its name on the far side while it is ours
    Column("sha256", Word),
    Column("state", Word, nullable=False),  # see journal.py
    Column("error_code", Word),
    Column("error", Text),
    Column("attempts", Integer, nullable=False, default=0),
    Column("mapping_hash", Word),
    Column("run_date", Word),  # the dealer's day on which it first came
    Column("run_now", Word),
    Column("header", Text),  # header line as a fingerprint of the layout
    Column("checkpoint", BigInteger),  # records committed so far, in chunked mode
    Column("progress", Json),  # what chunked mode must remember beside it
    Column("counts", Json),
    Column("created_at", Word, nullable=False),
    Column("updated_at", Word, nullable=False),
    Index("deliveries_by_file", "feed_id", "source", "name"),
    Index("deliveries_by_source", "source", "name"),
    Index("deliveries_by_state", "feed_id", "state"),
    Index("deliveries_by_sha", "sha256"),
    Index("deliveries_by_run", "run_id"),
)

issues = Table(
    "issues",
    metadata,
    Column("id", Id, primary_key=True),
    Column("run_id", Id),
    Column("feed_id", Id),
    Column("delivery_id", Id),
    Column("code", Word, nullable=False),
    Column("severity", Word, nullable=False),
    Column("message", Text, nullable=False),
    Column("line", Integer),
    Column("field", Word),
    Column("at", Word, nullable=False),
    Index("issues_by_run", "run_id"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("feed_id", Id, nullable=False),
    Column("delivery_id", Id, nullable=False),
    Column("line", Integer, nullable=False),
    Column("code", Word, nullable=False),
    Column("field", Word),
    Column("value", Text),
    Column("message", Text, nullable=False),
    Column("raw", Text),  # exactly as sent; gone 90 days after it is resolved
    Column("digest", Digest, nullable=False),
    Column("state", Word, nullable=False),  # open, fixed, replayed, discarded
    Column("fix", Json),  # {column or path: new value}
    Column("note", Text),
    Column("actor", Text),
    Column("created_at", Word, nullable=False),
    Column("resolved_at", Word),
    Index("quarantine_by_digest", "feed_id", "digest"),
    Index("quarantine_by_delivery", "delivery_id"),
)

Index(
    "quarantine_waiting",
    quarantine.c.feed_id,
    quarantine.c.created_at,
    sqlite_where=text("state IN ('open', 'fixed')"),
    postgresql_where=text("state IN ('open', 'fixed')"),
)

sightings = Table(
    "sightings",  # what a listing saw, so that the next run knows how long a file has stood still
    metadata,
    Column("feed_id", Id, primary_key=True, autoincrement=False),
    Column("source", Word, primary_key=True),
    Column("name", Word, primary_key=True),
    Column("size", BigInteger),
    Column("modified", Float(53)),
    Column("since", Word, nullable=False),
)

cursors = Table(
    "cursors",
    metadata,
    Column("feed_id", Id, primary_key=True, autoincrement=False),
    Column("slice", Word, primary_key=True),
    Column("value", Word),
    Column("position", Json),
    Column("updated_at", Word, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Word, primary_key=True),
    Column("fence", Id, nullable=False),
    Column("host", Text),  # None: free
    Column("pid", Integer),
    Column("process_started", Text),
    Column("expires_at", Word),
)

breakers = Table(
    "breakers",  # a refused login is not tried again before `until`
    metadata,
    Column("login", Word, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("until", Word, nullable=False),
    Column("message", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Word, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Word, nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Json, nullable=False),
)

slots = Table(
    "slots",  # the newest time of its schedule that a feed was run for
    metadata,
    Column("feed", Word, primary_key=True),
    Column("slot", Word, nullable=False),  # of a feed that never ran: when it was first seen
    Column("begun_at", Word),
    Column("ended_at", Word),  # None after `begun_at`: at work, cut short, or to be tried again
    Column("outcome", Word),
    Column("run_id", Id),
)

last_runs = Table(
    "last_runs",  # how the newest run of a feed came out, and since when what is wrong has been so
    metadata,
    Column("feed_id", Id, primary_key=True, autoincrement=False),
    Column("run_id", Id, nullable=False),
    Column("at", Word, nullable=False),  # its end
    Column("outcome", Word, nullable=False),
    Column("read", BigInteger, nullable=False),
    Column("first_at", Word, nullable=False),  # the end of its first run: from there on data is expected
    Column("bad_since", Word),  # None: nothing stands against it
    Column("bad_run", Id),  # the last that failed or refused
    Column("bad_outcome", Word),
    Column("bad_code", Word),
)

totals = Table(
    "totals",  # what all runs of a feed come to, beside what is forgotten of them
    metadata,
    Column("feed_id", Id, primary_key=True, autoincrement=False),
    Column("runs", BigInteger, nullable=False),
    Column("seconds", Float(53), nullable=False),
    Column("succeeded_at", Word),  # the end of the last run that did not fail
    *(
        Column(name, BigInteger, nullable=False)
        for name in ("read", "inserted", "updated", "unchanged", "filtered", "quarantined")
    ),
)

heartbeats = Table(
    "heartbeats",  # processes that run feeds by their schedules
    metadata,
    Column("name", Word, primary_key=True),  # host, process, and when that began
    Column("role", Word, nullable=False),
    Column("started_at", Word, nullable=False),
    Column("at", Word, nullable=False),
    Column("details", Json, nullable=False),
)

incidents = Table(
    "incidents",  # what somebody is told of: from when it was seen until it is over
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", Word, nullable=False),  # its state and its subject
    Column("state", Word, nullable=False),
    Column("level", Word, nullable=False),
    Column("subject", Text, nullable=False),  # a feed, or what several feeds have in common
    Column("feeds", Json, nullable=False),  # their names
    Column("sentence", Text, nullable=False),
    Column("since", Word, nullable=False),  # when it began
    Column("opened_at", Word, nullable=False),  # when it was seen
    Column("closed_at", Word),
    Column("ending", Text),  # how things are instead
)
Index(
    "incidents_open",
    incidents.c.key,
    unique=True,
    sqlite_where=incidents.c.closed_at.is_(None),
    postgresql_where=incidents.c.closed_at.is_(None),
)

alerts = Table(
    "alerts",  # who was told of an incident; the row is there before the message goes out
    metadata,
    Column("incident_id", Id, primary_key=True, autoincrement=False),
    Column("channel", Word, primary_key=True),
    Column("event", Word, primary_key=True),  # opened, recovered
    Column("state", Word, nullable=False),  # claimed, sent, refused
    Column("at", Word, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("again_at", Word),  # of one that was refused
    Column("error", Text),
)

definitions = Table(
    "definitions",  # sections of definitions as feeds ran with them; most feeds share most sections
    metadata,
    Column("digest", Word, primary_key=True),
    Column("content", Json, nullable=False),  # references stand in it as they were written, secrets' too
)

last_definitions = Table(
    "last_definitions",  # what a feed last ran with
    metadata,
    Column("feed_id", Id, primary_key=True, autoincrement=False),
    Column("mapping_hash", Word, nullable=False),
    Column("sections", Json, nullable=False),  # {section: digest}
    Column("at", Word, nullable=False),
)

inbox = Table(
    "inbox",  # requests from outside; the same one again is a duplicate, or a later turn of the name
    metadata,
    Column("name", Word, primary_key=True),
    Column("turn", Integer, primary_key=True, autoincrement=False),
    Column("endpoint", Word, nullable=False),
    Column("received_at", Word, nullable=False),
    Column("keep_until", Word, nullable=False),  # till then it is the same one that comes again
    Column("size", BigInteger, nullable=False),
    Column("content", LargeBinary),  # on SQLite in the spool
    Column("duplicates", Integer, nullable=False),
    Index("inbox_by_end", "keep_until"),
)

inbox_feeds = Table(
    "inbox_feeds",  # each feed that listens deals with a request by itself
    metadata,
    Column("name", Word, primary_key=True),
    Column("turn", Integer, primary_key=True, autoincrement=False),
    Column("feed", Word, primary_key=True),
    Column("state", Word, nullable=False),  # waiting, done, filtered, failed
    Column("delivery_id", Id),
    Column("received_at", Word, nullable=False),
    Column("updated_at", Word, nullable=False),
    Column("due_at", Word),  # of one that waits: not to be taken up before, since it was in vain
    Index("inbox_feeds_by_state", "feed", "state", "received_at"),
)
# Of months of requests few wait, and a scheduler asks for them each second.
Index(
    "inbox_feeds_waiting",
    inbox_feeds.c.feed,
    sqlite_where=inbox_feeds.c.state == "waiting",
    postgresql_where=inbox_feeds.c.state == "waiting",
)

tokens = Table(
    "tokens",  # what logs in at an API for a while; sealed with a key made of the login's own secrets
    metadata,
    Column("name", Word, primary_key=True),
    Column("sealed", Text, nullable=False),
    Column("updated_at", Word, nullable=False),
)

turns = Table(
    "turns",  # when an API was asked last, for its rate limit: seconds since 1970
    metadata,
    Column("name", Word, primary_key=True),
    Column("times", Json, nullable=False),
)
