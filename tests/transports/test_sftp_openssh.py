"""The SFTP transport against OpenSSH, which is what most dealers' servers are. Only where there is an sshd."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.servers.openssh import SSHD, OpenSsh
from tests.transports.contract import Place, TransportContract, bytes_of, only
from transports.base import Files, HostKeyChanged, Refused, Tools, Unreachable
from transports.sftp import connect

pytestmark = pytest.mark.skipif(SSHD is None, reason="there is no sshd on this machine")

TOOLS = Tools(time.monotonic)


@pytest.fixture(scope="module")
def server() -> Iterator[OpenSsh]:
    with OpenSsh() as server:
        yield server


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "far").mkdir()
    return Place(tmp_path / "far")


def reached(server: OpenSsh, place: Place, directory: str = ".") -> AbstractContextManager[Files]:
    return connect({**server.settings(), "directory": f"{place.root}/{directory}"}, TOOLS)


class TestOpenSsh(TransportContract):
    @pytest.fixture
    def reach(self, server: OpenSsh, place: Place, tools: Tools) -> Callable[..., AbstractContextManager[Files]]:
        return lambda directory=".": connect({**server.settings(), "directory": f"{place.root}/{directory}"}, tools)


def test_a_server_without_rename_and_remove_is_read_and_says_what_it_refuses(place, tmp_path):
    place.put("a.csv", bytes_of(100_000))
    with OpenSsh(denied="remove,rename") as server, reached(server, place) as far:
        file = only(far)
        for deed in (lambda: far.claim(file, ".feeds-claim-1"), lambda: far.remove(file)):
            with pytest.raises(Refused, match="Permission denied"):
                deed()
        with pytest.raises(Refused, match="Permission denied"):
            far.move(file, "done", "a.csv")
        assert far.fetch(file, tmp_path / "copy").size == 100_000
    assert place.names() == ["a.csv", "done"]


def test_a_server_set_up_anew_is_not_talked_to_until_its_key_is_pinned(place):
    with OpenSsh() as server:
        before = server.settings()
        server.new_host_key()
        with pytest.raises(HostKeyChanged, match=server.fingerprint.replace("+", r"\+")), connect(before, TOOLS):
            pass
        both = {**before, "hostKey": [before["hostKey"], server.host_key_line], "directory": str(place.root)}
        with connect(both, TOOLS) as far:
            assert list(far.files()) == []


def test_new_keys_in_the_middle_of_a_file_do_not_hurt_it(place, tmp_path):
    place.put("a.csv", bytes_of(4_000_000))
    with OpenSsh(lines=("RekeyLimit 1M",)) as server, reached(server, place) as far:
        far.fetch(only(far), tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == bytes_of(4_000_000)


def test_a_server_that_greets_people_instead_is_said_not_to_speak_sftp(place):
    closed = OpenSsh(lines=("ForceCommand echo This service is closed on Sundays",))
    with closed as server, pytest.raises(Unreachable, match="not SFTP"), reached(server, place):
        pass


def test_a_server_without_sftp_is_unreachable(place):
    with OpenSsh(lines=("ForceCommand false",)) as server, pytest.raises(Unreachable), reached(server, place):
        pass


def test_a_server_that_dies_in_the_middle_of_a_file_leaves_nothing(server, place, tmp_path):
    place.put("a.csv", bytes(20_000_000))
    dying = Tools(time.monotonic, progress=lambda count: server.kill_sessions())
    target = tmp_path / "copy"
    with connect({**server.settings(), "directory": str(place.root)}, dying) as far:
        file = only(far)
        with pytest.raises(Unreachable):
            far.fetch(file, target)
    assert not target.exists()


def test_one_session_at_a_time_is_enough(place, tmp_path):
    place.put("a.csv", bytes_of(1_000_000))
    with OpenSsh(lines=("MaxSessions 1",)) as server:
        for number in range(3):
            with reached(server, place) as far:
                far.fetch(only(far), tmp_path / str(number))
