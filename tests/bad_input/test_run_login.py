"""What an operator sees of a server that cannot be reached, does not let us in, or is another one."""

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
import yaml

from tests.bad_input.site import Site, sale
from tests.conftest import Canary
from tests.servers.ftp import FtpServer
from tests.servers.sftp import SftpServer

OTHER = "canary-another-password"


@pytest.fixture
def site(tmp_path: Path, canary: Canary) -> Site:
    """With the canary as the password."""
    made = Site(tmp_path)
    made.secret("PASSWORD", canary.value)
    return made


@pytest.fixture
def server(site: Site) -> Iterator[SftpServer]:
    with SftpServer(site.far, password=Canary.value) as made:
        yield made


def test_an_unreachable_host_is_code_4_and_the_next_run_finds_it_again(site: Site) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = SftpServer(site.far, port=port, password=Canary.value)
    site.feed(transport=site.sftp(server))
    site.put("a.csv", sale("1"))
    seen = site.run()
    assert (seen.code, seen.outcome, seen.codes) == (4, "failed", ["transport.unreachable"])
    assert f"127.0.0.1:{port}" in seen.message("transport.unreachable")
    assert "feeds check acme/sales" in seen.text
    with server:
        assert (site.run().code, site.sales()) == (0, ["1"])


def test_a_host_whose_name_means_nothing_is_code_4(site: Site, server: SftpServer) -> None:
    site.feed(transport=site.sftp(server, host="sftp.example.invalid"))
    seen = site.run()
    assert (seen.code, seen.codes) == (4, ["transport.unreachable"])
    assert "sftp.example.invalid" in seen.text


# --- the login ------------------------------------------------------------------------------


def test_a_wrong_password_is_tried_once_and_the_next_run_says_when_it_is_tried_again(
    site: Site, server: SftpServer
) -> None:
    name = site.feed(transport=site.sftp(server))
    site.put("a.csv", sale("1"))
    server.password = OTHER
    first = site.run()
    assert (first.code, first.outcome, first.codes) == (4, "failed", ["transport.loginRefused"])
    assert "one try was made" in first.message("transport.loginRefused")
    assert (server.auth_attempts, server.logins[False]) == (1, 1)

    second = site.run()
    assert (second.code, second.codes) == (4, ["transport.loginRefused"])
    assert "not tried again before 20" in second.message("transport.loginRefused")
    assert "feeds state reset" in second.text
    assert (server.connections, server.auth_attempts) == (1, 1), "an account would be locked"

    server.password = Canary.value
    assert site.run().code == 4, "it cannot know that the password is right now"
    assert site.command("state", "reset", name, "--login", "--yes").code == 0
    assert (site.run().code, site.sales()) == (0, ["1"])
    assert (site.run().code, server.logins[True]) == (0, 2), "a login that worked has no past"


def test_ten_feeds_of_one_login_make_one_attempt(site: Site, server: SftpServer) -> None:
    for number in range(10):
        site.feed(f"sales-{number}", transport=site.sftp(server, filename=f"{number}_*.csv"))
    server.password = OTHER
    seen = site.run()
    assert (seen.code, len(seen.outcomes), set(seen.outcomes.values())) == (4, 10, {"failed"})
    assert (server.connections, server.auth_attempts) == (1, 1)


def test_a_refused_login_rests_longer_each_time(site: Site, server: SftpServer) -> None:
    """At most four attempts in the first day, whatever the schedule: that locks no account."""
    site.feed(transport=site.sftp(server))
    server.password = OTHER
    start = datetime(2026, 3, 2, 12, tzinfo=UTC)
    attempts = []
    for minutes in (0, 14, 16, 75, 77, 436, 438, 24 * 60):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=True):
            site.run()
        if server.auth_attempts > len(attempts):
            attempts.append(minutes)
    assert attempts == [0, 16, 77, 438], "after a quarter of an hour, an hour, six hours, a day"


def test_another_login_at_the_same_server_is_not_kept_waiting(site: Site, server: SftpServer) -> None:
    site.feed("first", transport=site.sftp(server, auth={"type": "password", "password": "${secret.OTHER}"}))
    site.feed("second", transport=site.sftp(server))
    site.secret("OTHER", OTHER)
    site.put("a.csv", sale("1"))
    assert site.run().outcomes == {"first": "failed", "second": "ok"}
    assert (server.logins[False], server.logins[True]) == (1, 1)


def test_a_wrong_password_at_an_ftp_server_is_tried_once(site: Site) -> None:
    with FtpServer(site.far, password=OTHER) as server:
        site.feed(transport=site.ftp(server))
        assert site.run().codes == ["transport.loginRefused"]
        seen = site.run()
        assert (seen.code, seen.codes) == (4, ["transport.loginRefused"])
        assert "not tried again before 20" in seen.text
        assert (server.connections, server.logins[False]) == (1, 1)


# --- the host key ---------------------------------------------------------------------------


def test_a_changed_host_key_ends_that_feed_before_anything_is_sent_and_no_other(site: Site, server: SftpServer) -> None:
    with SftpServer(site.far, password=Canary.value) as changed:
        pinned = server.fingerprint
        site.feed("changed", transport=site.sftp(changed, hostKey=pinned, filename="a.csv"))
        site.feed("same", transport=site.sftp(server, filename="b.csv"))
        site.put("a.csv", sale("1"))
        site.put("b.csv", sale("2"))
        seen = site.run()
        assert (seen.code, seen.outcomes) == (1, {"changed": "failed", "same": "ok"})
        message = seen.message("transport.hostKeyChanged")
        assert changed.fingerprint in message
        assert "no password was sent" in message and "transport.hostKey" in message
        assert (changed.connections, changed.auth_attempts, changed.sessions) == (1, 0, 0)
        assert site.sales() == ["2"]

        site.feed("changed", transport=site.sftp(changed, hostKey=[pinned, changed.fingerprint], filename="a.csv"))
        assert (site.run().code, site.sales()) == (0, ["1", "2"]), "rotated on purpose"


# --- secrets --------------------------------------------------------------------------------


def test_a_secret_without_a_value_is_named_and_nothing_is_connected_to(site: Site, server: SftpServer) -> None:
    auth = {"type": "password", "password": "${secret.NOBODY_SET_THIS}"}
    site.feed("lacks", transport=site.sftp(server, auth=auth))
    site.feed("has", transport=site.sftp(server, filename="b.csv"))
    site.put("b.csv", sale("2"))
    seen = site.run()
    assert (seen.code, seen.outcomes) == (1, {"lacks": "failed", "has": "ok"})
    assert "FEEDS_SECRET_NOBODY_SET_THIS" in seen.message("engine.secretMissing")
    assert server.connections == 1
    site.secret("NOBODY_SET_THIS", Canary.value)
    assert site.run("acme/lacks").code == 0


@pytest.mark.parametrize("form", ["environment", "env", "json", "yaml"])
def test_a_secret_of_odd_characters_reaches_the_server_as_it_is(
    site: Site, server: SftpServer, canary: Canary, form: str
) -> None:
    """Characters that mean something to a shell, a URL, a regular expression, a template or YAML."""
    site.feed(transport=site.sftp(server))
    site.put("a.csv", sale("1"))
    if form != "environment":
        del site.shell.environment["FEEDS_SECRET_PASSWORD"]
        line = f"PASSWORD={canary.value}" if form == "env" else yaml.safe_dump({"PASSWORD": canary.value}, width=200)
        if form == "json":
            line = json.dumps({"PASSWORD": canary.value})
        file = site.shell.write(f"secrets.{form}", line + "\n")
        file.chmod(0o600)
        canary.allowed.add(file)
        site.shell.environment["FEEDS_SECRETS_FILE"] = str(file)
    assert (site.run().code, server.logins[True], site.sales()) == (0, 1, ["1"])


def test_a_secrets_file_that_others_may_read_is_not_used(site: Site, server: SftpServer, canary: Canary) -> None:
    del site.shell.environment["FEEDS_SECRET_PASSWORD"]
    file = site.shell.write("secrets.env", f"PASSWORD={canary.value}\n")
    file.chmod(0o644)
    canary.allowed.add(file)
    site.shell.environment["FEEDS_SECRETS_FILE"] = str(file)
    site.feed(transport=site.sftp(server))
    seen = site.run()
    assert (seen.code, seen.codes) == (1, ["engine.secretMissing"])
    assert f"chmod 600 {file}" in seen.told
    assert server.connections == 0
