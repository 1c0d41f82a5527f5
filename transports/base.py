"""The contract between the engine and the far side. Imports nothing from the engine, and never will.

TransportError
    Unreachable      no connection, or it broke         retried at the next run
    LoginRefused     wrong user, password or key        the operator; one try, then a breaker
    HostKeyChanged   the server is not the pinned one   the operator; nothing is sent
    FileVanished     the file is no longer there        nobody
    FileChanged      it is no longer the file we saw    nobody; the newer one is taken next
    TransferCut      fewer or more bytes than the       retried from the first byte
                     server says the file has
    Refused          the server does not allow this     the operator (rename, delete, read)
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
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
