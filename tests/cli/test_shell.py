"""The command as a program: help, streams, terminals, signals, and errors in words."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli import COMMANDS
from engine.cli.failures import told
from tests.cli.shell import COMMAND, FEED, ROOT, Shell, sale
from transports.base import TransportError

HEAVY = ("sqlalchemy", "paramiko", "yaml", "rich", "structlog", "jsonschema_rs", "alembic", "engine.runner")


def test_help_needs_none_of_what_commands_need() -> None:
    code = (
        "import sys; from engine.cli import main; code = main(['--help']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stderr == "[]\n"
    for name, (_, _, about) in COMMANDS.items():
        assert name in done.stdout
        assert about in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(shell: Shell, name: str) -> None:
    done = shell.feeds(name, "--help")
    assert done.code == 0
    assert done.out.startswith(f"Usage: feeds {name}")
    assert "--database-url" not in done.out, "settings are explained once, by `feeds --help`"


def test_a_misspelt_command_is_put_right(shell: Shell) -> None:
    done = shell.feeds("valdiate")
    assert done.code == 2
    assert "Did you mean `feeds validate`?" in done.talk


def test_flags_win_over_the_environment_wherever_they_stand(shell: Shell, tmp_path: Path) -> None:
    shell.environment["FEEDS_DIR"] = str(tmp_path / "nowhere")
    right = str(shell.home / "feeds")
    assert shell.feeds("list").code == 2
    assert shell.feeds("--feeds-dir", right, "list").code == 0
    assert shell.feeds("list", "--feeds-dir", right).code == 0


def test_a_missing_folder_says_how_to_go_on(shell: Shell) -> None:
    done = shell.feeds("validate", "--feeds-dir", "nowhere")
    assert done.code == 2
    assert "--feeds-dir" in done.talk
    assert "feeds init" in done.talk


def test_an_unforeseen_fault_shows_no_data_and_a_traceback_only_on_demand(shell: Shell) -> None:
    shell.imported(sale("1"))
    with shell.store() as connection:
        connection.exec_driver_sql("UPDATE contacts SET fields = 'canary'")
    done = shell.feeds("contacts", "find", "robin")
    assert done.code == 1
    assert done.talk.startswith("error: a fault in the engine: JSONDecodeError at ")
    assert "Traceback" not in done.talk
    assert "Traceback" in shell.feeds("contacts", "find", "robin", "--debug").talk


def test_no_error_shows_a_secret_not_even_its_traceback() -> None:
    try:
        raise TransportError("the server said: canary-$ecret/é is wrong")
    except TransportError as error:
        text, code = told(error, debug=True, secrets=["canary-$ecret/é"])
    assert code == 1
    assert "Traceback" in text
    assert "canary" not in text


def test_a_reader_that_goes_away_is_no_fault(shell: Shell) -> None:
    shell.imported(*(sale(str(number)) for number in range(2000)))
    process = shell.started("activities", "search", "--format", "jsonl")
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline().startswith('{"id"')
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 1


def test_a_terminal_gets_a_table_with_colours_and_a_pipe_gets_none(shell: Shell) -> None:
    shell.put("a.csv", sale("1"))
    environment = {"NO_COLOR": "", "COLUMNS": "80"}
    done = shell.on_a_terminal("run", "--all", **environment)
    assert done.code == 0
    assert "\x1b[" in done.out
    assert "read 1 = inserted 1" in done.out
    piped = shell.feeds("list")
    assert "\x1b" not in piped.out


def test_no_color_is_obeyed(shell: Shell) -> None:
    done = shell.on_a_terminal("list", NO_COLOR="1", COLUMNS="80")
    assert done.code == 0
    assert FEED in done.out
    assert "\x1b[3" not in done.out


@pytest.mark.parametrize(("answer", "state"), [("y\n", "discarded"), ("n\n", "open")])
def test_a_person_is_asked_before_something_is_thrown_away(shell: Shell, answer: str, state: str) -> None:
    shell.imported(sale("1", Date="x"))
    done = shell.on_a_terminal("quarantine", "discard", "1", "--reason", "x", typed=answer)
    assert "Discard 1 row, first sales.csv:2?" in done.out
    assert [row.state for row in shell.rows("SELECT state FROM quarantine")] == [state]
    assert (done.code == 0) is (state == "discarded")


def test_the_help_comes_at_once() -> None:
    """Within a quarter of a second of work; the fastest of five, and no time that other programs took."""
    times = []
    for _ in range(5):
        before = os.times()
        subprocess.run([*COMMAND, "--help"], cwd=ROOT, capture_output=True, check=True)
        after = os.times()
        spent = (after.children_user - before.children_user, after.children_system - before.children_system)
        times.append(sum(spent))
    assert min(times) < 0.25


def test_a_file_name_does_not_steer_the_terminal(shell: Shell) -> None:
    shell.put("a\x1b[2J.csv", sale("1", Date="x"))
    for arguments in (("run", "--all"), ("quarantine", "list"), ("runs", "show", "1"), ("state", "show", FEED)):
        assert "\x1b" not in shell.feeds(*arguments).out
