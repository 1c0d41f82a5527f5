"""Exports as files of this machine: the contract of senders, and what only a folder can do."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.transports.http.room import Room
from tests.transports.sending.contract import SenderContract, parcel, tools_of
from transports.base import FileChanged, Parcel, Refused, Sender, SendTools
from transports.file_sender import connect_sender

ROOT = Path(__file__).parents[3]
NOBODY = 65534


@dataclass
class Shelf:
    """A folder where exports are put."""

    root: Path
    tools: SendTools

    def connect(self, *, login: bool = True, **settings: Any) -> AbstractContextManager[Sender]:
        return connect_sender({"directory": str(self.root), **settings}, self.tools)

    def taken(self) -> list[bytes]:
        """What a receiver sees that takes every file which is not hidden."""
        if not self.root.is_dir():
            return []
        files = [path for path in self.root.iterdir() if not path.name.startswith(".")]
        return [path.read_bytes() for path in sorted(files, key=lambda path: path.stat().st_mtime_ns)]

    def names(self) -> list[str]:
        return sorted(path.name for path in self.root.iterdir())

    def leaves(self) -> None:
        self.root.rename(self.root.with_name("elsewhere"))

    def says_no(self) -> None:
        (self.root / str(parcel().name)).write_bytes(b"another")
        self.taken = list  # type: ignore[method-assign]  # what is there was there before


@pytest.fixture
def tools() -> SendTools:
    return tools_of(Room(real_time=True))


@pytest.fixture
def far(tmp_path: Path, tools: SendTools) -> Shelf:
    (tmp_path / "out").mkdir()
    return Shelf(tmp_path / "out", tools)


class TestFile(SenderContract):
    refuses_logins = False
    is_ever_uncertain = False
    large = 0  # nothing lies between this process and its disk that could be cut

    @pytest.fixture
    def far(self, tmp_path: Path, tools: SendTools) -> Shelf:
        (tmp_path / "out").mkdir()
        return Shelf(tmp_path / "out", tools)


def test_the_same_parcel_again_is_done_and_one_file_is_there(far: Shelf) -> None:
    with far.connect() as sender:
        sender.send(parcel())
        before = (far.root / str(parcel().name)).stat()
        assert "already" in sender.send(parcel()).text
    assert far.names() == [parcel().name]
    assert (far.root / str(parcel().name)).stat() == before


@pytest.mark.parametrize("content", [b"another", b"<adf>.", b""], ids=["longer", "as long", "empty"])
def test_another_content_under_that_name_is_refused_and_stays(far: Shelf, content: bytes) -> None:
    (far.root / str(parcel().name)).write_bytes(content)
    with far.connect() as sender, pytest.raises(Refused, match="never replaced"):
        sender.send(parcel())
    assert far.taken() == [content]
    assert far.names() == [parcel().name]


CHILD = """
import os, resource, signal, sys, time
from tests.transports.http.room import Room
from tests.transports.sending.contract import parcel, tools_of
from transports import connect_sender
from transports.base import Unreachable
from transports.file import Folder

if sys.argv[2] == "dies":
    Folder.claim = lambda *arguments: os._exit(9)
else:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
with connect_sender("file", {"directory": sys.argv[1]}, tools_of(Room())) as sender:
    try:
        sender.send(parcel(body=b"of another time, and longer"))
    except Unreachable:
        sys.exit(3)
"""


@pytest.mark.parametrize(("how", "code"), [("dies", 9), ("is full", 3)])
def test_what_a_process_that_died_or_a_full_disk_has_left_is_no_export_and_is_cleared_away(
    far: Shelf, how: str, code: int
) -> None:
    done = subprocess.run([sys.executable, "-c", CHILD, str(far.root), how], cwd=ROOT, check=False)
    assert done.returncode == code
    assert len(far.names()) == 1
    assert far.taken() == []
    with far.connect() as sender:
        sender.send(parcel())
    assert far.names() == [parcel().name]
    assert far.taken() == [parcel().body]


@pytest.mark.parametrize("name", ["../up.xml", "a/b.xml", "..", "a\\b", "nul\0.xml"])
def test_a_name_that_leads_elsewhere_is_refused(far: Shelf, name: str) -> None:
    with far.connect() as sender, pytest.raises(Refused, match="file name"):
        sender.send(Parcel("k", b"1", "text/plain", name))
    assert far.names() == []


def test_a_name_that_is_too_long_is_refused_and_leaves_nothing_under_it(far: Shelf) -> None:
    with far.connect() as sender, pytest.raises(Refused):
        sender.send(Parcel("k", b"1", "text/plain", "n" * 300))
    assert far.taken() == []


def test_a_parcel_without_a_name_has_one_that_its_key_makes(far: Shelf) -> None:
    with far.connect() as sender:
        sender.send(Parcel("leads:1", b"1", "text/plain"))
        sender.send(Parcel("leads:2", b"2", "text/plain"))
        sender.send(Parcel("leads:1", b"1", "text/plain"))
    assert far.taken() == [b"1", b"2"]


def test_a_link_in_the_place_of_the_file_is_not_followed(far: Shelf, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(parcel().body)
    (far.root / str(parcel().name)).symlink_to(tmp_path / "secret")
    with far.connect() as sender, pytest.raises(FileChanged):
        sender.send(parcel())
    assert (tmp_path / "secret").read_bytes() == parcel().body


def test_a_file_may_be_read_by_whom_the_umask_lets(far: Shelf) -> None:
    before = os.umask(0o022)
    try:
        with far.connect() as sender:
            sender.send(parcel())
    finally:
        os.umask(before)
    assert stat.S_IMODE((far.root / str(parcel().name)).stat().st_mode) == 0o644


def test_a_folder_that_is_not_writable_is_a_certain_no(far: Shelf) -> None:
    with far.connect() as sender:
        sender.send(parcel())
        far.root.chmod(0o555)
        try:
            with as_nobody(), pytest.raises(Refused, match="writing"):
                sender.send(parcel("leads:2", b"2"))
        finally:
            far.root.chmod(0o755)
    assert far.taken() == [parcel().body]


@contextmanager
def as_nobody() -> Iterator[None]:
    """A user whom permissions bind; root is bound by none."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
