"""From a sender's request to the rows, over real processes: the receiver and runs, killed as they come."""

import time
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.web.receiver import listening, serving

FEED = "acme/shop-hooked"
KILLS = {"sqlite": 4, "postgresql": 2}


@pytest.fixture
def shell(tmp_path: Path, database_url: str) -> Shell:
    return listening(Shell(tmp_path, database_url))


def test_what_was_acknowledged_is_imported_once_whoever_is_killed(shell: Shell) -> None:
    """Senders send again what nobody acknowledged; runs and receivers die in between, at no chosen moment."""
    wanted: list[str] = []
    for round_ in range(KILLS[shell.database.partition(":")[0].partition("+")[0]]):
        with serving(shell) as server:
            for number in range(20):
                wanted.append(f"{round_}-{number}")
                assert server.hook(wanted[-1]).status == 200
                assert server.hook(wanted[number]).status == 200, "sent again: known"
            server.kill()
        run = shell.started("run", FEED)
        time.sleep(0.4 + 0.3 * round_)  # wherever it is by then
        run.kill()
        run.communicate()
    report = shell.feeds("run", FEED, "--format", "json").json()["feeds"][0]
    assert (report["outcome"] in ("ok", "empty"), report["hooks"]["waiting"]) == (True, 0)
    found = Counter(row.key for row in shell.rows("SELECT key FROM activities"))
    assert found == dict.fromkeys(wanted, 1)
    states = "SELECT state, count(*) AS n FROM inbox_feeds GROUP BY state"
    assert [(row.state, row.n) for row in shell.rows(states)] == [("done", len(wanted))]
    imported = "SELECT kind, state, count(*) AS n FROM deliveries GROUP BY kind, state"
    assert [(row.kind, row.state, row.n) for row in shell.rows(imported)] == [("hook", "done", len(wanted))]


def test_what_came_in_is_told_and_taken_again_from_its_copy(shell: Shell) -> None:
    with serving(shell) as server:
        assert [server.hook(id).status for id in ("1", "2")] == [200, 200]
        assert server.stop() == 0
    (told, _) = shell.feeds("status", "--format", "json").json()
    assert told["hooks"]["waiting"] == 2
    assert told["why"].endswith(f"; 2 requests wait in the inbox for `feeds run {FEED}`")
    assert "2 waiting" in shell.feeds("check", FEED).out
    report = shell.feeds("run", FEED, "--format", "json").json()
    assert report["feeds"][0]["hooks"] == {"done": 2, "filtered": 0, "failed": 0, "waiting": 0}
    shown = shell.feeds("runs", "show", str(report["run"])).out
    assert shown.count("shop/acme ") == 2 and "read 1 = inserted 1" in shown
    again = shell.feeds("replay", "--run", str(report["run"]), "--format", "json").json()["feeds"][0]
    assert (again["read"], again["unchanged"]) == (2, 2)
