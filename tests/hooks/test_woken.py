"""From a sender's request to the rows with nobody in between: `feeds serve` beside `feeds scheduler run`."""

import json
import time
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.web.receiver import listening, serving


@pytest.fixture
def shell(tmp_path: Path, sqlite_url: str) -> Shell:
    """Where the two share nothing but a folder and a file."""
    return listening(Shell(tmp_path, sqlite_url))


def until_stored(shell: Shell, *wanted: str) -> None:
    end = time.monotonic() + 60
    while [row.key for row in shell.rows("SELECT key FROM activities ORDER BY key")] != list(wanted):
        assert time.monotonic() < end, "what waits was not taken up"
        time.sleep(0.1)  # processes of their own: nothing else tells


def test_a_webhook_wakes_a_feed_without_a_schedule_also_after_a_kill(shell: Shell) -> None:
    with serving(shell) as server:
        scheduler = shell.started("scheduler", "run")
        try:
            assert server.hook("1").status == 200
            until_stored(shell, "1")
            scheduler.kill()
            scheduler.communicate()
            assert server.hook("2").status == 200
            scheduler = shell.started("scheduler", "run")
            until_stored(shell, "1", "2")
            scheduler.terminate()
            _, talk = scheduler.communicate()
        finally:
            scheduler.kill()
            scheduler.communicate()
        assert scheduler.returncode == 0
        assert server.stop() == 0
    lines = [json.loads(line) for line in talk.splitlines() if line.startswith("{")]
    assert [line["feed"] for line in lines if line["event"] == "feed.woken"] == ["acme/shop-hooked"]
    assert shell.rows("SELECT feed FROM slots WHERE begun_at IS NOT NULL") == []
