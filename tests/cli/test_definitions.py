"""What is defined, what is wrong with it, which secrets it lacks; and projects that run at once."""

import json
import os
import shlex
from pathlib import Path

import pytest
import yaml

from tests.cli.shell import FEED, Shell, sale


def test_right_definitions_are_said_to_be_right(shell: Shell) -> None:
    done = shell.feeds("validate")
    assert (done.code, done.talk) == (0, "")
    assert done.out.startswith("0 errors, 0 warnings in ")


@pytest.fixture
def wrong(shell: Shell) -> Shell:
    shell.edit("feeds/vendors/shop/sales.yaml", "column: Amount", "colunm: Amount")
    return shell


def test_a_mistake_is_shown_with_its_place_and_the_right_word(wrong: Shell) -> None:
    done = wrong.feeds("validate")
    assert done.code == 1
    assert "sales.yaml:" in done.out
    assert "^^^^^^" in done.out
    assert "column" in done.out


def test_a_mistake_for_programs(wrong: Shell) -> None:
    done = wrong.feeds("validate", "--format", "json")
    assert done.code == 1
    first = done.json()[0]
    assert list(first) == ["code", "severity", "file", "line", "column", "message", "help"]
    assert json.loads(wrong.feeds("validate", "--format", "sarif").out)["version"] == "2.1.0"
    assert wrong.feeds("validate", "--format", "github").out.startswith("::error file=")


def test_findings_are_narrowed_by_path_and_the_code_follows(wrong: Shell) -> None:
    feeds = wrong.home / "feeds"
    assert wrong.feeds("validate", str(feeds / "vendors")).code == 1
    assert wrong.feeds("validate", str(feeds / "activities")).code == 0
    assert wrong.feeds("validate", str(feeds / "nowhere")).code == 2


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("E020", "unknown key"),
        ("e020", "requried"),
        ("date.unreadable", "formats"),
        ("element.date.unreadable", "formats"),
    ],
)
def test_a_code_is_explained(shell: Shell, code: str, text: str) -> None:
    assert text in shell.feeds("explain", code).out


def test_codes_are_listed_and_a_wrong_one_is_a_usage_error(shell: Shell) -> None:
    codes = shell.feeds("explain", "--format", "json").json()
    assert {"code": "E020", "title": "an unknown key", "severity": "error"}.items() <= codes[12].items()
    assert shell.feeds("explain", "E0200").code == 2


# --- list and show --------------------------------------------------------------------------


def test_feeds_are_listed_and_looking_makes_no_database(shell: Shell) -> None:
    assert shell.feeds("list", "--format", "json").json() == [
        {
            "feed": FEED,
            "title": "Sales of a shop",
            "enabled": True,
            "state": "enabled",
            "schedule": None,
            "transport": "file",
        }
    ]
    assert FEED in shell.feeds("list").out
    assert shell.feeds("status").code == 0
    assert not (shell.home / "feeds.db").exists()


def test_schedules_are_shown_in_words(shell: Shell) -> None:
    path = shell.home / "feeds/vendors/shop/sales.yaml"
    before = path.read_text(encoding="utf-8")
    path.write_text(before + "schedule: {every: 1h}\n", encoding="utf-8")
    assert shell.feeds("list", "--format", "json").json()[0]["schedule"] == "every 1h"
    path.write_text(before + "schedule: {cron: '0 6 * * *', timezone: America/Regina}\n", encoding="utf-8")
    assert shell.feeds("list", "--format", "json").json()[0]["schedule"] == "0 6 * * * America/Regina"


def test_a_broken_feed_is_listed_as_broken(wrong: Shell) -> None:
    assert [(row["feed"], row["state"]) for row in wrong.feeds("list", "--format", "json").json()] == [(FEED, "broken")]
    (row,) = wrong.feeds("status", "--format", "json").json()
    assert (row["state"], row["why"]) == ("failed", "its definition has errors: `feeds validate` shows them")
    assert wrong.feeds("show", FEED).code == 1
    assert wrong.feeds("show", FEED, "--resolved").code == 0


def test_one_feed_is_shown_in_short(shell: Shell) -> None:
    done = shell.feeds("show", FEED)
    assert done.code == 0
    for text in ("shop/sales", "Acme", "Sale", "enabled"):
        assert text in done.out
    assert shell.feeds("show", "acme/shop").code == 2
    assert shell.feeds("show", FEED, "--format", "json").json()["brings"] == ["Sale"]


def test_the_resolved_definition_is_yaml_with_the_origin_of_each_value(shell: Shell) -> None:
    shell.edit(
        "feeds/dealers/acme.yaml",
        "  - uses: shop/sales\n",
        "  - uses: shop/sales\n    override: {transport: {filename: 'x-*.csv'}}\n",
    )
    out = shell.feeds("show", FEED, "--resolved").out
    read = yaml.safe_load(out)
    assert read["transport"]["filename"] == "x-*.csv"
    written = {"column": "Date", "type": "date", "formats": ["%Y-%m-%d"], "required": True}
    assert read["fields"]["date"] == written | {"onError": "quarantine"}  # the default is said, too
    assert read["activities"][0]["key"] == [["number"]]
    assert read["dealer"]["title"] == "Acme"
    (line,) = (line for line in out.splitlines() if line.startswith("  filename:"))
    assert line.endswith("dealers/acme.yaml:8")
    (line,) = (line for line in out.splitlines() if line.startswith("title:"))
    assert line.endswith("vendors/shop/sales.yaml:3")
    found = shell.feeds("show", FEED, "--resolved", "--format", "json").json()
    assert found["definition"]["transport"]["filename"] == "x-*.csv"
    assert found["origins"]["transport.filename"].endswith("acme.yaml:8")


# --- secrets --------------------------------------------------------------------------------


def test_secrets_are_checked_by_name_and_never_shown(shell: Shell) -> None:
    text = (shell.home / "feeds/vendors/shop/sales.yaml").read_text(encoding="utf-8")
    login = (
        "username: '${secret.USER}', auth: {type: password, password: '${secret.PASSWORD}'}, hostKey: '${secret.KEY}'"
    )
    head = f"transport: {{type: sftp, host: localhost, {login}, directory: x, filename: x}}"
    lines = [head if line.startswith("transport") else line for line in text.splitlines()]
    shell.write("feeds/vendors/shop/sales.yaml", "\n".join(lines) + "\n")
    file = shell.write("secrets", "PASSWORD=canary-in-a-file\n")
    file.chmod(0o600)
    shell.environment |= {"FEEDS_SECRET_USER": "canary-user", "FEEDS_SECRETS_FILE": str(file)}
    done = shell.feeds("secrets", "check")
    assert done.code == 1
    assert [line.split()[:2] for line in done.out.splitlines()] == [
        ["missing", "KEY"],
        ["ok", "PASSWORD"],
        ["ok", "USER"],
    ]
    assert "FEEDS_SECRET_KEY" in done.talk
    assert "canary" not in done.out + done.talk
    shell.environment["FEEDS_SECRET_KEY"] = "canary-key"
    assert shell.feeds("secrets", "check", "--format", "json").code == 0
    file.chmod(0o644)
    assert shell.feeds("secrets", "check").code == 1


# --- the database ---------------------------------------------------------------------------


def test_the_database_is_brought_up_to_date_once(both: Shell) -> None:
    assert "from an empty database" in both.feeds("db", "upgrade").out
    assert "already" in both.feeds("db", "upgrade").out
    assert both.imported(sale("1"))["outcome"] == "ok"


# --- projects that run at once --------------------------------------------------------------


def test_a_new_project_validates_passes_its_tests_and_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell(tmp_path, "")
    shell.environment.clear()
    home = tmp_path / "mine"
    assert shell.feeds("init", str(home)).code == 0
    assert {path.name for path in home.iterdir()} >= {"feeds", "incoming", "README.md", ".gitignore"}
    monkeypatch.chdir(home)
    readme = (home / "README.md").read_text(encoding="utf-8")
    commands = [line.split("#")[0].strip() for line in readme.splitlines() if line.startswith("    feeds ")]
    done = {command: shell.feeds(*command.split()[1:]) for command in commands}
    assert {command: each.code for command, each in done.items() if each.code} == {}
    assert done["feeds validate"].out.startswith("0 errors, 0 warnings")
    assert "2 passed" in done["feeds test"].out
    assert "read 3 = inserted 3 + updated 0 + unchanged 0 + filtered 0 + quarantined 0" in done["feeds run --all"].out
    assert len(shell.feeds("activities", "search", "--format", "jsonl").lines()) == 3


def test_a_project_is_not_written_over(tmp_path: Path) -> None:
    shell = Shell(tmp_path, "")
    home = tmp_path / "mine"
    assert shell.feeds("init", str(home)).code == 0
    dealer = home / "feeds" / "dealers" / "sample-dealer.yaml"
    dealer.write_text("mine", encoding="utf-8")
    (home / "README.md").unlink()
    done = shell.feeds("init", str(home))
    assert done.code == 1
    assert "it is there already" in done.talk
    assert dealer.read_text(encoding="utf-8") == "mine"
    assert not (home / "README.md").exists()


def test_the_demo_imports_over_sftp_and_doubles_nothing_the_second_time(tmp_path: Path) -> None:
    shell = Shell(tmp_path, "")
    shell.environment.clear()
    place = str(tmp_path / "demo")
    first = shell.feeds("demo", "--dir", place)
    assert first.code == 0, first.talk
    assert "read 6 = inserted 6 + updated 0 + unchanged 0 + filtered 0 + quarantined 0" in first.out
    assert "left on the server: nothing" in first.out
    for text in ("Robin Vale", "Sold Unit", "Work Order", "Monthly Payment: 412.37"):
        assert text in first.out
    second = shell.feeds("demo", "--dir", place)
    assert second.code == 0
    assert "read 6 = inserted 0 + updated 0 + unchanged 6" in second.out
    assert all(Path(root).is_relative_to(place) for root, _, files in os.walk(tmp_path / "demo") if files)


def test_what_the_demo_says_to_try_next_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell(tmp_path, "")
    shell.environment.clear()
    monkeypatch.chdir(tmp_path)
    shown = shell.feeds("demo")
    assert [line for line in (shown.out + shown.talk).splitlines() if len(line) > 80] == []
    lines = [shlex.split(line) for line in shown.talk.splitlines() if line.startswith("  ")]
    exports = [pair for words in lines if words[0] == "export" for pair in words[1:]]
    shell.environment |= dict(pair.split("=", 1) for pair in exports)
    commands = [words[1:] for words in lines if words[0] == "feeds"]
    assert len(commands) >= 6
    for command in commands:
        done = shell.feeds(*command)
        assert done.code == 0, (command, done.talk)
        assert done.out, command
