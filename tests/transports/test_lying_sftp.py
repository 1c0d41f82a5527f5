"""Fault group F, the SFTP part: 24 ways in which a server lies, against the transport's own promises.

Each case carries its number. Whatever the server does, one of two things holds: every byte is the
file's, or the error says what happened and nothing of the file is left on our disk.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.transports.contract import NOON, Heard, Place, bytes_of, only
from tests.transports.lying_sftp import Lie, LyingServer
from transports.base import (
    FileChanged,
    FileVanished,
    Refused,
    RemoteFile,
    Tools,
    TransferCut,
    TransportError,
    Unreachable,
)
from transports.sftp import connect

SMALL, LARGE = 3_000, 1_500_000  # one read and its end in one breath; several hundred kilobytes ahead


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "far").mkdir()
    return Place(tmp_path / "far")


@pytest.fixture
def server(place: Place) -> Iterator[LyingServer]:
    with LyingServer(place.root) as server:
        yield server


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def far(server: LyingServer, heard: Heard) -> Iterator[Any]:
    with connect(server.settings(), Tools(time.monotonic, heard.progress, heard.note)) as far:
        yield far


@pytest.fixture
def hasty(server: LyingServer, heard: Heard) -> Iterator[Any]:
    """A second or so stands for a minute, so that no test waits for one."""
    settings = {**server.settings(), "timeout": 2, "deadline": "60s"}
    with connect(settings, Tools(time.monotonic, heard.progress, heard.note)) as far:
        yield far


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "near").mkdir()
    return tmp_path / "near" / "copy.part"


def case(number: int, name: str, *values: Any) -> Any:
    return pytest.param(*values, id=f"F-asy-{number:02}-{name}")


# Where in the file it begins is a share of its length; at 0 and at the last byte it is as bad as in the middle.
FAILING = [
    case(1, "early-eof", "early_eof_at", TransferCut),
    case(4, "failure", "fail_at", TransferCut),
    case(5, "connection-lost", "drop_at", Unreachable),
    case(12, "overwrite-in-place", "overwrite_at", FileChanged),
    case(13, "atomic-replace", "replace_at", FileChanged),
    case(14, "append", "append_at", FileChanged),
]


@pytest.mark.parametrize("share", [0, 0.5, 1], ids=["first", "middle", "last"])
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(("flag", "error"), FAILING)
def test_a_file_that_fails_on_the_way_leaves_nothing(place, server, far, target, flag, error, size, share):
    place.put("a.csv", bytes_of(size), modified=NOON)
    file = only(far)
    server.lie = Lie(**{flag: int((size - 1) * share)})
    with pytest.raises(TransportError) as raised:
        far.fetch(file, target)
    assert type(raised.value) is error
    assert list(target.parent.iterdir()) == []
    assert place.exists("a.csv")


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    "lie", [case(6, "stall", lambda size: Lie(stall_at=size // 2)), case(7, "drip", lambda size: Lie(drip=0.05))]
)
def test_a_file_that_does_not_come_in_time_is_given_up(place, server, hasty, target, lie, size):
    place.put("a.csv", bytes_of(size), modified=NOON)
    file = only(hasty)
    server.lie = lie(size)
    began = time.monotonic()
    with pytest.raises(Unreachable):
        hasty.fetch(file, target)
    assert time.monotonic() - began < 20  # long before the deadline
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    "lie",
    [
        case(2, "short-reads", Lie(short_reads=1000)),
        case(3, "empty-read", Lie(empty_reads=3)),
        case(11, "mtime-frozen", Lie(modified=1_000_000_000)),
        case(11, "mtime-zero", Lie(modified=0)),
        case(11, "mtime-future", Lie(modified=4_000_000_000)),
    ],
)
def test_a_file_that_comes_oddly_comes_whole(place, server, far, target, lie, size):
    place.put("a.csv", bytes_of(size), modified=NOON)
    server.lie = lie
    file = only(far)
    assert far.fetch(file, target).size == size
    assert target.read_bytes() == bytes_of(size)
    far.remove(file)
    assert not place.exists("a.csv")


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    ("lie", "error"),
    [
        case(8, "stat-bigger", Lie(size_off_by=10), TransferCut),
        case(9, "stat-smaller", Lie(size_off_by=-10), TransferCut),
        case(10, "stat-without-size", Lie(without_size=True), Refused),
    ],
)
def test_a_size_that_is_not_the_files_own_is_never_believed(place, server, far, target, lie, error, size):
    place.put("a.csv", bytes_of(size), modified=NOON)
    server.lie = lie
    with pytest.raises(error):
        far.fetch(only(far), target)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("_", [case(15, "vanish-at-open", None)])
def test_a_file_that_vanishes_before_it_is_opened_says_so(place, server, far, target, _):
    place.put("a.csv", b"1")
    file = only(far)
    server.lie = Lie(vanish_at_open=True)
    with pytest.raises(FileVanished):
        far.fetch(file, target)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("_", [case(16, "permission-denied-on-one", None)])
def test_a_file_that_may_not_be_read_holds_up_no_other(place, server, far, target, _):
    for name in ("a.csv", "b.csv"):
        place.put(name, b"1")
    server.lie = Lie(unreadable="a.csv")
    one, other = sorted(far.files(), key=lambda file: file.name)
    with pytest.raises(Refused, match=r"'a\.csv'.*not for you"):
        far.fetch(one, target)
    assert list(target.parent.iterdir()) == []
    assert far.fetch(other, target).size == 1


@pytest.mark.parametrize("_", [case(17, "listing-denied", None)])
def test_a_directory_that_may_not_be_listed_is_no_empty_one(place, server, far, _):
    place.put("a.csv", b"1")
    server.lie = Lie(unlistable=True)
    with pytest.raises(Refused, match="cannot be listed"):
        list(far.files())


@pytest.mark.parametrize("names", [0, 1, 130, 299])
@pytest.mark.parametrize("_", [case(18, "listing-cut", None)])
def test_a_listing_that_is_cut_is_no_short_one(place, server, far, names, _):
    for number in range(300):
        place.put(f"{number}.csv", b"1")
    server.lie = Lie(listing_cut_after=names)
    with pytest.raises(Unreachable, match="broke off"):
        list(far.files())


@pytest.mark.parametrize("_", [case(19, "listing-empty", None)])
def test_an_empty_listing_is_taken_as_it_is_and_harms_nothing(place, server, far, _):
    place.put("a.csv", b"1")
    server.lie = Lie(empty_listing=True)
    assert list(far.files()) == []
    assert place.exists("a.csv")


@pytest.mark.parametrize("_", [case(20, "listing-shuffled-doubled", None)])
def test_a_name_that_is_listed_twice_is_one_file(place, server, far, _):
    for number in range(300):
        place.put(f"{number}.csv", b"1")
    server.lie = Lie(doubled_listing=True)
    assert sorted(file.name for file in far.files()) == sorted(f"{number}.csv" for number in range(300))


HOSTILE = (
    b"../../../../etc/passwd.csv",
    b"/etc/passwd.csv",
    b"sub/a.csv",
    b"..\\..\\up.csv",
    b"nul\0.csv",
    b"",
    b"/",
)
ODD = (
    b"\xff\xfe.csv",
    b"line\nbreak.csv",
    b"\x1b[2Jclear.csv",
    b"\xe2\x80\xaefdp.csv",
    b"x" * 255,
    b"CON",
    b"con",
    b"...",
    b" ",
    b"~root.csv",
    "ü.csv".encode(),
    "u\u0308.csv".encode(),
)


@pytest.mark.parametrize("_", [case(21, "hostile-names", None)])
def test_a_name_that_is_a_path_is_left_out_and_hides_no_other(place, server, far, heard, _):
    place.put("good.csv", b"1")
    server.lie = Lie(names=(b".", b"..", *HOSTILE, *ODD))
    names = {file.name for file in far.files()}
    assert names == {"good.csv", *(name.decode("utf-8", "surrogateescape") for name in ODD)}
    assert [event for event, _ in heard.notes] == ["name.unsafe"] * len(HOSTILE)
    assert all(str(details["name"]).isprintable() for _, details in heard.notes)


@pytest.mark.parametrize("_", [case(22, "remove-refused-at-first", None)])
def test_a_removal_that_is_refused_can_be_tried_again(place, server, far, _):
    place.put("a.csv", b"1")
    server.lie = Lie(refused_removals=3)
    file = only(far)
    for _time in range(3):
        with pytest.raises(Refused, match="read-only"):
            far.remove(file)
        assert place.exists("a.csv")
    far.remove(file)
    assert not place.exists("a.csv")


@pytest.mark.parametrize("_", [case(23, "remove-without-effect", None)])
def test_a_removal_that_did_not_happen_is_not_taken_for_one(place, server, far, _):
    place.put("a.csv", b"1")
    server.lie = Lie(keeps_removed=True)
    with pytest.raises(Refused, match="still has it"):
        far.remove(only(far))


@pytest.mark.parametrize("_", [case(24, "rename-refused", None)])
def test_a_claim_that_is_refused_says_so_and_leaves_the_file(place, server, far, _):
    place.put("a.csv", b"1")
    server.lie = Lie(refuses_renames=True)
    with pytest.raises(Refused, match="no renames here"):
        far.claim(only(far), ".feeds-claim-1")
    assert place.names() == ["a.csv"]


@pytest.mark.parametrize("_", [case(24, "rename-done-and-denied", None)])
def test_a_claim_that_happened_counts_though_the_server_says_it_failed(place, server, far, target, _):
    place.put("a.csv", b"1", modified=NOON)
    server.lie = Lie(denies_renames=True)
    claimed = far.claim(only(far), ".feeds-claim-1")
    assert claimed == RemoteFile(".feeds-claim-1", 1, NOON)
    assert far.fetch(claimed, target).size == 1


# --- beyond the catalogue's 24 --------------------------------------------------------------


def test_a_server_whose_rename_replaces_is_not_asked_to(place, server, far):
    place.put("a.csv", b"mine")
    (file,) = far.files()
    server.lie = Lie(replacing_renames=True)
    place.put(".feeds-claim-1", b"theirs")
    place.put("done/a.csv", b"done before")
    with pytest.raises(Refused, match="already"):
        far.claim(file, ".feeds-claim-1")
    assert place.read(".feeds-claim-1") == b"theirs"
    far.move(file, "done", "a.csv")
    assert (place.read("done/a.csv"), place.read("done/a-2.csv")) == (b"done before", b"mine")


def test_a_server_that_chokes_on_reading_ahead_is_asked_for_less(place, server, hasty, target, heard):
    place.put("a.csv", bytes_of(LARGE))
    server.lie = Lie(chokes_above=32_768)
    assert hasty.fetch(only(hasty), target).size == LARGE
    assert target.read_bytes() == bytes_of(LARGE)
    assert [event for event, _ in heard.notes] == ["transfer.slowed"]


def test_a_file_that_comes_too_slowly_for_the_deadline_is_given_up_by_then(place, server, target):
    place.put("a.csv", bytes_of(SMALL), modified=NOON)
    settings = {**server.settings(), "deadline": "500ms", "minimumRate": 0}
    with connect(settings, Tools(time.monotonic)) as far:
        file = only(far)
        server.lie = Lie(drip=0.05)
        with pytest.raises(Unreachable, match=r"longer than 0\.5 s"):
            far.fetch(file, target)
    assert list(target.parent.iterdir()) == []


def test_a_listing_that_never_ends_is_given_up_by_the_deadline(server):
    server.lie = Lie(listing_never_ends=True)
    far = connect({**server.settings(), "deadline": "200ms"}, Tools(time.monotonic))
    with far as directory, pytest.raises(Unreachable, match="does not end"):
        list(directory.files())


def test_an_unreachable_connection_stays_so(place, server, far, target):
    place.put("a.csv", b"1")
    file = only(far)
    server.drop_connections()
    for _time in range(2):
        with pytest.raises(Unreachable):
            far.fetch(file, target)
    assert list(target.parent.iterdir()) == []
