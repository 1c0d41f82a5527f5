"""The `ftp` transport: the contract over FTPS, over plain FTP and without MLSD, and who is let in how."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.servers.ftp import PASSWORD, Certificate, Clear, FtpServer, Session, Strict
from tests.transports.contract import NOON, Place, TransportContract, bytes_of, only
from transports import ftp, ftp_listing
from transports.base import (
    Files,
    HostKeyChanged,
    LoginRefused,
    Refused,
    RemoteFile,
    Secret,
    Tools,
    Unreachable,
)
from transports.ftp_listing import Entry


class WithoutFacts(Clear):
    """A server of before 2007: no MLSD and no MLST."""

    proto_cmds = {name: command for name, command in Clear.proto_cmds.items() if not name.startswith("MLS")}  # noqa: RUF012  pyftpdlib's table


class FtpContract(TransportContract):
    carries_odd_names = False  # a line break in a name would end the command; the other odd ones are below
    session: type[Session]

    @pytest.fixture
    def server(self, place: Place) -> Iterator[FtpServer]:
        with FtpServer(place.root, self.session) as server:
            yield server

    @pytest.fixture
    def reach(self, server: FtpServer, tools: Tools) -> Callable[..., AbstractContextManager[Files]]:
        return lambda directory=".": ftp.connect({**server.settings(), "directory": directory}, tools)

    @pytest.mark.parametrize("name", ["\udcff\udcfe.csv", "\x1b[31mred.csv", "a\tb.csv", "\u202ecsv.exe"])
    def test_a_name_of_odd_bytes_is_fetched_claimed_and_removed(self, place, transport, target, name):
        place.put(name, b"content")
        with transport as far:
            assert far.fetch(only(far), target).size == 7
            back = far.claim(far.claim(only(far), ".feeds-claim-1"), name)
            assert back.name == name
            far.remove(back)
        assert place.names() == []

    @pytest.mark.parametrize("name", ["line\nbreak.csv", "r\rn.csv", "cr\r\nRETR other.csv"])
    def test_a_name_with_a_line_break_hides_no_other_and_reaches_no_command(self, place, transport, server, name):
        place.put(name, b"1")
        place.put("good.csv", b"1")
        with transport as far:
            assert "good.csv" in [file.name for file in far.files()]
            for attempt in (far.remove, lambda file: far.claim(file, "b.csv")):
                with pytest.raises(Refused):
                    attempt(RemoteFile(name, 1, None))
            with pytest.raises(Refused):
                far.claim(RemoteFile("good.csv", 1, None), name)
        assert place.names() == sorted([name, "good.csv"])
        assert server.commands["RETR"] == server.commands["RNTO"] == 0


class TestFtps(FtpContract):
    session = Strict


class TestPlainFtp(FtpContract):
    session = Clear


class TestFtpWithoutFacts(FtpContract):
    session = WithoutFacts
    sees_links = False  # SIZE and MDTM follow them; LIST shows them, which is tested below


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "far").mkdir()
    return Place(tmp_path / "far")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "copy.part"


TOOLS = Tools(clock=lambda: 0.0)


# --- who is let in ------------------------------------------------------------------------------


def test_the_password_is_not_sent_to_a_server_with_an_unknown_certificate(place):
    with FtpServer(place.root) as server:
        settings = {**server.settings()}
        del settings["caFile"]
        with pytest.raises(HostKeyChanged, match="not trusted"), ftp.connect(settings, TOOLS):
            pass
        assert server.commands["AUTH"] == 1
        assert server.commands["USER"] == server.commands["PASS"] == 0


def test_the_password_is_not_sent_to_a_server_with_the_certificate_of_another_host(place):
    with FtpServer(place.root, certificate_host="ftp.example.com") as server:
        with pytest.raises(HostKeyChanged, match="not trusted"), ftp.connect(server.settings(), TOOLS):
            pass
        assert server.commands["USER"] == 0


def test_a_pinned_certificate_lets_in_whatever_its_host_and_maker(place):
    place.put("a.csv", b"1")
    with FtpServer(place.root, certificate_host="ftp.example.com") as server:
        settings = {**server.settings(), "fingerprint": f"SHA256:{server.certificate.fingerprint.upper()}"}
        del settings["caFile"]
        with ftp.connect(settings, TOOLS) as far:
            assert only(far).name == "a.csv"


def test_the_password_is_not_sent_where_the_certificate_is_not_the_pinned_one(place, tmp_path):
    other = Certificate(tmp_path)
    with FtpServer(place.root) as server:
        settings = {**server.settings(), "fingerprint": other.fingerprint}
        with pytest.raises(HostKeyChanged, match=server.certificate.fingerprint), ftp.connect(settings, TOOLS):
            pass
        assert server.commands["USER"] == 0


def test_the_password_is_not_sent_in_clear_text_unless_the_definition_says_so(place):
    with FtpServer(place.root, Clear) as server:
        settings = {**server.settings(), "insecure": False}
        with pytest.raises(Refused, match="insecure: true"), ftp.connect(settings, TOOLS):
            pass
        assert server.commands["USER"] == server.commands["PASS"] == 0
        del settings["insecure"]
        with pytest.raises(Refused, match="offers no TLS"), ftp.connect(settings, TOOLS):
            pass
        assert server.commands["USER"] == 0


def test_a_server_that_wants_tls_is_not_persuaded_by_insecure(place):
    with FtpServer(place.root, Strict) as server:
        settings = {**server.settings(), "insecure": True}
        with pytest.raises(LoginRefused, match="TLS required"), ftp.connect(settings, TOOLS):
            pass


@pytest.mark.parametrize("session", [Strict, Clear])
def test_a_wrong_password_is_one_attempt_and_shows_nowhere(place, session):
    wrong = "canary-wrong-password"
    with FtpServer(place.root, session) as server:
        settings = {**server.settings(), "auth": {"type": "password", "password": Secret("FTP_PASSWORD", wrong)}}
        with pytest.raises(LoginRefused) as raised, ftp.connect(settings, TOOLS):
            pass
        assert (server.commands["PASS"], server.logins[False], server.connections) == (1, 1, 1)
    assert wrong not in str(raised.value)


def test_a_password_that_the_server_repeats_is_struck_out(place):
    class Talkative(Clear):
        def ftp_PASS(self, line: str) -> None:  # noqa: N802  pyftpdlib's name for it
            self.respond(f"530 {line} is not your password")

    with FtpServer(place.root, Talkative) as server, pytest.raises(LoginRefused, match=r"\*\*\*") as raised:
        ftp.connect(server.settings(), TOOLS).__enter__()
    error: BaseException | None = raised.value
    while error is not None:
        assert PASSWORD not in str(error)
        error = error.__cause__


@pytest.mark.parametrize("password", ["two\r\nDELE a.csv", "nul\0", "cr\r"])
def test_a_password_with_a_line_break_is_not_sent(place, password):
    with FtpServer(place.root, Clear) as server:
        settings = {**server.settings(), "auth": {"type": "password", "password": password}}
        with pytest.raises(LoginRefused, match="line break"), ftp.connect(settings, TOOLS):
            pass
        assert server.commands["PASS"] == 0


def test_a_password_of_any_characters_lets_in(place):
    with FtpServer(place.root, password="canary é 密 %&'\"") as server, ftp.connect(server.settings(), TOOLS) as far:
        assert list(far.files()) == []


def test_a_server_that_is_not_there_is_unreachable_and_says_where():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        settings = {"host": "127.0.0.1", "port": port, "username": "dealer", "auth": {"password": "x"}, "timeout": 2}
        with pytest.raises(Unreachable, match=f"127.0.0.1:{port}"), ftp.connect(settings, TOOLS):
            pass


def test_text_slipped_in_before_tls_is_not_taken_for_a_reply(place):
    """What somebody on the line would do: more behind the reply to AUTH, to be read under TLS."""

    class Injected(Session):
        def ftp_AUTH(self, line: str) -> None:  # noqa: N802
            self.push("234 Go on.\r\n230 You are logged in.\r\n")
            self.secure_connection(self.ssl_context)

    with FtpServer(place.root, Injected) as server:
        with pytest.raises(Unreachable, match="clear text"), ftp.connect(server.settings(), TOOLS):
            pass
        assert server.commands["USER"] == 0


# --- the source ---------------------------------------------------------------------------------


def test_the_source_names_kind_user_host_port_and_directory_and_no_secret(place):
    place.mkdir("in")
    with FtpServer(place.root) as server:
        settings = {**server.settings(), "directory": "in/"}
        with ftp.connect(settings, TOOLS) as far:
            assert far.source == f"ftp://dealer@127.0.0.1:{server.port}/in"
        with ftp.connect({**settings, "username": Secret("FTP_USER", "dealer")}, TOOLS) as far:
            assert far.source == f"ftp://$FTP_USER@127.0.0.1:{server.port}/in"


def test_an_absolute_directory_and_one_from_the_login_directory_are_one_place(place):
    place.mkdir("in")
    with FtpServer(place.root) as server:
        sources = set()
        for directory in ("in", "/in", "/in/", "./in"):
            with ftp.connect({**server.settings(), "directory": directory}, TOOLS) as far:
                sources.add(far.source)
        assert len(sources) == 1


# --- lists --------------------------------------------------------------------------------------


def test_links_in_a_list_are_left_out(place):
    place.put("a.csv", b"1")
    place.symlink("link.csv", "a.csv")
    with FtpServer(place.root, WithoutFacts) as server, ftp.connect(server.settings(), TOOLS) as far:
        assert [file.name for file in far.files()] == ["a.csv"]


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("-rw-r--r--   1 ftp ftp   1234 Dec 31 23:59 a.csv", Entry("a.csv", True, 1234, None)),
        ("-rw-r--r--   1 ftp ftp   1234 Dec 31  2021 a.csv", Entry("a.csv", True, 1234, None)),
        ("-rw-r--r--+  1 DOM\\Domain Users 7  1234 Jan  1 00:01 a b.csv", Entry("a b.csv", True, 1234, None)),
        ("-rw-r--r--   1 1000 1000 0 Feb 29 12:00  leading.csv", Entry(" leading.csv", True, 0, None)),
        ("-rw-r--r-- 1 u g 5 2021-12-31 23:59 iso.csv", Entry("iso.csv", True, 5, None)),
        ("-rw-r--r-- 1 u g 5 31 déc. 23:59 fr.csv", Entry("fr.csv", True, 5, None)),
        ("-rw-r--r-- 1 u 5 Dec 31 23:59 nogroup.csv", Entry("nogroup.csv", True, 5, None)),
        ("-rw-r--r-- 1 u g 5 Dec 31 23:59 x 9 Jan  1 10:00 y.csv", Entry("x 9 Jan  1 10:00 y.csv", True, 5, None)),
        ("drwxr-xr-x   2 ftp ftp   4096 Dec 31 23:59 done", Entry("done", False, 4096, None)),
        ("lrwxrwxrwx   1 ftp ftp      5 Dec 31 23:59 l -> a.csv", Entry("l -> a.csv", False, 5, None)),
        ("prw-r--r--   1 ftp ftp      0 Dec 31 23:59 pipe", Entry("pipe", False, 0, None)),
        ("12-31-21  11:59PM                 1234 a b.csv", Entry("a b.csv", True, 1234, None)),
        ("12-31-2021  23:59                1,234 a.csv", Entry("a.csv", True, 1234, None)),
        ("01-01-22  12:01AM       <DIR>          done", Entry("done", False, None, None)),
        ("total 12", None),
        ("", None),
        ("no such thing", None),
        ("-rw-r--r--   1 ftp ftp   1234 Dec 31 23:59 ", None),
    ],
)
def test_a_line_of_a_list_gives_name_kind_and_size_and_never_a_time(line, entry):
    assert ftp_listing.listed(line) == entry


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("type=file;size=5;modify=20211221120000; a.csv", Entry("a.csv", True, 5, NOON)),
        ("Type=File;Size=5;Modify=20211221120000.500; a.csv", Entry("a.csv", True, 5, NOON + 0.5)),
        ("modify=20211221120000;type=file; no size", Entry("no size", True, None, NOON)),
        ("type=file;size=5;modify=19110101000000x; a", Entry("a", True, 5, None)),
        ("type=file;size=5;modify=20211332120000; a", Entry("a", True, 5, None)),
        ("type=file;size=-5; a", Entry("a", True, None, None)),
        ("type=file;size=5;  leading", Entry(" leading", True, 5, None)),
        ("type=cdir;sizd=4096; .", Entry(".", False, None, None)),
        ("type=OS.unix=slink:/etc;size=5; link", Entry("link", False, 5, None)),
        ("size=5;modify=20211221120000; typeless", None),
        ("type=file;size=5;", None),
        ("rest of a name", None),
    ],
)
def test_a_line_of_facts_gives_name_kind_size_and_time(line, entry):
    assert ftp_listing.facts(line) == entry


def test_a_long_hostile_line_is_read_in_no_time():
    line = "-rw-r--r-- 1 " + "1 Jan 1 " * 1000
    ftp_listing.listed(line)  # the test's timeout is the assertion; a backtracking pattern takes years


def test_a_connection_is_one_login_however_much_is_done(place, target):
    with FtpServer(place.root) as server:
        for number in range(3):
            place.put(f"{number}.csv", bytes_of(100_000))
        with ftp.connect(server.settings(), TOOLS) as far:
            for file in far.files():
                far.fetch(file, target)
                target.unlink()
                far.remove(file)
        assert (server.connections, server.logins[True], server.commands["QUIT"]) == (1, 1, 1)
        assert server.commands["PORT"] == server.commands["EPRT"] == 0
        assert server.commands["LIST"] == 0
