"""What the rooms hand to each other: definitions as the language leaves them, and what runs produce.

Values only, no behaviour beyond reading them; nothing here knows a file, a database or a transport.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from engine.deferred import Reference, Template
from engine.effect import Effect
from engine.exported import Export as Export
from engine.exported import SentReport as SentReport
from engine.terms import ActivityField as ActivityField
from engine.terms import ActivityType as ActivityType
from engine.terms import Const as Const
from engine.terms import Dealer as Dealer
from engine.terms import Value as Value
from engine.terms import ValueMap as ValueMap

# --- fields ---------------------------------------------------------------------------------


class Column(NamedTuple):
    """A header, literally; of several names the one that the file has."""

    names: tuple[str, ...]


class Path(NamedTuple):
    """JMESPath on the raw record; of several the first that is not null."""

    expressions: tuple[str, ...]


class Context(NamedTuple):
    """`file.name`, `file.groups.day`, `run.date`, `parent.id`, `trigger.id`."""

    reference: Reference


class FromField(NamedTuple):
    name: str


class FirstOf(NamedTuple):
    """The first of these fields that is not blank."""

    names: tuple[str, ...]


class Join(NamedTuple):
    """Columns (or fields) put together, blanks skipped."""

    columns: tuple[str, ...]
    fields: tuple[str, ...]
    separator: str


class Sum(NamedTuple):
    """The sum of `field` over the elements of the list field `list`, exact."""

    list: str
    field: str


class Text(NamedTuple):
    """`text: 'Repair order ${field.number}'`."""

    template: Template


Source: TypeAlias = Column | Path | Context | Const | FromField | FirstOf | Join | Sum | Text


@dataclass(frozen=True, slots=True)
class Field:
    """One mapped field: where its value comes from and what it goes through, in this order."""

    name: str
    source: Source
    optional: bool = False  # the column may be missing
    null_values: tuple[str, ...] | None = None  # None: those of `decode`
    transforms: tuple[tuple[str, Mapping[str, Value]], ...] = ()  # (name, arguments)
    type: str = "string"
    options: Mapping[str, Value] = field(default_factory=dict)  # unit, formats, timezone ...
    map: ValueMap | None = None
    pattern: str | None = None
    required: bool = False
    default: Value = None
    on_error: str = "quarantine"  # quarantine, blank, warn
    by: str | None = None  # list: pairs elements across re-sends
    partial: bool = False  # list: elements and keys that are not told of stay
    keep: tuple[str, ...] = ()  # list: a blank does not take away what was set here
    fields: Mapping[str, "Field"] = field(default_factory=dict)  # list, object
    where: str = ""  # "feeds/vendors/ids/sales.yaml:41", for lineage and messages


# --- records, people, activities ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordJoin:
    """A record of another list of the same document, attached under `name`."""

    name: str
    list: str
    key: str
    by: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Records:
    """Which records of a document are wanted."""

    path: str | None = None
    condition: str | None = None  # `if`: JMESPath on mapped fields; else the record is filtered
    lapsed: str | None = None  # the state of a known record that no longer passes `if`
    check: str | None = None
    joins: tuple[RecordJoin, ...] = ()
    unused: tuple[str, ...] = ()
    on_bad: str = "quarantine"  # quarantine, fail
    on_duplicate: str = "quarantine"  # quarantine, last


class Minimum(NamedTuple):
    """The least version of a product of the other side, and where a record says which one it has."""

    product: str
    path: str
    version: str


class KeyParts(NamedTuple):
    """An alternative of a key: present when every part is."""

    names: tuple[str, ...]


class KeyHash(NamedTuple):
    """An alternative made of a hash; blanks are allowed in it."""

    names: tuple[str, ...]


KeyItem: TypeAlias = KeyParts | KeyHash


@dataclass(frozen=True, slots=True)
class StateCase:
    condition: str | None  # None: otherwise
    state: str


@dataclass(frozen=True, slots=True)
class StateRule:
    """A word (one case without a condition), cases in order, or a field's value through a map."""

    cases: tuple[StateCase, ...] = ()
    source: str | None = None
    map: ValueMap | None = None


@dataclass(frozen=True, slots=True)
class After:
    """This activity waits for another; also names the activity whose contact is taken."""

    type: str
    key: tuple[str, ...]
    on_missing: str = "hold"  # hold, refuse, ignore


@dataclass(frozen=True, slots=True)
class ActivitySpec:
    """How a record (or each element of one of its lists) becomes an activity."""

    type: str
    key: tuple[KeyItem, ...]
    occurred: str | None
    state: StateRule | None
    values: tuple[tuple[str, str], ...]  # (field of the activity type, mapped field)
    each: str | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)  # of an element of `each`
    gone: str | None = None
    condition: str | None = None
    set: Mapping[str, Value | Template] = field(default_factory=dict)
    keep_first: tuple[str, ...] = ()
    on_none: str = "create"  # create, ignore
    after: After | None = None
    minima: tuple[Minimum, ...] = ()  # a record from an older version goes without this activity


@dataclass(frozen=True, slots=True)
class ContactSpec:
    """Which fields make a contact, and how it is found. `match` words: `2-language`, ruling 10."""

    values: tuple[tuple[str, str], ...]  # (contact field, mapped field)
    match: tuple[tuple[str, ...], ...] = (("externalId",), ("email", "name"), ("phone", "lastName"))
    on_none: str = "create"  # create, ignore
    on_many: str = "review"  # review, ignore
    source: After | None = None  # `from:` take the contact of that activity


@dataclass(frozen=True, slots=True)
class VehicleSpec:
    values: tuple[tuple[str, str], ...]
    match: tuple[tuple[str, ...], ...] = (("vin",),)
    on_none: str = "create"


@dataclass(frozen=True, slots=True)
class Stream:
    """One record shape of a feed; a feed without `streams:` has one, named ""."""

    name: str
    records: Records
    fields: Mapping[str, Field]
    contact: ContactSpec | None
    vehicle: VehicleSpec | None
    activities: tuple[ActivitySpec, ...]
    version: str | None = None
    # An employee takes the place of contact and activities; it is made as one is, its roles among what is `set`.
    employee: ActivitySpec | None = None
    minima: tuple[Minimum, ...] = ()  # a record from an older version is quarantined


@dataclass(frozen=True, slots=True)
class Guards:
    max_bad_percent: float | None = None
    max_drop_percent: float | None = None
    min_rows: int | None = None
    warn_after: int | None = None  # seconds
    error_after: int | None = None  # seconds
    business_days: tuple[str, ...] = ()  # "mon": of these alone the two before count; none: of every day


@dataclass(frozen=True, slots=True)
class Feed:
    """One dealer's use of one definition, resolved; only secrets and run-time references are open."""

    id: str  # "acme-rv/ids-sales"
    title: str
    definition: str  # "ids/sales"
    namespace: str
    dealer: Dealer
    enabled: bool
    reason: str  # why it is not enabled
    transport: Mapping[str, Value]  # as in the YAML; SecretRef and Template stand in it
    decode: Mapping[str, Value]  # always has `format`
    streams: tuple[Stream, ...]
    activity_types: Mapping[str, ActivityType]  # those its streams name
    schedule: Mapping[str, Value]
    guards: Guards
    excluded: tuple[str, ...] = ()  # classes of exports that get nothing of this feed
    excluded_where: str = ""
    exports: tuple[Export, ...] = ()  # its dealer's, those that are enabled
    unread_exports: tuple[str, ...] = ()  # the same that have an error: nothing is queued for them
    sends_whole: bool = True  # each delivery is the whole truth (a file), not what changed
    triggers: tuple[Mapping[str, Value], ...] = ()
    tags: tuple[str, ...] = ()
    gates: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)  # enable/retire: gate -> date
    params: Mapping[str, Value] = field(default_factory=dict)  # what conditions see; no secrets
    mapping_hash: str = ""  # of all that decides what a raw record becomes; never of a schedule
    path: str = ""  # of the dealer's file
    # The definition as it was resolved, by its sections, with references as they are written: what a later
    # one is compared with. Nothing is decided by it.
    written: Mapping[str, Value] = field(default_factory=dict, compare=False, repr=False)


# --- what a delivery holds ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """A record that could not be used: `index` is its place in its batch, `raw` is kept exactly."""

    index: int
    line: int
    code: str
    message: str
    field: str | None = None
    value: str | None = None


class Batch(NamedTuple):
    """Some records of a delivery, in order.

    `rows` are lists of cells (beside `Decoded.header`) or JSON-like records. `lines` are where
    each begins, from 1: a physical line for text, else the record's number. `raws` are the
    records as they were sent (text), one per row. `faults` index into rows: those rows are not
    to be mapped.
    """

    rows: list[Any]
    lines: list[int]
    raws: list[str]
    faults: list[Fault]


@dataclass(frozen=True, slots=True)
class Beside:
    """What an API was asked for each record: `of[n]` is the index of its document for raw record n, or None.

    `read` is the JMESPath of what counts in a document, None for all of it.
    """

    of: Sequence[int | None]
    documents: Sequence[Value]
    read: str | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded delivery. `header` is None where records are JSON-like.

    `whole` says that the batches hold documents, from which `records.path` selects (or `path`, which
    takes its place); else each row is a record. `beside` becomes part of the records, by name.
    """

    header: tuple[str, ...] | None
    batches: Iterator[Batch]
    whole: bool = False
    encoding: str = ""
    notes: tuple[tuple[str, str], ...] = ()  # (code, message), such as a header that is not NFC
    path: str | None = None
    beside: Mapping[str, Beside] = field(default_factory=dict)


class MappedContact(NamedTuple):
    """`fields` holds what is not blank, by the contact field's name, keys included."""

    external_id: str | None
    emails: tuple[str, ...]  # case-folded
    phones: tuple[str, ...]  # E.164
    first: str
    last: str
    company: str
    fields: dict[str, Value]


class MappedVehicle(NamedTuple):
    """`keys` are the alternatives that are present, strongest first ("vin=1ZZ...")."""

    keys: tuple[str, ...]
    fields: dict[str, Value]


class MappedActivity(NamedTuple):
    """One activity. A field that is absent from `fields` is kept, one that is None is cleared."""

    spec: int  # index into Stream.activities
    keys: tuple[str, ...]  # alternatives that are present, strongest first; [0] is its key
    occurred: str | None
    state: str | None
    fields: dict[str, Value]
    after: tuple[str, str] | None = None  # (type, key) it waits for


class MappedRecord(NamedTuple):
    index: int  # type: ignore[assignment]  # into the batch; tuple.index is not used here
    contact: MappedContact | None
    vehicle: MappedVehicle | None
    activities: tuple[MappedActivity, ...]
    version: str | None
    contact_from: tuple[str, str] | None  # (type, key) of the activity whose contact it is
    lapsed: bool  # it does not pass `if`, and the stream says what then becomes of a known one
    employee: MappedActivity | None = None


class MappedBatch(NamedTuple):
    records: list[MappedRecord]
    filtered: list[int]  # indexes
    faults: list[Fault]
    warnings: list[Fault]  # values kept or blanked, by `onError`; the record went on


# --- what runs produce ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Issue:
    """Something a person should look at."""

    code: str
    message: str
    severity: str = "warning"  # error, warning, info
    feed: str | None = None
    delivery: str | None = None
    line: int | None = None
    field: str | None = None


@dataclass(slots=True)
class Tally:
    """Counts of one delivery; `read = inserted + updated + unchanged + filtered + quarantined`."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    filtered: int = 0
    quarantined: int = 0
    contacts_created: int = 0
    contacts_matched: int = 0
    contacts_updated: int = 0
    contacts_review: int = 0
    activities_inserted: int = 0
    activities_updated: int = 0
    elements_quarantined: int = 0
    held: int = 0

    @property
    def is_balanced(self) -> bool:
        return self.read == self.inserted + self.updated + self.unchanged + self.filtered + self.quarantined

    def add(self, other: "Tally") -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class DeliveryReport:
    name: str
    state: str
    sha256: str = ""
    bytes: int = 0
    tally: Tally = field(default_factory=Tally)
    number: int | None = None  # its id in the ledger
    effect: Effect | None = None  # of a trial


@dataclass(slots=True)
class FeedReport:
    """What one run did for one feed. Outcomes: ok, partial, empty, refused, failed, paused, locked."""

    feed: str
    outcome: str = "ok"
    deliveries: list[DeliveryReport] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    seconds: float = 0.0
    unreachable: bool = False  # the source could not be reached or refused the login
    coverage: Mapping[str, int | None] | None = None  # of an API: promised, seen, passes
    hooks: Mapping[str, int] | None = None  # requests of the inbox: done, filtered, failed, waiting

    @property
    def tally(self) -> Tally:
        total = Tally()
        for delivery in self.deliveries:
            total.add(delivery.tally)
        return total


@dataclass(slots=True)
class RunReport:
    run: int | None
    started: datetime
    feeds: list[FeedReport] = field(default_factory=list)
    exports: list[SentReport] = field(default_factory=list)  # of which something was to be sent
