"""FTP servers that lie, break off and refuse: the twelve of group F, and some more.

Whatever a server does, either the bytes that came are the file's and the file is gone, or there is
no copy, an error that says who must act, and the file is still there.
"""

import logging
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from pyftpdlib.filesystems import AbstractedFS
from pyftpdlib.handlers import DTPHandler, TLS_DTPHandler

from tests.servers.ftp import Clear, FtpServer, Session
from tests.transports.contract import NOON, Heard, Place, bytes_of, only
from transports import ftp
from transports.base import (
    FileChanged,
    FileVanished,
    LoginRefused,
    Refused,
    RemoteFile,
    Tools,
    TransferCut,
    TransportError,
    Unreachable,
)

# pyftpdlib's names for what is overridden are its own: ftp_RETR answers RETR.
# ruff: noqa: N802

CONTENT = bytes_of(100_000)
CLAIM = ".feeds-claim-1"


def without(session: type[Session], *commands: str) -> dict[str, Any]:
    return {name: command for name, command in session.proto_cmds.items() if name not in commands}


def closing(answer: str | None, parent: type[DTPHandler] = DTPHandler) -> type[DTPHandler]:
    """A data channel after which `answer` is said of a RETR, or nothing."""

    class Channel(parent):  # type: ignore[valid-type,misc]
        def close(self) -> None:
            if self._resp and self.cmd == "RETR":
                self._resp = (answer, logging.debug) if answer else ()
            super().close()

    return Channel


class Cut(Clear):
    """01: sends a part and says that this was all."""

    sent = 1000

    def ftp_RETR(self, file: str) -> None:
        self.push_dtp_data(Path(file).read_bytes()[: self.sent], cmd="RETR")


class CutAndSaid(Cut):
    """02: sends a part and says so."""

    dtp_handler = closing("426 Connection closed; transfer aborted.")


class Unconfirmed(Clear):
    """03: sends everything and never says that it did."""

    dtp_handler = closing(None)


class Elsewhere(Clear):
    """04: a server behind a router: its PASV replies point to where nobody can connect."""

    masquerade_address = "10.0.0.1"


class WithoutFacts(Clear):
    """05: does not know MLSD."""

    proto_cmds = without(Clear, "MLSD", "MLST")


class Lists(AbstractedFS):
    """Writes LIST as `line` says, which gets a stat, the size and the name."""

    @staticmethod
    def line(found: os.stat_result, name: str) -> str:
        raise NotImplementedError

    def format_list(self, basedir: str, listing: list[str], ignore_err: bool = True) -> Iterator[bytes]:
        for name in listing:
            found = Path(basedir, name).lstat()
            yield f"{type(self).line(found, name)}\r\n".encode("utf-8", "surrogateescape")


class WithoutYear(WithoutFacts):
    """06: its LIST has the minute and no year, at the turn of one."""

    class abstracted_fs(Lists):  # noqa: N801
        @staticmethod
        def line(found: os.stat_result, name: str) -> str:
            return f"{stat.filemode(found.st_mode)}   1 owner group {found.st_size:>8} Dec 31 23:59 {name}"


class Dos(WithoutFacts):
    """07: lists as DOS does."""

    class abstracted_fs(Lists):  # noqa: N801
        @staticmethod
        def line(found: os.stat_result, name: str) -> str:
            size = "<DIR>         " if stat.S_ISDIR(found.st_mode) else f"{found.st_size:>14}"
            return f"12-31-21  11:59PM       {size} {name}"


class WithoutSize(Clear):
    """08: has neither SIZE nor facts; its LIST has the sizes."""

    proto_cmds = without(Clear, "MLSD", "MLST", "SIZE")


class LocalTime(WithoutFacts):
    """09: answers MDTM in its own time zone, against RFC 3659."""

    use_gmt_times = False


class DroppedTls(Session):
    """10: agrees to TLS on the data channel and then hangs up on it."""

    class dtp_handler(TLS_DTPHandler):  # noqa: N801
        def secure_connection(self, ssl_context: Any) -> None:
            self.close()


class Idle(Clear):
    """11: has been idle for too long, it says, when the file is asked for."""

    def ftp_RETR(self, file: str) -> None:
        self.respond("421 Control connection timed out.")
        self.close_when_done()


class FewLogins(Clear):
    """12: lets nobody in after two logins."""

    def ftp_PASS(self, line: str) -> None:
        if self.seen.logins[True] >= 2:
            self.respond("530 Too many logins today.")
            self.close_when_done()
        else:
            super().ftp_PASS(line)


@dataclass(frozen=True)
class Lie:
    session: type[Session]
    error: type[TransportError] | None = None  # None: it does no harm
    logins: int = 0  # that went well before


LIES = {
    "F-ftp-01-data-closed-early-then-226": Lie(Cut, TransferCut),
    "F-ftp-02-data-closed-early-then-426": Lie(CutAndSaid, TransferCut),
    "F-ftp-03-226-never-sent": Lie(Unconfirmed, Unreachable),
    "F-ftp-04-pasv-points-elsewhere": Lie(Elsewhere),
    "F-ftp-05-mlsd-refused": Lie(WithoutFacts),
    "F-ftp-06-list-without-year": Lie(WithoutYear),
    "F-ftp-07-list-as-dos-writes-it": Lie(Dos),
    "F-ftp-08-size-refused": Lie(WithoutSize),
    "F-ftp-09-mdtm-in-local-time": Lie(LocalTime),
    "F-ftp-10-tls-on-data-dropped": Lie(DroppedTls, Unreachable),
    "F-ftp-11-421-in-the-middle": Lie(Idle, Unreachable),
    "F-ftp-12-530-after-two-logins": Lie(FewLogins, LoginRefused, logins=2),
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "far").mkdir()
    return Place(tmp_path / "far")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "copy.part"


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def tools(heard: Heard) -> Tools:
    return Tools(clock=monotonic, progress=heard.progress, note=heard.note)


def settings(server: FtpServer) -> dict[str, Any]:
    return {**server.settings(), "timeout": "500ms"}


def take(server: FtpServer, tools: Tools, target: Path) -> None:
    """What a run does with one file."""
    with ftp.connect(settings(server), tools) as far:
        claimed = far.claim(only(far), CLAIM)
        far.fetch(claimed, target)
        far.remove(claimed)


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lie_costs_no_byte_and_no_file(place, tools, target, lie):
    place.put("a.csv", CONTENT, modified=NOON)
    with FtpServer(place.root, lie.session) as server:
        for _ in range(lie.logins):
            with ftp.connect(settings(server), tools) as far:
                assert only(far).name == "a.csv"
        if lie.error is None:
            take(server, tools, target)
        else:
            with pytest.raises(lie.error):
                take(server, tools, target)
        assert server.logins[True] + server.logins[False] <= lie.logins + 1, "a login is never tried twice"
    if lie.error is None:
        assert (target.read_bytes(), place.names()) == (CONTENT, [])
        return
    assert not target.exists()
    (name,) = place.names()
    assert place.read(name) == CONTENT
    with FtpServer(place.root) as honest, ftp.connect(settings(honest), tools) as far:
        assert far.fetch(only(far), target).size == len(CONTENT)


@pytest.mark.parametrize("session", [Cut, CutAndSaid])
@pytest.mark.parametrize("sent", [0, 1, 999, 8191, 8192, 32_767, 32_768, 65_535, 65_536, 99_998, 99_999])
def test_a_cut_is_noticed_at_every_byte_and_the_connection_serves_on(place, tools, target, session, sent):
    place.put("a.csv", CONTENT, modified=NOON)
    cut = type(session.__name__, (session,), {"sent": sent})
    with FtpServer(place.root, cut) as server, ftp.connect(settings(server), tools) as far:
        file = only(far)
        with pytest.raises(TransferCut):
            far.fetch(file, target)
        assert not target.exists()
        assert only(far) == file


def test_a_cut_is_noticed_by_the_size_in_the_list_where_size_is_refused(place, tools, target):
    class CutWithoutSize(Cut):
        proto_cmds = WithoutSize.proto_cmds

    place.put("a.csv", CONTENT, modified=NOON)
    with FtpServer(place.root, CutWithoutSize) as server, ftp.connect(settings(server), tools) as far:
        with pytest.raises(TransferCut):
            far.fetch(only(far), target)
        assert not target.exists()


def test_everything_sent_and_then_426_is_not_trusted(place, tools, target):
    class SentAndTakenBack(Clear):
        dtp_handler = closing("426 Something went wrong.")

    place.put("a.csv", CONTENT)
    with (
        FtpServer(place.root, SentAndTakenBack) as server,
        ftp.connect(settings(server), tools) as far,
        pytest.raises(TransferCut),
    ):
        far.fetch(only(far), target)
    assert not target.exists()


def test_a_server_that_sends_without_end_does_not_fill_our_disk(place, tools, target, heard):
    class Spring:
        def more(self) -> bytes:
            return bytes(65_536)

    class Endless(Clear):
        def ftp_RETR(self, file: str) -> None:
            self.push_dtp_data(Spring(), isproducer=True, cmd="RETR")

    place.put("a.csv", CONTENT, modified=NOON)
    with FtpServer(place.root, Endless) as server, ftp.connect(settings(server), tools) as far:
        with pytest.raises(TransferCut):
            far.fetch(only(far), target)
        assert heard.bytes < 2_000_000
        assert only(far).name == "a.csv", "the connection serves on"
    assert not target.exists()


def test_a_transfer_that_outlasts_its_deadline_is_given_up(place, target):
    """Ten seconds pass with every look at the clock: an answer takes a few, these bytes take many."""
    place.put("a.csv", bytes(8_000_000), modified=NOON)
    ticks = iter(range(0, 10**9, 10))
    slow = Tools(clock=lambda: float(next(ticks)))
    with FtpServer(place.root, Clear) as server:
        block = {**server.settings(), "timeout": "1h", "deadline": "150s"}
        with ftp.connect(block, slow) as far, pytest.raises(Unreachable, match="deadline"):
            far.fetch(only(far), target)
    assert not target.exists()


def test_a_server_that_says_nothing_is_given_up(place, tools):
    class Mute(Clear):
        def ftp_PWD(self, line: str) -> None:
            pass

    with (
        FtpServer(place.root, Mute) as server,
        pytest.raises(Unreachable, match="timed out"),
        ftp.connect(settings(server), tools),
    ):
        pass


def test_after_a_connection_broke_every_call_says_so(place, tools, target):
    place.put("a.csv", CONTENT)
    with FtpServer(place.root, Idle) as server, ftp.connect(settings(server), tools) as far:
        file = only(far)
        calls = (
            lambda: far.fetch(file, target),
            lambda: list(far.files()),
            lambda: far.claim(file, CLAIM),
            lambda: far.remove(file),
            lambda: far.move(file, "done", "a.csv"),
        )
        for call in calls:
            with pytest.raises(Unreachable):
                call()
    assert place.names() == ["a.csv"]


def test_a_full_disk_of_ours_leaves_the_connection_in_step(place, tools, target, monkeypatch):
    place.put("a.csv", bytes_of(3_000_000), modified=NOON)
    place.put("b.csv", b"2", modified=NOON)
    full = OSError(28, "No space left on device")

    def fails(count: int) -> None:
        raise full

    broken = Tools(clock=monotonic, progress=fails)
    with FtpServer(place.root) as server, ftp.connect({**server.settings()}, broken) as far:
        a, b = sorted(far.files(), key=lambda file: file.name)
        with pytest.raises(OSError, match="No space"):
            far.fetch(a, target)
        assert not target.exists()
        far.remove(b)
    assert place.names() == ["a.csv"]


# --- lists and facts ----------------------------------------------------------------------------


def listing(answer: bytes) -> type[Session]:
    """A server whose MLSD is this."""

    class Scripted(Clear):
        def ftp_MLSD(self, path: str) -> None:
            self.push_dtp_data(answer, cmd="MLSD")

    return Scripted


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"type=file;size=1; a.csv\r\ntype=file;si", Unreachable),
        (b"type=file;size=1; a.csv\r\ntype=file;size=1; b.cs", Unreachable),
        (b"<html>no such page</html>\r\n", Refused),
        (b"a.csv\r\nb.csv\r\n", Refused),
    ],
)
def test_a_broken_listing_is_never_taken_for_a_short_one(place, tools, answer, error):
    with (
        FtpServer(place.root, listing(answer)) as server,
        ftp.connect(settings(server), tools) as far,
        pytest.raises(error),
    ):
        list(far.files())


def test_a_listing_that_the_server_breaks_off_is_an_error(place, tools):
    class Broken(Clear):
        class dtp_handler(DTPHandler):  # noqa: N801
            def close(self) -> None:
                self._resp = self._resp and ("451 Disk trouble.", logging.debug)
                super().close()

    place.put("a.csv", b"1")
    with (
        FtpServer(place.root, Broken) as server,
        ftp.connect(settings(server), tools) as far,
        pytest.raises(TransferCut),
    ):
        list(far.files())


def test_a_line_that_cannot_be_read_is_noted_and_hides_no_other(place, tools, heard):
    answer = b"type=file;size=1; a.csv\r\nno facts at all\r\ntype=file;size=1; b.csv\r\n"
    with FtpServer(place.root, listing(answer)) as server, ftp.connect(settings(server), tools) as far:
        assert [file.name for file in far.files()] == ["a.csv", "b.csv"]
    assert [event for event, _ in heard.notes] == ["listing.unreadable"]


def test_a_list_at_the_turn_of_the_year_takes_no_time_from_the_list(place, tools):
    """Dec 31 23:59, seen on January 1: the year before, which only MDTM says."""
    last = 1_640_995_170.0  # 2021-12-31T23:59:30Z
    place.put("a.csv", b"1", modified=last)
    with FtpServer(place.root, WithoutYear) as server, ftp.connect(settings(server), tools) as far:
        assert only(far) == RemoteFile("a.csv", 1, last)
        place.touch("a.csv", last + 365 * 86_400)
        with pytest.raises(FileChanged):
            far.remove(RemoteFile("a.csv", 1, last))


def test_a_server_without_mdtm_gives_no_time_and_sizes_are_compared(place, tools, target):
    class Timeless(WithoutFacts):
        proto_cmds = without(WithoutFacts, "MDTM")

    place.put("a.csv", b"1")
    with FtpServer(place.root, Timeless) as server, ftp.connect(settings(server), tools) as far:
        file = only(far)
        assert file == RemoteFile("a.csv", 1, None)
        place.put("a.csv", b"new content")
        for call in (lambda: far.remove(file), lambda: far.fetch(file, target)):
            with pytest.raises(FileChanged):
                call()
        far.remove(only(far))
    assert place.names() == []


def test_facts_and_mdtm_that_differ_by_a_zone_are_never_compared(place, tools, target):
    class TwoClocks(Clear):
        def ftp_MDTM(self, path: str) -> None:
            self.respond("213 19991231235959")

    place.put("a.csv", CONTENT, modified=NOON)
    with FtpServer(place.root, TwoClocks) as server:
        take(server, tools, target)
    assert place.names() == []


@pytest.mark.parametrize("missing", [("MLST",), ("MLST", "MDTM")])
def test_mlsd_without_mlst_still_tells_a_newer_file(place, tools, target, missing):
    class HalfOfFacts(Clear):
        proto_cmds = without(Clear, *missing)

    place.put("a.csv", CONTENT, modified=NOON)
    with FtpServer(place.root, HalfOfFacts) as server, ftp.connect(settings(server), tools) as far:
        file = only(far)
        assert far.fetch(file, target).size == len(CONTENT)
        place.touch("a.csv", NOON + 60)
        with pytest.raises(FileChanged):
            far.remove(file)


def test_a_size_that_nobody_says_is_no_whole_file(place, tools, target):
    class Sizeless(Clear):
        proto_cmds = without(Clear, "SIZE", "MLST")

        def ftp_MLSD(self, path: str) -> None:
            self.push_dtp_data(b"type=file; a.csv\r\n", cmd="MLSD")

    place.put("a.csv", CONTENT)
    with (
        FtpServer(place.root, Sizeless) as server,
        ftp.connect(settings(server), tools) as far,
        pytest.raises(Refused, match="does not say how many bytes"),
    ):
        far.fetch(only(far), target)


# --- refusals, and what was done all the same ---------------------------------------------------


@pytest.mark.parametrize(("permission", "call"), [("d", "remove"), ("f", "claim"), ("f", "move"), ("r", "fetch")])
def test_what_the_server_forbids_is_refused_and_the_file_stays(place, tools, target, permission, call):
    place.put("a.csv", b"1")
    calls = {
        "remove": lambda far, file: far.remove(file),
        "claim": lambda far, file: far.claim(file, CLAIM),
        "move": lambda far, file: far.move(file, "done", "a.csv"),
        "fetch": lambda far, file: far.fetch(file, target),
    }
    with (
        FtpServer(place.root, permissions="elradfmwMT".replace(permission, "")) as server,
        ftp.connect(settings(server), tools) as far,
    ):
        with pytest.raises(Refused, match="550"):
            calls[call](far, only(far))
        assert only(far).name == "a.csv"
    assert place.read("a.csv") == b"1"
    assert not target.exists()


def test_a_rename_that_worked_and_was_reported_as_failed_is_a_claim(place, tools):
    class Denies(Clear):
        def ftp_RNTO(self, path: str) -> None:
            os.rename(self._rnfr, path)  # noqa: PTH104
            self.respond("550 Failure.")

    place.put("a.csv", b"1", modified=NOON)
    with FtpServer(place.root, Denies) as server, ftp.connect(settings(server), tools) as far:
        assert far.claim(only(far), CLAIM) == RemoteFile(CLAIM, 1, NOON)


def test_a_rename_that_did_nothing_and_was_reported_as_done_is_no_claim(place, tools):
    class Pretends(Clear):
        def ftp_RNTO(self, path: str) -> None:
            self.respond("250 Renaming ok.")

    place.put("a.csv", b"1")
    with (
        FtpServer(place.root, Pretends) as server,
        ftp.connect(settings(server), tools) as far,
        pytest.raises((FileVanished, Refused)),
    ):
        far.claim(only(far), CLAIM)
    assert place.names() == ["a.csv"]


def test_a_deletion_that_worked_and_was_reported_as_failed_is_done(place, tools):
    class Denies(Clear):
        def ftp_DELE(self, path: str) -> None:
            Path(path).unlink()
            self.respond("550 Failure.")

    place.put("a.csv", b"1")
    with FtpServer(place.root, Denies) as server, ftp.connect(settings(server), tools) as far:
        far.remove(only(far))


def test_a_deletion_that_did_nothing_and_was_reported_as_done_is_refused(place, tools):
    class Pretends(Clear):
        def ftp_DELE(self, path: str) -> None:
            self.respond("250 File removed.")

    place.put("a.csv", b"1")
    with (
        FtpServer(place.root, Pretends) as server,
        ftp.connect(settings(server), tools) as far,
        pytest.raises(Refused, match="still has it"),
    ):
        far.remove(only(far))


def test_a_file_slipped_in_just_before_a_move_is_put_back(place, tools):
    class Busy(Clear):
        def ftp_RNTO(self, path: str) -> None:
            if not place.exists("done/a.csv"):
                place.put("a.csv", b"new content", modified=NOON + 60)
            super().ftp_RNTO(path)

    place.put("a.csv", b"1", modified=NOON)
    with FtpServer(place.root, Busy) as server, ftp.connect(settings(server), tools) as far, pytest.raises(FileChanged):
        far.move(only(far), "done", "a.csv")
    assert place.read("a.csv") == b"new content"


@pytest.mark.parametrize("command", ["PBSZ", "PROT"])
def test_a_server_that_will_not_encrypt_the_data_channel_gets_no_transfer(place, tools, command):
    class HalfSafe(Session):
        proto_cmds = without(Session, command)

    place.put("a.csv", b"1")
    with FtpServer(place.root, HalfSafe) as server:
        with pytest.raises(Refused, match=r"50\d|unders"), ftp.connect(settings(server), tools):
            pass
        assert server.commands["MLSD"] == server.commands["LIST"] == 0


@pytest.mark.parametrize("strike", ["grow", "rewrite", "replace", "vanish"])
def test_a_file_touched_while_it_is_read_is_never_taken(place, target, strike):
    content = bytes_of(3_000_000)
    place.put("a.csv", content, modified=NOON)
    strikes = {
        "grow": lambda: place.put("a.csv", content + b"more"),
        "rewrite": lambda: place.put("a.csv", content[::-1]),
        "replace": lambda: (place.put("b", content, modified=NOON + 1), place.path("b").replace(place.path("a.csv"))),
        "vanish": lambda: place.delete("a.csv"),
    }
    struck: list[int] = []

    def progress(count: int) -> None:
        if not struck:
            strikes[strike]()
        struck.append(count)

    busy = Tools(clock=monotonic, progress=progress)
    with (
        FtpServer(place.root) as server,
        ftp.connect(settings(server), busy) as far,
        pytest.raises((FileChanged, FileVanished)),
    ):
        far.fetch(only(far), target)
    assert not target.exists()


def test_the_lies_are_the_twelve_of_the_catalogue():
    assert [re.match(r"F-ftp-(\d\d)-", name)[1] for name in LIES] == [f"{number:02}" for number in range(1, 13)]
