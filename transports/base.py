"""The contract between the engine and the far side. Imports nothing from the engine, and never will.

TransportError
    Unreachable      no connection, or it broke         retried at the next run
    LoginRefused     wrong user, password or key        the operator; one try, then a breaker
    HostKeyChanged   the server is not the pinned one   the operator; nothing is sent
    FileVanished     the file is no longer there        nobody
    FileChanged      it is no longer the file we saw    nobody; the newer one is taken next
    TransferCut      fewer or more bytes than the       retried from the first byte
                     server says the file has
    Refused          the server does not allow this,    the operator (rename, delete, read; an address
                     or we do not                       that is not asked for)
    Throttled        the API wants a longer pause       retried when its wait is over
                     than a run should sit out
    BadReply         an API answered, but not so that   the author, or the other side; not retried
                     anything can be imported           in this run
    Uncertain        what was to go out left, and no    a person, unless the other side knows it
                     answer came                        again by its key

What a `Sender` raises means for the parcel: with Uncertain it **may have been taken**; with every other one it
was **certainly not taken**. Sent again later by itself: Unreachable, TransferCut, Throttled (not before its `wait`),
BadReply and Uncertain where their `again` is True. Sent again once somebody has acted, since the next parcel would
fare no better: LoginRefused, HostKeyChanged. Not sent again as it is: Refused, FileChanged, FileVanished, BadReply.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

# What a definition's `transport:` block holds once references and secrets are resolved:
# camelCase keys, plain YAML values, and `Secret` where the definition said `${secret.NAME}`.
Settings = Mapping[str, Any]


class TransportError(Exception):
    """Root of what the far side can do to us; the text is fit for a person and holds no secret."""


class Unreachable(TransportError): ...


class LoginRefused(TransportError): ...


class HostKeyChanged(TransportError): ...


class FileVanished(TransportError): ...


class FileChanged(TransportError): ...


class TransferCut(TransportError): ...


class Refused(TransportError): ...


class Uncertain(TransportError):
    """A parcel left whole, and no answer came: the other side may have taken it.

    `again`: the same may be sent again, since the other side knows it by its key.
    """

    def __init__(self, message: str, again: bool = False) -> None:
        super().__init__(message)
        self.again = again


class Throttled(TransportError):
    """The other side wants us to stay away for `wait` seconds, which is longer than a run waits.

    0 where it took nothing and does not say for how long.
    """

    def __init__(self, message: str, wait: float) -> None:
        super().__init__(message)
        self.wait = wait


class BadReply(TransportError):
    """A reply that is none for us: a status that no rule takes, a page that repeats, an error inside a 200.

    `status` is that of HTTP. `code` is stable: "http.status", "http.rule" (an `onError` rule said fail), "http.repeats"
    (the same page or token twice), "http.maxPages", "http.tooLarge", "http.notDecoded", "http.token" (no token in the
    reply of a login), "http.conditional", "http.job" (a list that was ordered is not made), "http.notAccepted"
    (`accepted` does not hold). `again`, of a parcel: nothing was taken, and the same may be sent again later.
    """

    def __init__(self, message: str, status: int | None = None, code: str = "http.status", again: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.again = again


class Secret:
    """A value that does not show itself: repr, str and format print `***`, and it does not pickle."""

    __slots__ = ("_value", "name")

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self._value = value

    def reveal(self) -> str:
        """The value, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.name}=***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written anywhere")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A plain file as the far side describes it.

    `name` is one path segment, never trusted as a local path; bytes that are no UTF-8 stand as
    surrogate escapes. `size` is in bytes, `modified` in seconds since 1970 UTC; None where the
    server does not say (or says it without a year or a zone).
    """

    name: str
    size: int | None
    modified: float | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What `fetch` wrote: how many bytes, and their sha256 as lower-case hex."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Tools:
    """What a transport needs from above, given as plain callables.

    `clock` is a monotonic time in seconds, `progress` hears bytes as they arrive, `note` takes
    (event, details) for the structured log: names escaped, never a secret.
    """

    clock: Callable[[], float]
    progress: Callable[[int], None] = field(default=lambda count: None)
    note: Callable[[str, Mapping[str, object]], None] = field(default=lambda event, details: None)


class Files(Protocol):
    """One open directory on the far side. `connect(settings, tools)` gives it as a context manager.

    Each method raises a TransportError and nothing else; after Unreachable the connection is dead.
    """

    # Who shares this place: kind, host, port, user, directory. The same place reached by two
    # feeds has the same text; it never holds a secret. The ledger knows files by (source, name).
    source: str

    def files(self) -> Iterator[RemoteFile]:
        """Every plain file in the directory, in no promised order, not following links.

        A name that is not one path segment, or holds a NUL, is left out and noted
        ("name.unsafe"). One unreadable name never hides the others. A listing that
        breaks off raises; it is never taken for a short one.
        """

    def claim(self, file: RemoteFile, name: str) -> RemoteFile:
        """Rename `file` to `name` in the same directory and return it as it stands now.

        Never replaces an existing file. Raises FileVanished when it is gone, and
        Refused when the server will not rename (the caller goes on without a claim).
        """

    def fetch(self, file: RemoteFile, target: Path) -> Fetched:
        """Write the whole file to `target`, or raise and leave no `target` behind.

        The bytes are counted against a stat taken **after** the read; a difference is
        TransferCut, a newer size or time than `file` has is FileChanged. `target` is on
        disk (fsync) when this returns. It must not exist before.
        """

    def remove(self, file: RemoteFile) -> None:
        """Delete exactly this file.

        Succeeds when it is already gone. Raises FileChanged, and deletes nothing, when
        size or time differ from `file`: the sender has replaced it.
        """

    def move(self, file: RemoteFile, folder: str, name: str) -> None:
        """Move exactly this file into `folder` (relative to the directory, made if missing) as `name`.

        The same promises as `remove`; an existing `name` there is never replaced
        (a free name with a number is taken).
        """


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered: header names in lower case, the transfer's compression undone, `body` capped."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it goes out, fit to be shown: `***` stands for every secret."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Page:
    """One reply of an API with everything that belongs to it.

    `name` is how the ledger calls it ("GET /order?limit=100&skip=200"), secrets masked. `envelope` is what is sealed
    (`transports/envelope.py`). `after` is the position to save in the transaction that stores the page: plain JSON, no
    secret, whole (it takes the place of the one before). Its `cursors`, {slice: value} with the slice "" where
    there is only one, are what people see and set (`feeds state`): values are canonical UTC text or whole numbers. A
    position that holds nothing but `cursors` goes on from there; all else in it is the transport's own affair.
    """

    name: str
    envelope: bytes
    after: Mapping[str, Any]
    # What `PageTools.carried` has of its reply, so that who imports the page at once need not decode it again.
    document: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what an API promised was seen: `promised` is None where it does not say.

    `seen` counts distinct records, `passes` the passes over the list that needed the most.
    """

    promised: int | None
    seen: int
    passes: int


@dataclass(frozen=True, slots=True)
class Moment:
    """A bound of a window, as `fill` finds it under `window.from` and `window.to`.

    `${window.from}` alone is `text`, with the type it has (text, or a number for epochs and integer cursors);
    with a format or an offset of its own (`${window.from:%Y-%m-%d}`) it is written from `at`, in the dealer's zone.
    `at` is None where the cursor is an integer.
    """

    at: datetime | None
    text: str | int


@dataclass(frozen=True, slots=True)
class Token:
    """What logs in for a while. `until` is in seconds since 1970 UTC, None where nobody said; repr shows no secret."""

    access: str = field(repr=False)
    until: float | None = None
    refresh: str | None = field(default=None, repr=False)


class Tokens(Protocol):
    """Where tokens outlive a run, by a name that holds no secret."""

    def load(self, name: str) -> Token | None:
        """The token last saved under this name, by whatever process."""

    def save(self, name: str, token: Token) -> None:
        """Keep it. On disk when this returns: a rotated refresh token is used only after that."""

    def held(self, name: str) -> AbstractContextManager[None]:
        """While the block runs nobody else, in any process, holds this name: one token is never refreshed twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTools:
    """What is needed from above by whatever sends requests, given as plain callables.

    `turn`, `sleep`, `note`, `document`, `search` and `tokens` may be called from several threads at once; the others
    only from the thread that iterates or sends. What a callable raises (a DecodeError, say) passes through. Senders
    of files and mails use `clock`, `now`, `progress` and `note` alone.
    """

    clock: Callable[[], float]  # monotonic seconds
    now: Callable[[], datetime]  # aware, UTC
    sleep: Callable[[float], None]  # seconds
    chance: Callable[[], float]  # 0 to 1, for jitter
    # The decoded body, or None where it cannot be decoded; for error rules, page tokens and ids.
    document: Callable[[Reply], Any]
    search: Callable[[str, Any], Any]  # (JMESPath, value)
    # (value of the settings, names): references filled in, at any depth of mappings and lists; what holds none comes
    # back as it is. A whole reference keeps its type; None where one names nothing, or where one inside a text has no
    # value. A Secret stays a Secret. Roots that stand in `names` (window, page, record, trigger, parent, a name of
    # `forEach`, request, ...) win over what is known anyway (run, dealer).
    fill: Callable[[Any, Mapping[str, Any]], Any]
    # The same for an address: whatever is filled in is percent-encoded whole (`/` and `?` among it), so that no value
    # leads to another path. Text, or a Secret where it holds one.
    address: Callable[[Any, Mapping[str, Any]], "str | Secret"]
    # (text, the `transforms:` of a definition): for texts that are signed.
    transform: Callable[[str, Sequence[Any]], str]
    tokens: Tokens
    turn: Callable[[], None] = field(default=lambda: None)  # waits for the rate limit of the credential
    progress: Callable[[int], None] = field(default=lambda count: None)  # bytes as they arrive
    note: Callable[[str, Mapping[str, object]], None] = field(default=lambda event, details: None)
    # In place of the network, where a test plays the other side: then requests go out one after the other, in an order
    # that is the same each time. What it raises passes through.
    answer: Callable[[Sent], Reply] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTools(SendTools):
    """What a transport of pages needs beside that."""

    # Raw records as `records.path` picks them, before `if`. Raises for a path that is not there, naming the keys that
    # are; an empty list is fine. It may keep what `document` decoded a moment ago: it is asked about the same object.
    records: Callable[[Reply], Sequence[Any]]
    # What makes each record the same when it is seen again, in the order of the records; "" where nothing does.
    identities: Callable[[Sequence[Any]], Sequence[str]]
    # The greatest value of the cursor field: canonical UTC text (ISO 8601), or a whole number; None where none has one.
    highest: Callable[[Sequence[Any]], str | int | None]
    # What a reply became when it was decoded a moment ago, for `Page.document`; None where nobody knows any more.
    carried: Callable[[Reply], Any] = field(default=lambda reply: None)


class Pages(Protocol):
    """The list of one API. `connect_pages(settings, tools)` gives it as a context manager.

    Each method raises a TransportError, or what a callable of the tools raised, and nothing else.
    """

    # Host and path, no secret: "api.example.com/v3/order".
    source: str

    # What the last `pages` saw; whole only once it has ended.
    coverage: Coverage

    def pages(self, position: Mapping[str, Any]) -> Iterator[Page]:
        """Every page from a saved position on ({} at first), one request at a time, and only when it is asked for.

        Going on from the `after` of the last page that was stored repeats no page and misses none, whatever
        happened since; only a pass of a `sweep` begins again, since such a list has no order to go on in. The cursor
        inside `after` moves with the last page of the last pass of a window, per value of `forEach` (with `ordered`,
        with every page). Once iteration has ended by itself, the last `after` is where the next run begins.
        """

    def one(self, id: str, trigger: Mapping[str, Any]) -> Page | None:
        """Exactly the object that a trigger names, by `byId`; None when the API does not have it (404).

        Its `after` is {}: no cursor moves. Raises BadReply where `notFound: fail`.
        """


@dataclass(frozen=True, slots=True)
class Parcel:
    """One thing that goes out. `settings` stand over those of the transport, as they were filled in for this item.

    `key` is the same whenever the same thing is sent again: it becomes the idempotency header, the Message-ID, the
    name of the temporary file. `name` is that of the file, for `sftp` and `file`, and of the attachment of a mail.
    """

    key: str
    body: bytes
    media: str  # "application/json"
    name: str | None = None
    settings: Settings = field(default_factory=dict)  # url, query, headers, to, subject ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """The other side took it. `text` is what it said, cut short and without secrets: for the eyes of an operator.

    It may repeat what was sent, and is never logged. `id` is what the other side calls it, None where it does not say.
    """

    id: str | None
    status: int | None
    text: str


class Sender(Protocol):
    """The way out of one export. `connect_sender(settings, tools)` gives it as a context manager; for one thread.

    Nothing is connected to before the first `send`, and a connection that broke is made anew at the next one.
    """

    # Who takes it: kind, user, host and path as far as they are the same for every parcel. Parcels for one
    # destination share a breaker and a rate limit. Never a secret.
    destination: str

    def send(self, parcel: Parcel) -> Receipt:
        """Send it once, and return when the other side has said that it took it.

        A file that is there already with the same content has been taken. Raises a TransportError, or what a callable
        of the tools raised, and nothing else; the table above says what each means for the parcel.
        """
