"""The SFTP transport against an honest server in this process: the contract, the key, the login, the way.

What servers do that lie is in `test_lying_sftp.py`, what OpenSSH does in `test_sftp_openssh.py`.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.servers.delay import Delay
from tests.servers.sftp import PASSWORD, USERNAME, SftpServer
from tests.transports.contract import Place, TransportContract, bytes_of, only
from transports.base import (
    Files,
    HostKeyChanged,
    LoginRefused,
    Secret,
    Settings,
    Tools,
    TransportError,
    Unreachable,
)
from transports.settings import octets, seconds
from transports.sftp import connect

TOOLS = Tools(time.monotonic)
OTHER_KEY = "SHA256:" + "A" * 43


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "far").mkdir()
    return Place(tmp_path / "far")


@pytest.fixture
def server(place: Place) -> Iterator[SftpServer]:
    with SftpServer(place.root) as server:
        yield server


class TestSftp(TransportContract):
    @pytest.fixture
    def reach(self, server: SftpServer, tools: Tools) -> Callable[..., AbstractContextManager[Files]]:
        return lambda directory=".": connect({**server.settings(), "directory": directory}, tools)


def refused(settings: Settings, kind: type[TransportError]) -> str:
    with pytest.raises(kind) as raised, connect(settings, TOOLS):
        pytest.fail("it was let in")
    assert type(raised.value) is kind
    return str(raised.value)


# --- the host key ---------------------------------------------------------------------------


def line(server: SftpServer) -> str:
    return server.host_key.export_public_key().decode().strip()


PINS: dict[str, Callable[[SftpServer], Any]] = {
    "fingerprint": lambda server: server.fingerprint,
    "fingerprint, padded": lambda server: server.fingerprint + "=",
    "fingerprint with its kind": lambda server: f"ssh-ed25519 {server.fingerprint}",
    "public key": line,
    "known_hosts": lambda server: f"[{server.host}]:{server.port} {line(server)} comment",
    "secret": lambda server: Secret("HOSTKEY", server.fingerprint),
    "old and new": lambda server: [OTHER_KEY, server.fingerprint],
    "old and new, in one text": lambda server: f"# old\n{OTHER_KEY}\n\n{line(server)}\n",
}


@pytest.mark.parametrize("pin", PINS.values(), ids=PINS)
def test_a_pinned_host_key_is_known_however_it_is_written(server, pin):
    with connect({**server.settings(), "hostKey": pin(server)}, TOOLS) as far:
        assert list(far.files()) == []


UNKNOWN = [OTHER_KEY, ["ssh-ed25519 " + OTHER_KEY], None, "", []]


@pytest.mark.parametrize("pin", UNKNOWN)
def test_an_unknown_host_key_ends_it_before_any_name_or_password(server, pin):
    message = refused({**server.settings(), "hostKey": pin}, HostKeyChanged)
    assert server.fingerprint in message
    assert "transport.hostKey" in message
    assert (server.connections, server.auth_attempts) == (1, 0)


@pytest.mark.parametrize("pin", ["MD5:00:11:22", "accept", "SHA256:short", "ssh-ed25519 AAAA=broken"])
def test_what_is_no_host_key_connects_to_nothing(server, pin):
    assert "SHA256:" in refused({**server.settings(), "hostKey": pin}, HostKeyChanged)
    assert server.connections == 0


def test_a_pinned_key_is_not_shown_when_it_is_a_secret(server):
    pinned = Secret("HOSTKEY", OTHER_KEY)
    assert OTHER_KEY not in refused({**server.settings(), "hostKey": pinned}, HostKeyChanged)


def test_a_server_of_several_keys_is_asked_for_the_pinned_kind(place):
    rsa = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    with SftpServer(place.root, other_host_keys=(rsa,)) as server:
        pin = rsa.export_public_key().decode()
        with connect({**server.settings(), "hostKey": pin}, TOOLS) as far:
            assert list(far.files()) == []


# --- the login ------------------------------------------------------------------------------


def test_a_wrong_password_is_tried_once_and_shown_never(server, capfd):
    auth = {"type": "password", "password": Secret("PASSWORD", "canary-wrong-password")}
    message = refused({**server.settings(), "auth": auth}, LoginRefused)
    assert server.logins == {False: 1}
    assert "canary" not in message + "".join(capfd.readouterr())


def test_a_wrong_user_is_refused(server):
    refused({**server.settings(), "username": "canary-nobody"}, LoginRefused)
    assert server.logins == {False: 1}


def test_no_agent_and_no_key_of_the_user_is_ever_asked(server, tmp_path, monkeypatch):
    key = asyncssh.generate_private_key("ssh-ed25519")
    server.client_key = key
    (tmp_path / ".ssh").mkdir()
    key.write_private_key(tmp_path / ".ssh" / "id_ed25519")
    monkeypatch.setenv("HOME", str(tmp_path))
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "agent"))
        agent.listen()
        agent.settimeout(0.05)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        refused({**server.settings(), "auth": {"type": "password", "password": "canary-wrong"}}, LoginRefused)
        with pytest.raises(TimeoutError):
            agent.accept()
    assert server.logins == {False: 1}


@pytest.fixture
def key_file(tmp_path: Path, server: SftpServer) -> Path:
    """The key that the server lets in, in a file of the user's own."""
    server.client_key = asyncssh.generate_private_key("ssh-ed25519")
    server.password = None
    path = tmp_path / "id"
    path.write_bytes(server.client_key.export_private_key())
    path.chmod(0o600)
    return path


def test_a_private_key_logs_in_from_a_file_or_a_secret(server, key_file):
    for key in (str(key_file), Secret("KEY", key_file.read_text()), Secret("KEY", f"\n{key_file.read_text().strip()}")):
        with connect({**server.settings(), "auth": {"type": "privateKey", "key": key}}, TOOLS) as far:
            assert list(far.files()) == []
    assert server.logins[False] == 0


@pytest.mark.parametrize(
    ("form", "kind", "options"),
    [
        ("openssh", "ssh-ed25519", {}),
        ("pkcs8-pem", "ssh-ed25519", {}),
        ("pkcs8-pem", "ssh-rsa", {"key_size": 2048}),
        ("pkcs8-pem", "ecdsa-sha2-nistp256", {}),
    ],
)
def test_a_private_key_of_any_usual_kind_with_a_passphrase_logs_in(server, form, kind, options):
    server.client_key = asyncssh.generate_private_key(kind, **options)
    quick = {"rounds": 50} if form == "openssh" else {}
    text = server.client_key.export_private_key(form, passphrase="canary-passphrase", **quick).decode()
    auth = {"type": "privateKey", "key": Secret("KEY", text), "passphrase": Secret("PASS", "canary-passphrase")}
    with connect({**server.settings(), "auth": auth}, TOOLS) as far:
        assert list(far.files()) == []
    wrong = {**auth, "passphrase": Secret("PASS", "canary-wrong")}
    connections = server.connections
    assert "canary" not in refused({**server.settings(), "auth": wrong}, LoginRefused)
    assert server.connections == connections


def test_a_key_that_the_server_does_not_know_is_refused(server, key_file):
    server.client_key = asyncssh.generate_private_key("ssh-ed25519")
    refused({**server.settings(), "auth": {"type": "privateKey", "key": str(key_file)}}, LoginRefused)


def test_a_login_of_a_kind_that_the_server_does_not_take_says_which_it_takes(server, key_file):
    assert "publickey" in refused(server.settings() | {"auth": {"type": "password", "password": "x"}}, LoginRefused)


def test_a_weak_key_is_refused_before_anything_is_sent(server):
    weak = asyncssh.generate_private_key("ssh-rsa", key_size=1024).export_private_key().decode()
    auth = {"type": "privateKey", "key": Secret("KEY", weak)}
    assert "1024 bits" in refused({**server.settings(), "auth": auth}, LoginRefused)
    assert server.connections == 0


def test_a_key_file_that_others_can_read_is_refused(server, key_file):
    key_file.chmod(0o640)
    auth = {"type": "privateKey", "key": str(key_file)}
    assert "chmod 600" in refused({**server.settings(), "auth": auth}, LoginRefused)
    assert server.connections == 0


@pytest.mark.parametrize("key", ["/nowhere/id", "canary not a key", "", "a\0b"])
def test_what_is_no_key_is_refused_and_not_shown(server, key):
    auth = {"type": "privateKey", "key": Secret("KEY", key)}
    assert "canary" not in refused({**server.settings(), "auth": auth}, LoginRefused)


# --- the way --------------------------------------------------------------------------------


def test_a_host_where_nobody_listens_is_unreachable(server):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        refused({**server.settings(), "port": unused.getsockname()[1]}, Unreachable)


def test_a_name_that_does_not_exist_is_unreachable(server):
    assert "sftp.invalid" in refused({**server.settings(), "host": "sftp.invalid"}, Unreachable)


@contextmanager
def greeter(greeting: bytes) -> Iterator[int]:
    """A port that says this, and then nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.sendall(greeting)
                sock.recv(10_000)
                while sock.recv(10_000):
                    pass

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize("greeting", [b"", b"SSH-2.0-silent\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"\0" * 1000])
def test_a_server_that_does_not_go_on_is_unreachable_in_time(server, greeting, capfd):
    with greeter(greeting) as port:
        began = time.monotonic()
        refused({**server.settings(), "port": port, "timeout": "500ms"}, Unreachable)
        assert time.monotonic() - began < 2
    assert capfd.readouterr() == ("", "")


WEAK = [{"encryption_algs": ["aes128-cbc"]}, {"encryption_algs": ["aes128-ctr"], "mac_algs": ["hmac-sha1"]}]


@pytest.mark.parametrize("options", WEAK)
def test_a_server_of_weak_algorithms_alone_is_not_talked_to(place, options):
    with SftpServer(place.root, options=options) as server:
        assert "no SSH session" in refused(server.settings(), Unreachable)
        assert server.auth_attempts == 0


def test_aes_gcm_comes_first(server):
    with connect(server.settings(), TOOLS):
        (connection,) = server.open_connections
        assert connection.get_extra_info("send_cipher") == "aes128-gcm@openssh.com"


def test_a_server_that_goes_away_is_unreachable_from_then_on(server, place, tmp_path):
    place.put("a.csv", b"1")
    with connect(server.settings(), TOOLS) as far:
        file = only(far)
        server.drop_connections()
        for call in (lambda: list(far.files()), lambda: far.fetch(file, tmp_path / "x"), lambda: far.remove(file)):
            with pytest.raises(Unreachable):
                call()
    assert not (tmp_path / "x").exists()
    assert place.exists("a.csv")


def test_a_file_takes_at_most_six_round_trips_and_all_files_one_connection(server, place, tmp_path):
    files = 40
    for number in range(files):
        place.put(f"{number}.csv", bytes_of(2_000))
    with Delay(server.host, server.port, 0) as way, connect({**server.settings(), "port": way.port}, TOOLS) as far:
        listed = list(far.files())
        before = way.turns
        for number, file in enumerate(listed):
            claimed = far.claim(file, f".feeds-claim-{number}")
            far.fetch(claimed, tmp_path / str(number))
            far.remove(claimed)
        assert way.turns - before <= 6 * files
        assert way.connections == 1
    assert place.names() == []


def test_no_rename_is_ever_of_the_kind_that_replaces(server, place):
    place.put("a.csv", b"1")
    with connect(server.settings(), TOOLS) as far:
        far.move(far.claim(only(far), ".feeds-claim-1"), "done", "a.csv")
    assert (server.requests["rename"], server.requests["posix_rename"]) == (2, 0)


def test_our_copy_is_for_nobody_else_to_read(server, place, tmp_path):
    place.put("a.csv", b"1")
    with connect(server.settings(), TOOLS) as far:
        far.fetch(only(far), tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600


# --- the settings ---------------------------------------------------------------------------


def test_the_source_names_the_place_and_no_secret(server, place):
    place.mkdir("in")
    plain = {**server.settings(), "directory": "in/"}
    with connect(plain, TOOLS) as far:
        assert far.source == f"sftp://{USERNAME}@127.0.0.1:{server.port}/in"
    with connect({**plain, "username": Secret("FTP_USER", USERNAME)}, TOOLS) as far:
        assert far.source == f"sftp://$FTP_USER@127.0.0.1:{server.port}/in"
        assert PASSWORD not in repr(vars(far))


def test_a_relative_and_an_absolute_spelling_of_one_directory_are_one_source(server, place):
    place.mkdir("in")
    relative, absolute = ({**server.settings(), "directory": directory} for directory in ("in", "/in"))
    with connect(relative, TOOLS) as one, connect(absolute, TOOLS) as two:
        assert one.source == two.source


@pytest.mark.parametrize(
    ("value", "expected"),
    [(30, 30), (0.5, 0.5), ("30s", 30), ("500ms", 0.5), ("2m", 120), ("1.5 h", 5400), ("1d", 86400)],
)
def test_a_duration_is_seconds_or_has_a_unit(value, expected):
    assert seconds(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(1024, 1024), ("1KiB", 1024), ("64MiB", 64 << 20), ("2 MB", 2_000_000)]
)
def test_a_size_is_bytes_or_has_a_unit(value, expected):
    assert octets(value) == expected


@pytest.mark.parametrize("value", ["30", "soon", "30 parsecs", "", "-5s", True])
def test_what_has_no_unit_is_an_error_that_names_them(value):
    with pytest.raises(ValueError, match="ms, s, m, h, d"):
        seconds(value)
