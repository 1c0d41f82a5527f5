"""One feed's files: noted, claimed, fetched, sealed; and disposed of once their rows are stored.

Never opens what it fetched and never writes a row: the ledger says where each file is in its
life, and every step can be repeated after a crash at any line.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.decode.source import size
from engine.intake.archive import Archive
from engine.intake.names import claim_name, claimed, escaped, unescaped
from engine.intake.waiting import Pattern, in_order, is_new, wanted
from engine.model import Issue
from engine.store.journal import DONE, NOT_MINE, OPEN, REFUSED, SEALED, STORED, TAKING, VANISHED, Entry, Journal
from transports.base import FileChanged, Files, FileVanished, Refused, RemoteFile, TransferCut

_ATTEMPTS = 3  # to read one file whole before the next run tries again


@dataclass(frozen=True, slots=True)
class Manner:
    """What a feed takes, and how it leaves what it has read: `deleteFromServer`, `moveTo`, or neither."""

    delete: bool
    move_to: str | None
    shared: bool
    most_bytes: int | None  # a larger file is refused where it lies

    def too_large(self, file: RemoteFile) -> str | None:
        """Why this file is not even fetched; None where nothing speaks against it."""
        if self.most_bytes is None or file.size is None or file.size <= self.most_bytes:
            return None
        return f"expected at most {self.most_bytes} bytes (transport.maxBytes), found {file.size}; it was not fetched"

    @property
    def claims(self) -> bool:
        """Whether files are renamed while they are ours: only where we take them away in the end."""
        return (self.delete or self.move_to is not None) and not self.shared


@dataclass(slots=True)
class Pickup:
    """The far side of one feed during one run."""

    far: Files
    journal: Journal
    archive: Archive
    feed_id: int
    judged_by: str  # what in the definition decides whether a file is refused or another feed's
    manner: Manner
    pattern: Pattern
    tag: str  # of this installation, in claims
    now: str
    today: str  # the dealer's day
    run: int | None
    # Whether every other feed that shares this file has had it; see `runner`.
    others_done: Callable[[Entry], bool] = lambda entry: True
    issues: list[Issue] = field(default_factory=list)
    listing: dict[str, RemoteFile] = field(default_factory=dict)

    def look(self) -> None:
        """List the place once; names that two entries share count once."""
        self.listing = {file.name: file for file in self.far.files()}

    # --- what an earlier run left ------------------------------------------------------------

    def resume(self) -> Iterator[Entry]:
        """Bring deliveries that a dead run left behind to `sealed` again; disposes of stored ones.

        Yields those that are to be imported now.
        """
        self._adopt_claims()
        for entry in self.journal.unfinished(self.feed_id):
            if entry.kind != "file" or entry.source != self.far.source:
                continue
            if entry.state == STORED:
                self.dispose(entry)
            elif entry.state == SEALED and self.archive.holds(entry.sha256):
                yield entry
            else:
                again = self._still_there(entry)
                if again is None:
                    self._vanished(entry)
                else:
                    sealed = self._sealed(entry, again)
                    if sealed is not None:
                        yield sealed

    def _still_there(self, entry: Entry) -> RemoteFile | None:
        """The file of a delivery that was being taken: under its claim, or where it was."""
        if entry.claim is not None and (claim := self.listing.get(unescaped(entry.claim))) is not None:
            return claim
        file = self.listing.get(unescaped(entry.name))
        return file if file is not None and entry.is_same_file(entry.name, file.size, file.modified) else None

    def _adopt_claims(self) -> None:
        """Claims whose delivery is over or unknown: ours go back to their name, another engine's are reported."""
        for name, file in self.listing.items():
            claim = claimed(name)
            if claim is None:
                continue
            tag, number, original = claim
            if tag != self.tag:
                message = (
                    f"another installation has claimed {escaped(original)} here as {escaped(name)}; "
                    "if that one is gone for good, rename the file back"
                )
                self.issues.append(Issue("claim.foreign", message))
                continue
            entry = self.journal.delivery(number)
            if entry is None:
                # The database is older than this claim (it was restored): the file was never stored.
                self._unclaimed(file, original)
            elif entry.claim == escaped(name) and entry.state not in OPEN:
                # It was given back, and then we died; or its own name was taken at the time.
                self._release(entry)
            elif entry.claim != escaped(name):
                self._issue(entry, "claim.kept", f"settled, and its file lies here still as {escaped(name)}", "warning")

    def _unclaimed(self, file: RemoteFile, original: str) -> None:
        try:
            self.far.claim(file, original)
        except FileVanished:
            pass
        except Refused as error:
            message = f"{escaped(file.name)} cannot be given back its name {escaped(original)}: {error}"
            self.issues.append(Issue("claim.kept", message))

    # --- new files ---------------------------------------------------------------------------

    def candidates(self) -> list[RemoteFile]:
        """The files of the listing that match and have not been taken."""
        files = wanted(self.listing.values(), self.pattern)
        known = self.journal.known(self.feed_id, self.far.source, [escaped(f.name) for f in files])
        return [f for f in files if is_new(f, known.get(escaped(f.name), ()), self.judged_by)]

    def settled(self, files: Sequence[RemoteFile], settle: int, moment: datetime) -> tuple[list[RemoteFile], float]:
        """Those that have stood still for `settle` seconds, and how long until the next one has.

        By our own clock: since an earlier listing that saw the same size and time.
        """
        seen = [(escaped(f.name), f.size, f.modified) for f in files]
        since = self.journal.seen(self.feed_id, self.far.source, self.now, seen)
        still, waits = [], []
        for file in files:
            stood = (moment - datetime.fromisoformat(since[escaped(file.name)])).total_seconds()
            if stood >= settle:
                still.append(file)
            else:
                waits.append(settle - stood)
        return still, min(waits, default=0.0)

    def ordered(self, files: Sequence[RemoteFile], order: str) -> list[RemoteFile]:
        return in_order(files, order, self.pattern)

    def take(self, file: RemoteFile) -> Entry | None:
        """Note, claim, fetch and seal one file; None where it went away or changed meanwhile.

        One that is larger than the definition allows is refused and not fetched.
        """
        entry = self.journal.open(
            self.now,
            feed_id=self.feed_id,
            run_id=self.run,
            kind="file",
            source=self.far.source,
            name=escaped(file.name),
            size=file.size,
            modified=file.modified,
            state=TAKING,
            run_date=self.today,
            run_now=self.now,
        )
        if (too_large := self.manner.too_large(file)) is not None:
            self.give_back(entry, REFUSED, "file.tooLarge", too_large)
            return self.journal.delivery(entry.id)
        return self._sealed(entry, file)

    def _sealed(self, entry: Entry, file: RemoteFile) -> Entry | None:
        try:
            held = self._claimed(entry, file)
            if held.size != entry.size:
                raise FileChanged(f"expected {entry.size} bytes, found {held.size}")
            if held.modified != entry.modified:
                # Some servers touch the time when they rename; from here on this is its time.
                self.journal.mark(entry.id, self.now, modified=held.modified)
            return self._fetched(entry, held)
        except FileVanished:
            self._vanished(entry)
        except FileChanged:
            # Still being written, or replaced: what we have is nobody's file. The next run takes it.
            self._release(entry)
            self.journal.mark(entry.id, self.now, state=VANISHED, error_code="file.changed")
            self._issue(entry, "file.changed", "the file changed while it was read; the next run takes it", "info")
        except TransferCut as error:
            # It stays on its way: the next run reads it again from the first byte.
            self._issue(entry, "transfer.cut", f"not read whole in {_ATTEMPTS} attempts: {error}", "error")
        except Refused as error:
            self._release(entry)
            self.journal.mark(entry.id, self.now, state=VANISHED, error_code="file.unreadable")
            self._issue(entry, "file.unreadable", f"the server does not let us read it: {error}", "error")
        self.archive.drop_part(entry.id)
        return None

    def _claimed(self, entry: Entry, file: RemoteFile) -> RemoteFile:
        """The file under a name that only we know, where the server can rename."""
        if not self.manner.claims or claimed(file.name) is not None:
            return file
        claim = claim_name(self.tag, entry.id, file.name)
        if claim is None:
            return file
        # The ledger knows the claim before the server does: whatever happens, it can be found again.
        self.journal.mark(entry.id, self.now, claim=escaped(claim))
        try:
            return self.far.claim(file, claim)
        except Refused:
            self.journal.mark(entry.id, self.now, claim=None)
            return file

    def _fetched(self, entry: Entry, file: RemoteFile) -> Entry:
        for attempt in range(1, _ATTEMPTS + 1):
            part = self.archive.part(entry.id)
            try:
                with self.archive.usable():
                    fetched = self.far.fetch(file, part)
                break
            except TransferCut:
                if attempt == _ATTEMPTS:
                    raise
        self.archive.seal(part, fetched.sha256)
        self.journal.mark(entry.id, self.now, state=SEALED, sha256=fetched.sha256, attempts=attempt)
        sealed = self.journal.delivery(entry.id)
        assert sealed is not None  # noqa: S101  (it was marked a line above)
        return sealed

    def _vanished(self, entry: Entry) -> None:
        self.archive.drop_part(entry.id)
        self.journal.mark(entry.id, self.now, state=VANISHED, claim=None)

    # --- what becomes of it on the far side --------------------------------------------------

    def dispose(self, entry: Entry) -> None:
        """Delete, move or leave the file of a stored delivery; only if it is still that file.

        A server that refuses keeps the delivery `stored`: tried again at each run, visible, never
        imported again, and no hindrance to new files.
        """
        if not (self.manner.delete or self.manner.move_to is not None):
            self.journal.mark(entry.id, self.now, state=DONE)
            return
        if self.manner.shared and not self.others_done(entry):
            return
        file = RemoteFile(unescaped(entry.claim or entry.name), entry.size, entry.modified)
        try:
            if self.manner.move_to is not None:
                self.far.move(file, self.manner.move_to, unescaped(entry.name))
            else:
                self.far.remove(file)
        except FileVanished:
            pass
        except FileChanged:
            message = "the sender has written to it since; it was left alone and is taken again"
            self._issue(entry, "file.replaced", message, "info")
            self._release(entry)
            self.journal.mark(entry.id, self.now, state=DONE, error_code=None, error=None)
            return
        except Refused as error:
            message = f"its rows are stored, but the server will not let us take it away: {error}"
            self.journal.mark(entry.id, self.now, error_code="dispose.refused", error=message)
            self._issue(entry, "dispose.refused", message, "warning")
            return
        self.journal.mark(entry.id, self.now, state=DONE, claim=None, error_code=None, error=None)

    def give_back(self, entry: Entry, state: str, code: str, message: str, severity: str = "error") -> None:
        """End a delivery that is not stored: the file goes back to where it was and stays there."""
        self.journal.mark(entry.id, self.now, state=state, error_code=code, error=message, mapping_hash=self.judged_by)
        self._issue(entry, code, message, severity)
        self._release(entry)

    def _release(self, entry: Entry) -> None:
        """Undo the claim; the ledger forgets it only when the name is free again."""
        now = self.journal.delivery(entry.id)
        if now is None or now.claim is None:
            return
        try:
            self.far.claim(RemoteFile(unescaped(now.claim), now.size, now.modified), unescaped(now.name))
        except FileVanished:
            pass
        except Refused as error:
            message = f"it lies on the server as {now.claim}: its own name is taken or cannot be given back ({error})"
            self._issue(entry, "claim.kept", message, "warning")
            return
        self.journal.mark(entry.id, self.now, claim=None)

    def _issue(self, entry: Entry, code: str, message: str, severity: str) -> None:
        self.issues.append(Issue(code, message, severity, delivery=entry.name))


def manner(settings: Mapping[str, Any]) -> Manner:
    most = settings.get("maxBytes")
    return Manner(
        bool(settings.get("deleteFromServer", False)),
        settings.get("moveTo"),
        bool(settings.get("shared", False)),
        None if most is None else size(most),
    )


def is_terminal(entry: Entry) -> bool:
    """Whether a delivery needs its remote file no longer."""
    return entry.state not in OPEN or entry.state == STORED


__all__ = ["NOT_MINE", "REFUSED", "Manner", "Pickup", "is_terminal", "manner"]
