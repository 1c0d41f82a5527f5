"""The `file` transport: the contract on a local folder, and what only a local folder can do."""

import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.transports.contract import NOON, Place, TransportContract, bytes_of, only
from transports import file as file_transport
from transports.base import FileChanged, Files, FileVanished, Refused, RemoteFile, Tools, TransferCut, Unreachable

NOBODY = 65534


class TestFile(TransportContract):
    @pytest.fixture
    def reach(self, place: Place, tools: Tools) -> Callable[..., AbstractContextManager[Files]]:
        return lambda directory=".": file_transport.connect({"directory": str(place.root / directory)}, tools)

    def test_a_directory_that_is_not_there_is_an_error_and_never_an_empty_listing(self, place, reach):
        # On this machine that is a share that is not mounted: nobody refused anything.
        with pytest.raises(Unreachable, match="missing"), reach(directory="missing"):
            pass


class TestFileWithoutAtomicRename(TestFile):
    """The same promises on a file system whose rename knows no "never replace"."""

    @pytest.fixture(autouse=True)
    def plain_rename(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(file_transport, "_renameat2", None)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "far").mkdir()
    return Place(tmp_path / "far")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "copy.part"


def connected(place: Place, **tools: object) -> AbstractContextManager[Files]:
    return file_transport.connect({"directory": str(place.root)}, Tools(clock=lambda: 0.0, **tools))


@pytest.fixture
def as_nobody():
    """A user whom permissions bind; root is bound by none."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_relative_directory_counts_from_the_working_directory(place, tmp_path, monkeypatch):
    place.put("a.csv", b"1")
    monkeypatch.chdir(tmp_path)
    with file_transport.connect({"directory": "far"}, Tools(clock=lambda: 0.0)) as far:
        assert only(far).name == "a.csv"
        assert far.source == place.root.as_uri()


def test_the_source_is_the_same_through_a_link_to_the_directory(place, tmp_path):
    (tmp_path / "near").symlink_to("far")
    with connected(place) as one, connected(Place(tmp_path / "near")) as other:
        assert one.source == other.source


def test_a_directory_that_may_not_be_read_is_refused(place, request):
    place.root.chmod(0o000)
    request.getfixturevalue("as_nobody")
    with pytest.raises(Refused, match="may not be read"), connected(place):
        pass


def test_a_file_that_may_not_be_read_is_refused_and_leaves_nothing(place, tmp_path, monkeypatch, request):
    tmp_path.chmod(0o777)
    monkeypatch.chdir(tmp_path)  # the folders above it are closed to others, wherever they are
    place.put("a.csv", b"1")
    place.path("a.csv").chmod(0o000)
    with connected(place) as far:
        request.getfixturevalue("as_nobody")
        with pytest.raises(Refused):
            far.fetch(only(far), Path("copy.part"))
    assert not Path("copy.part").exists()


def test_a_directory_removed_under_the_connection_is_an_error_and_never_an_empty_listing(place):
    with connected(place) as far:
        place.root.rmdir()
        with pytest.raises(Unreachable):
            list(far.files())


def test_a_directory_swapped_under_the_connection_changes_nothing(place, tmp_path, target):
    place.put("a.csv", b"ours")
    with connected(place) as far:
        place.root.rename(tmp_path / "aside")
        Place(place.root).put("a.csv", b"other")
        assert far.fetch(only(far), target).size == 4
    assert target.read_bytes() == b"ours"


def test_a_time_finer_than_a_second_is_told_and_compared_exactly(place):
    place.put("a.csv", b"1")
    os.utime(place.path("a.csv"), ns=(1_640_088_000_123_456_789, 1_640_088_000_123_456_789))
    with connected(place) as far:
        file = only(far)
        assert file.modified == 1_640_088_000.123_456_789
        os.utime(place.path("a.csv"), ns=(1_640_088_000_123_466_789, 1_640_088_000_123_466_789))
        with pytest.raises(FileChanged):
            far.remove(file)


def test_a_fifo_in_the_place_of_a_file_is_never_opened(place, target):
    place.put("a.csv", b"1")
    with connected(place) as far:
        file = only(far)
        place.delete("a.csv")
        place.fifo("a.csv")
        opened = threading.Event()
        # Opening the writing end blocks until somebody opens the reading end.
        writer = threading.Thread(target=lambda: (place.path("a.csv").open("wb").close(), opened.set()), daemon=True)
        writer.start()
        with pytest.raises(FileChanged):
            far.fetch(file, target)
        assert not opened.is_set()
    reader = os.open(place.path("a.csv"), os.O_RDONLY | os.O_NONBLOCK)
    writer.join(5)
    os.close(reader)


@pytest.mark.parametrize("what", ["grow", "shrink", "rewrite", "replace", "vanish"])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_file_that_a_sender_touches_while_it_is_read_is_never_taken(place, target, what, at):
    """Each chunk read is a moment at which the sender can strike."""
    content = bytes_of(3_000_007)
    place.put("a.csv", content, modified=NOON)
    path = place.path("a.csv")
    strikes = {
        "grow": lambda: path.write_bytes(content + b"more"),
        "shrink": lambda: os.truncate(path, 1_000_000),
        "rewrite": lambda: path.write_bytes(content[::-1]),
        "replace": lambda: (place.put("new", content, modified=NOON), place.path("new").replace(path)),
        "vanish": path.unlink,
    }
    chunks = []

    def strike(count: int) -> None:
        chunks.append(count)
        if len(chunks) == at:
            strikes[what]()

    with connected(place, progress=strike) as far, pytest.raises((FileChanged, FileVanished)):
        far.fetch(only(far), target)
    assert not target.exists()


@pytest.mark.skipif(not Path("/sys/kernel/fscaps").is_file(), reason="Linux's own lying file system is not here")
def test_a_file_that_is_shorter_than_its_size_is_a_cut_transfer(target):
    """Files of sysfs say that they have 4096 bytes and hold a few, as a share with a stale size does."""
    with file_transport.connect({"directory": "/sys/kernel"}, Tools(clock=lambda: 0.0)) as far:
        short = next(file for file in far.files() if file.name == "fscaps")
        with pytest.raises(TransferCut):
            far.fetch(short, target)
    assert not target.exists()


def test_a_writer_that_never_stops_does_not_fill_our_disk(place, target):
    place.put("a.csv", bytes_of(1000), modified=NOON)

    def grow(count: int) -> None:
        with place.path("a.csv").open("ab") as sender:
            sender.write(bytes(count))

    with connected(place, progress=grow) as far, pytest.raises(FileChanged):
        far.fetch(only(far), target)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "/etc/passwd", "a\0b", "..\\a"])
def test_a_name_that_is_no_single_segment_is_refused_everywhere(place, target, name):
    place.put("a.csv", b"1")
    with connected(place) as far:
        file = only(far)
        bad = RemoteFile(name, 1, file.modified)
        for attempt in (
            lambda: far.claim(file, name),
            lambda: far.claim(bad, "b.csv"),
            lambda: far.fetch(bad, target),
            lambda: far.remove(bad),
            lambda: far.move(file, "done", name),
            lambda: far.move(bad, "done", "a.csv"),
        ):
            with pytest.raises(Refused):
                attempt()
    assert place.names() in (["a.csv"], ["a.csv", "done"])
    assert place.read("a.csv") == b"1"


@pytest.mark.parametrize("folder", ["..", "../done", "done/../..", "/tmp", "", ".", "a\\b"])  # noqa: S108  refused, never used
def test_a_file_is_never_moved_out_of_the_directory(place, folder):
    place.put("a.csv", b"1")
    with connected(place) as far, pytest.raises(Refused):
        far.move(only(far), folder, "a.csv")
    assert place.names() == ["a.csv"]


def test_a_folder_that_is_a_link_is_not_followed(place, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    place.symlink("done", str(tmp_path / "elsewhere"))
    place.put("a.csv", b"1")
    with connected(place) as far:
        file = next(file for file in far.files() if file.name == "a.csv")
        with pytest.raises((Refused, FileChanged)):
            far.move(file, "done", "a.csv")
    assert place.exists("a.csv")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_slipped_in_just_before_a_move_is_put_back(place, monkeypatch):
    make = os.mkdir

    def mkdir(*arguments: object, **options: object) -> None:
        place.path("a.csv").write_bytes(b"new content")
        make(*arguments, **options)

    place.put("a.csv", b"1", modified=NOON)
    with connected(place) as far:
        file = only(far)
        monkeypatch.setattr(os, "mkdir", mkdir)
        with pytest.raises(FileChanged):
            far.move(file, "done", "a.csv")
        monkeypatch.undo()
    assert place.names("done") == []
    assert place.read("a.csv") == b"new content"


def test_claiming_over_a_claim_made_at_the_same_moment_takes_one_file_once(place):
    """Two processes claim one file under two names: one gets it, the other hears that it is gone."""
    place.put("a.csv", b"1")
    with connected(place) as one, connected(place) as two:
        file = only(one)
        one.claim(file, ".feeds-claim-1")
        with pytest.raises(FileVanished):
            two.claim(file, ".feeds-claim-2")
    assert place.names() == [".feeds-claim-1"]


def test_nothing_stays_open_behind_a_listing_given_up(place):
    for number in range(300):
        place.put(f"{number}.csv", b"1")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  counted, not looked at
    with connected(place) as far:
        for _ in range(20):
            listing = far.files()
            next(listing)
            del listing
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
