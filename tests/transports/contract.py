"""What every transport of files promises, as one class of tests that each of them inherits.

A transport's test module subclasses `TransportContract`, overrides `place` where the far side is
not a plain folder, and gives `transport`: what `connect(settings, tools)` returned, with
`directory` pointing at the place. Nothing here knows a protocol.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest

from transports.base import FileChanged, Files, FileVanished, Refused, RemoteFile, Tools

# Around every border a reader may have: nothing, one byte, SFTP's 32 KiB and 255 KiB, more than is in flight.
SIZES = (0, 1, 32_767, 32_768, 32_769, 261_120, 261_121, 3_000_007)

# "ü" stands there twice, composed and not: two names, as bytes, and no transport may make one of them.
NAMES = ("a b", " leading.csv", "-rf.csv", "*.csv", "ü.csv", "u\u0308.csv", "日本.csv", "$HOME`id`%s.csv", "a" * 200)

NOON = 1_640_088_000.0  # 2021-12-21T12:00:00Z; whole seconds, which every protocol can say


@dataclass
class Place:
    """The far side's directory, seen from behind: a folder that the server serves."""

    root: Path

    def path(self, name: str) -> Path:
        return self.root / name

    def put(self, name: str, content: bytes, modified: float | None = None) -> None:
        """Write a file as a sender would; `modified` is seconds since 1970 UTC."""
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_bytes(content)
        if modified is not None:
            self.touch(name, modified)

    def touch(self, name: str, modified: float) -> None:
        os.utime(self.path(name), (modified, modified))

    def read(self, name: str) -> bytes:
        return self.path(name).read_bytes()

    def exists(self, name: str) -> bool:
        return self.path(name).is_symlink() or self.path(name).exists()

    def names(self, folder: str = ".") -> list[str]:
        return sorted(path.name for path in self.path(folder).iterdir())

    def delete(self, name: str) -> None:
        self.path(name).unlink()

    def mkdir(self, name: str) -> None:
        self.path(name).mkdir()

    def symlink(self, name: str, target: str, modified: float | None = None) -> None:
        """A link; as a file it has as many bytes as `target` has letters."""
        self.path(name).symlink_to(target)
        if modified is not None:
            os.utime(self.path(name), (modified, modified), follow_symlinks=False)

    def fifo(self, name: str) -> None:
        os.mkfifo(self.path(name))


@dataclass
class Heard:
    """What a transport told its tools."""

    notes: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    bytes: int = 0

    def note(self, event: str, details: Mapping[str, object]) -> None:
        self.notes.append((event, details))

    def progress(self, count: int) -> None:
        self.bytes += count


def only(far: Files) -> RemoteFile:
    (file,) = far.files()
    return file


def bytes_of(size: int) -> bytes:
    """Content that differs at every offset a reader could mix up, the same at each run."""
    return b"".join(hashlib.sha256(number.to_bytes(8)).digest() for number in range(size // 32 + 1))[:size]


class TransportContract:
    # Set to False, with a comment, where the protocol cannot carry such a name at all.
    carries_odd_names = True
    sees_links = True

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        root = tmp_path / "far"
        root.mkdir()
        return Place(root)

    @pytest.fixture
    def heard(self) -> Heard:
        return Heard()

    @pytest.fixture
    def tools(self, heard: Heard) -> Tools:
        return Tools(clock=monotonic, progress=heard.progress, note=heard.note)

    @pytest.fixture
    def reach(self, place: Place, tools: Tools) -> Callable[..., AbstractContextManager[Files]]:
        """`reach(directory=".")`: a new `connect(settings, tools)`, `directory` relative to the place's root."""
        raise NotImplementedError

    @pytest.fixture
    def transport(self, reach: Callable[..., AbstractContextManager[Files]]) -> AbstractContextManager[Files]:
        return reach()

    @pytest.fixture
    def target(self, tmp_path: Path) -> Path:
        (tmp_path / "near").mkdir()
        return tmp_path / "near" / "copy.part"

    # --- listing ----------------------------------------------------------------------------

    def test_files_tells_name_size_and_time_of_every_plain_file(self, place, transport):
        place.put("a.csv", b"1", modified=NOON)
        place.put("b.csv", b"22", modified=NOON + 1)
        with transport as far:
            assert sorted(far.files(), key=lambda file: file.name) == [
                RemoteFile("a.csv", 1, NOON),
                RemoteFile("b.csv", 2, NOON + 1),
            ]

    def test_an_empty_directory_has_no_files(self, place, transport):
        with transport as far:
            assert list(far.files()) == []

    def test_a_directory_that_is_not_there_is_an_error_and_never_an_empty_listing(self, place, reach):
        with pytest.raises(Refused, match="missing"), reach(directory="missing") as far:
            list(far.files())

    def test_files_leaves_out_what_is_not_a_plain_file(self, place, transport):
        place.put("real.csv", b"1")
        place.mkdir("folder.csv")
        if self.sees_links:
            place.symlink("link.csv", "real.csv")
            place.symlink("dangling.csv", "nowhere")
        place.fifo("pipe.csv")
        with transport as far:
            assert [file.name for file in far.files()] == ["real.csv"]

    def test_files_sees_a_hidden_file_and_an_empty_one(self, place, transport):
        place.put(".feeds-claim-1", b"")
        with transport as far:
            assert [(file.name, file.size) for file in far.files()] == [(".feeds-claim-1", 0)]

    @pytest.mark.parametrize("name", NAMES)
    def test_a_file_of_any_name_is_fetched_and_removed(self, place, transport, target, name):
        place.put(name, b"content")
        with transport as far:
            file = only(far)
            assert file.name == name
            assert far.fetch(file, target).size == 7
            far.remove(file)
        assert place.names() == []

    @pytest.mark.parametrize("name", ["\udcff\udcfe.csv", "line\nbreak.csv", "\x1b[31mred.csv", "r\rn.csv"])
    def test_a_file_of_an_odd_name_is_fetched_and_removed(self, place, transport, target, name):
        if not self.carries_odd_names:
            pytest.skip("the protocol has no way to say this name")
        place.put(name, b"content")
        with transport as far:
            file = only(far)
            assert file.name == name
            assert far.fetch(file, target).size == 7
            far.remove(file)
        assert place.names() == []

    def test_a_name_that_another_system_takes_for_a_path_is_left_out_and_noted(self, place, transport, heard):
        place.put("..\\up.csv", b"1")
        place.put("good.csv", b"1")
        with transport as far:
            assert [file.name for file in far.files()] == ["good.csv"]
        assert [event for event, _ in heard.notes] == ["name.unsafe"]

    def test_one_name_that_is_no_utf8_hides_no_other(self, place, transport):
        names = [f"{number}.csv" for number in range(10)]
        for name in [*names, "\udcff\udcfe.csv"]:
            place.put(name, b"1")
        with transport as far:
            assert {file.name for file in far.files()} >= set(names)

    def test_files_may_be_removed_while_they_are_listed(self, place, transport):
        for number in range(30):
            place.put(f"{number}.csv", b"1")
        with transport as far:
            for file in far.files():
                far.remove(file)
            assert list(far.files()) == []

    def test_a_listing_that_is_given_up_half_way_hurts_nothing_after_it(self, place, transport, target):
        for number in range(300):
            place.put(f"{number}.csv", b"1")
        with transport as far:
            listing: Iterator[RemoteFile] = far.files()
            first = next(listing)
            del listing
            assert far.fetch(first, target).size == 1
            assert len(list(far.files())) == 300

    # --- fetching ---------------------------------------------------------------------------

    @pytest.mark.parametrize("size", SIZES)
    def test_fetch_writes_every_byte_and_tells_their_hash(self, place, transport, target, heard, size):
        content = bytes_of(size)
        place.put("a.csv", content)
        with transport as far:
            fetched = far.fetch(only(far), target)
        assert target.read_bytes() == content
        assert (fetched.size, fetched.sha256) == (size, hashlib.sha256(content).hexdigest())
        assert heard.bytes == size

    def test_fetch_leaves_the_remote_file_as_it_was(self, place, transport, target):
        place.put("a.csv", b"1", modified=NOON)
        with transport as far:
            far.fetch(only(far), target)
            assert list(far.files()) == [RemoteFile("a.csv", 1, NOON)]

    def test_fetch_of_a_vanished_file_says_so_and_leaves_nothing(self, place, transport, target):
        place.put("a.csv", b"1")
        with transport as far:
            file = only(far)
            place.delete("a.csv")
            with pytest.raises(FileVanished):
                far.fetch(file, target)
        assert not target.exists()

    def test_fetch_of_a_file_of_another_size_says_so_and_leaves_nothing(self, place, transport, target):
        place.put("a.csv", b"1", modified=NOON)
        with transport as far:
            file = only(far)
            place.put("a.csv", b"new content", modified=NOON)
            with pytest.raises(FileChanged):
                far.fetch(file, target)
        assert not target.exists()

    def test_fetch_of_a_file_of_another_time_says_so_and_leaves_nothing(self, place, transport, target):
        place.put("a.csv", b"1", modified=NOON)
        with transport as far:
            file = only(far)
            place.put("a.csv", b"2", modified=NOON - 60)
            with pytest.raises(FileChanged):
                far.fetch(file, target)
        assert not target.exists()

    def test_fetch_never_follows_a_link_that_took_the_place_of_the_file(self, place, transport, target):
        if not self.sees_links:
            pytest.skip("the protocol has no way to tell a link from its file")
        place.put("a.csv", b"as long as", modified=NOON)
        place.put("secret.txt", b"that other", modified=NOON)
        with transport as far:
            file = next(file for file in far.files() if file.name == "a.csv")
            place.delete("a.csv")
            place.symlink("a.csv", "secret.txt", modified=NOON)  # in size and time it is the file
            with pytest.raises(FileChanged):
                far.fetch(file, target)
        assert not target.exists()

    def test_fetch_never_writes_over_a_file_of_ours(self, place, transport, target):
        place.put("a.csv", b"1")
        target.write_bytes(b"ours")
        with transport as far, pytest.raises(FileExistsError):
            far.fetch(only(far), target)
        assert target.read_bytes() == b"ours"

    def test_a_fault_of_our_own_disk_is_no_fault_of_the_far_side(self, place, transport, target):
        place.put("a.csv", b"1")
        with transport as far, pytest.raises(OSError):
            far.fetch(only(far), target.parent / "missing" / "copy.part")
        assert place.read("a.csv") == b"1"

    def test_the_connection_serves_on_after_a_fetch_that_failed(self, place, transport, target):
        place.put("a.csv", bytes_of(400_000), modified=NOON)
        with transport as far:
            file = only(far)
            with pytest.raises(FileChanged):
                far.fetch(RemoteFile(file.name, 5, NOON), target)
            assert far.fetch(file, target).size == 400_000

    # --- claiming ---------------------------------------------------------------------------

    def test_claim_renames_and_tells_how_the_file_stands_now(self, place, transport, target):
        place.put("a.csv", b"1", modified=NOON)
        with transport as far:
            assert far.claim(only(far), ".feeds-claim-1") == RemoteFile(".feeds-claim-1", 1, NOON)
        assert place.names() == [".feeds-claim-1"]

    def test_a_claimed_file_can_be_fetched_claimed_back_and_removed(self, place, transport, target):
        place.put("a.csv", b"content")
        with transport as far:
            claimed = far.claim(only(far), ".feeds-claim-1")
            assert far.fetch(claimed, target).size == 7
            back = far.claim(claimed, "a.csv")
            assert place.names() == ["a.csv"]
            far.remove(back)
        assert place.names() == []

    def test_claim_never_replaces_an_existing_file(self, place, transport):
        place.put("a.csv", b"new")
        place.put(".feeds-claim-1", b"old")
        with transport as far:
            file = next(file for file in far.files() if file.name == "a.csv")
            with pytest.raises(Refused):
                far.claim(file, ".feeds-claim-1")
        assert (place.read("a.csv"), place.read(".feeds-claim-1")) == (b"new", b"old")

    def test_claim_of_a_vanished_file_says_so(self, place, transport):
        place.put("a.csv", b"1")
        with transport as far:
            file = only(far)
            place.delete("a.csv")
            with pytest.raises(FileVanished):
                far.claim(file, ".feeds-claim-1")
        assert place.names() == []

    def test_claim_of_a_replaced_file_tells_the_size_of_the_new_one(self, place, transport):
        place.put("a.csv", b"1")
        with transport as far:
            file = only(far)
            place.put("a.csv", b"new content")
            assert far.claim(file, ".feeds-claim-1").size == 11

    # --- removing ---------------------------------------------------------------------------

    def test_remove_deletes_the_file_and_no_other(self, place, transport):
        place.put("a.csv", b"1")
        place.put("b.csv", b"1")
        with transport as far:
            far.remove(next(file for file in far.files() if file.name == "a.csv"))
        assert place.names() == ["b.csv"]

    def test_remove_of_a_file_already_gone_succeeds(self, place, transport):
        place.put("a.csv", b"1")
        with transport as far:
            file = only(far)
            place.delete("a.csv")
            far.remove(file)

    def test_remove_spares_a_newer_file_of_the_same_name(self, place, transport):
        place.put("a.csv", b"1", modified=NOON)
        with transport as far:
            file = only(far)
            place.put("a.csv", b"new content", modified=NOON)
            with pytest.raises(FileChanged):
                far.remove(file)
            assert [file.size for file in far.files()] == [11]

    def test_remove_spares_a_file_of_the_same_size_and_another_time(self, place, transport):
        place.put("a.csv", b"1", modified=NOON)
        with transport as far:
            file = only(far)
            place.put("a.csv", b"2", modified=NOON + 60)
            with pytest.raises(FileChanged):
                far.remove(file)
        assert place.read("a.csv") == b"2"

    def test_remove_spares_a_folder_that_took_the_name(self, place, transport):
        place.put("a.csv", b"1", modified=NOON)
        with transport as far:
            file = only(far)
            place.delete("a.csv")
            place.mkdir("a.csv")
            with pytest.raises(FileChanged):
                far.remove(file)
        assert place.names() == ["a.csv"]

    def test_remove_spares_a_link_that_took_the_name(self, place, transport):
        if not self.sees_links:
            pytest.skip("the protocol has no way to tell a link from its file")
        place.put("a.csv", b"elsewhere", modified=NOON)
        with transport as far:
            file = only(far)
            place.delete("a.csv")
            place.symlink("a.csv", "elsewhere", modified=NOON)
            with pytest.raises(FileChanged):
                far.remove(file)
        assert place.names() == ["a.csv"]

    # --- moving -----------------------------------------------------------------------------

    @pytest.mark.parametrize("folder", ["done", "done/", "done/2022"])
    def test_move_makes_the_folder_and_puts_the_file_there(self, place, transport, folder):
        place.put("a.csv", b"content")
        with transport as far:
            far.move(only(far), folder, "a.csv")
            assert list(far.files()) == []
        assert place.read(f"{folder}/a.csv") == b"content"

    def test_move_never_replaces_what_is_there(self, place, transport):
        contents = {b"first", b"second", b"third"}
        with transport as far:
            for content in sorted(contents):
                place.put("a.csv", content)
                far.move(only(far), "done", "a.csv")
        assert {place.read(f"done/{name}") for name in place.names("done")} == contents
        assert place.read("done/a.csv") == b"first"

    def test_move_of_a_file_already_gone_succeeds(self, place, transport):
        place.put("a.csv", b"1")
        with transport as far:
            file = only(far)
            place.delete("a.csv")
            far.move(file, "done", "a.csv")

    def test_move_spares_a_newer_file_of_the_same_name(self, place, transport):
        place.put("a.csv", b"1", modified=NOON)
        with transport as far:
            file = only(far)
            place.put("a.csv", b"new content", modified=NOON)
            with pytest.raises(FileChanged):
                far.move(file, "done", "a.csv")
        assert place.read("a.csv") == b"new content"

    # --- the place --------------------------------------------------------------------------

    def test_the_source_is_the_same_at_each_connection_and_another_for_another_directory(self, place, reach):
        place.mkdir("sub")
        with reach() as one, reach() as two, reach(directory="sub") as other:
            assert one.source == two.source != other.source

    def test_the_source_is_the_same_however_the_directory_is_spelt(self, place, reach):
        place.mkdir("sub")
        with reach(directory="sub") as one, reach(directory="sub/") as two, reach(directory="./sub") as three:
            assert one.source == two.source == three.source
