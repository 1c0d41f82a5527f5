"""Names that a far side may offer: forty of them, over each transport, beside files of good names.

What is not one path segment is left out and noted; the rest is fetched whole, claimed, given back and
removed; and whatever it is called, nothing is written but the one file that we asked for.
"""

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import asyncssh
import pytest

from tests.servers.ftp import Clear, FtpServer
from tests.servers.ftp import Session as FtpSession
from tests.servers.sftp import Session as SftpSession
from tests.servers.sftp import SftpServer
from tests.transports.contract import NOON, Heard, Place
from transports import file, ftp, sftp
from transports.base import Files, FileVanished, Refused, RemoteFile, Tools

CASES = json.loads((Path(__file__).parents[1] / "hostile" / "names.json").read_text())
GOOD = ["good.csv", "café.csv"]  # the neighbours that some of the names imitate


@dataclass
class Far:
    """The far side by one transport; `said` is every command it heard, where the transport has commands."""

    connect: Callable[[], AbstractContextManager[Files]]
    carries_line_breaks: bool = True
    said: list[str] = field(default_factory=list)


Way = Callable[[Place, list[str], Tools], AbstractContextManager[Far]]


@contextmanager
def local(place: Place, names: list[str], tools: Tools) -> Iterator[Far]:
    yield Far(lambda: file.connect({"directory": str(place.root)}, tools))


def by_ftp(session: type[FtpSession], form: str) -> Way:
    """A server that writes `names` into its listing, each line in `form`, whether it has such files or not."""

    @contextmanager
    def way(place: Place, names: list[str], tools: Tools) -> Iterator[Far]:
        far = Far(lambda: ftp.connect(server.settings(), tools), carries_line_breaks=False)

        class Offers(session):  # type: ignore[valid-type,misc]
            def ftp_MLSD(self, path: str) -> None:  # noqa: N802  pyftpdlib's name for it
                there = (name for name in names if not can_lie_in_a_folder(name) or place.exists(name))
                lines = (form.format(size=len(content(name))).encode() + raw(name) + b"\r\n" for name in there)
                self.push_dtp_data(b"".join(lines), cmd="MLSD")

            ftp_LIST = ftp_MLSD  # noqa: N815

            def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
                far.said.append(line)
                super().pre_process_command(line, cmd, arg)

        with FtpServer(place.root, Offers) as server:
            yield far

    return way


class WithoutFacts(Clear):
    proto_cmds = {name: command for name, command in Clear.proto_cmds.items() if not name.startswith("MLS")}  # noqa: RUF012  pyftpdlib's table


@contextmanager
def by_sftp(place: Place, names: list[str], tools: Tools) -> Iterator[Far]:
    class Offers(SftpSession):
        async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
            for name in names:
                attributes = asyncssh.SFTPAttrs(permissions=0o100644, size=len(content(name)), atime=NOON, mtime=NOON)
                yield asyncssh.SFTPName(raw(name), b"-rw-r--r-- " + raw(name), attributes)

    with SftpServer(place.root, Offers) as server:
        yield Far(lambda: sftp.connect(server.settings(), tools))


WAYS: dict[str, Way] = {
    "file": local,
    "ftp-mlsd": by_ftp(Clear, "type=file;size={size};modify=20211221120000; "),
    "ftp-list": by_ftp(WithoutFacts, "-rw-r--r--   1 owner group {size} Dec 21 12:00 "),
    "sftp": by_sftp,
}


def raw(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def content(name: str) -> bytes:
    return b"the content of " + raw(name)


def can_lie_in_a_folder(name: str) -> bool:
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name


def put(place: Place, names: list[str]) -> None:
    for name in filter(can_lie_in_a_folder, names):
        place.put(name, content(name), modified=NOON)


def is_taken(case: dict[str, Any], far: Far) -> bool:
    return case["taken"] == "everywhere" or (case["taken"] == "notByFtp" and far.carries_line_breaks)


def tree(folder: Path) -> dict[bytes, bytes | None]:
    paths = [Path(root) / name for root, folders, files in os.walk(folder) for name in [*folders, *files]]
    return {os.fsencode(path): path.read_bytes() if path.is_file() else None for path in paths}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A far folder with something above it, and a working directory of our own: each would show a stray file."""
    root = tmp_path / "home" / "far"
    root.mkdir(parents=True)
    (tmp_path / "home" / "up.csv").write_bytes(b"not to be touched")
    (tmp_path / "near").mkdir()
    (tmp_path / "working").mkdir()
    monkeypatch.chdir(tmp_path / "working")
    return Place(root)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "near" / "copy.part"


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def tools(heard: Heard) -> Tools:
    return Tools(clock=monotonic, progress=heard.progress, note=heard.note)


@pytest.mark.parametrize(
    ("way", "case"),
    [
        pytest.param(WAYS[way], case, id=f"{case['id']}-{way}")
        for way in WAYS
        for case in CASES
        if way != "file" or can_lie_in_a_folder(case["name"])
    ],
)
def test_a_hostile_name_is_fetched_whole_or_left_out_and_noted(place, tools, heard, target, tmp_path, way, case):
    name = case["name"]
    put(place, [*GOOD, name])
    before = tree(tmp_path)
    with way(place, [*GOOD, name], tools) as far, far.connect() as connected:
        taken = {*GOOD, name} if is_taken(case, far) else {*GOOD}
        offered = list(connected.files())
        assert {found.name for found in offered} >= taken
        for found in offered:
            if found.name in taken:
                assert connected.fetch(found, target).size == len(content(found.name))
                assert target.read_bytes() == content(found.name)
                target.unlink()
            else:  # the first line of a name of two: no such file is there, and none is made up
                assert name.startswith(found.name)
                with pytest.raises((FileVanished, Refused)):
                    connected.fetch(found, target)
        assert tree(tmp_path) == before
        arguments = [line.partition(" ")[2] for line in far.said]
        assert not [text for text in arguments if ".." in text or any(mark in text for mark in "/\\\0\r\n")]
    events = [event for event, _ in heard.notes]
    if name in taken:
        assert events == []
    else:
        assert set(events) <= {"name.unsafe", "listing.unreadable"}
        assert events or (way is by_sftp and name in (".", "..")), "these two stand in every listing of SFTP"
    for _, details in heard.notes:
        assert all(str(value).isascii() and str(value).isprintable() for value in details.values())


@pytest.mark.parametrize("way", ["file", "ftp-mlsd", "ftp-list"])
@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES if case["taken"] == "nowhere"])
def test_a_path_is_refused_to_whoever_asks_for_it_by_name(place, tools, target, tmp_path, way, case):
    """The listing leaves them out; a caller that had one from elsewhere gets no further."""
    put(place, GOOD)
    before = tree(tmp_path)
    bad = RemoteFile(case["name"], None, None)
    with WAYS[way](place, GOOD, tools) as far, far.connect() as connected:
        good = next(found for found in connected.files() if found.name == "good.csv")
        for asked in (
            lambda: connected.fetch(bad, target),
            lambda: connected.claim(bad, "b.csv"),
            lambda: connected.claim(good, bad.name),
            lambda: connected.remove(bad),
            lambda: connected.move(bad, "done", "b.csv"),
        ):
            with pytest.raises(Refused):
                asked()
    assert tree(tmp_path) == before


@pytest.mark.parametrize("way", WAYS)
def test_all_forty_together_are_claimed_given_back_and_removed(place, tools, target, tmp_path, way):
    names = [*GOOD, *(case["name"] for case in CASES)]
    put(place, names)
    with WAYS[way](place, names, tools) as far:
        taken = {*GOOD, *(case["name"] for case in CASES if is_taken(case, far))}
        with far.connect() as connected:
            # A listing may say one name twice: a fragment of one can be the whole of another.
            offered = {found.name: found for found in connected.files() if found.name in taken}
            assert set(offered) == taken
            for number, found in enumerate(offered.values()):
                claimed = connected.claim(found, f".feeds-claim-{number:026}")
                assert connected.fetch(claimed, target).size == len(content(found.name))
                target.unlink()
                connected.remove(connected.claim(claimed, found.name))
    assert set(place.names()) == {name for name in names if can_lie_in_a_folder(name)} - taken
    assert (tmp_path / "home" / "up.csv").read_bytes() == b"not to be touched"
    assert list((tmp_path / "working").iterdir()) == list((tmp_path / "near").iterdir()) == []


def test_the_corpus_has_forty_names_each_once():
    assert len({case["id"] for case in CASES}) == len({case["name"] for case in CASES}) == 40
