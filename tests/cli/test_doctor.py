"""`feeds doctor`: one line for each thing, and exit code 1 where one is wrong."""

from pathlib import Path

import pytest

from engine.cli import doctor
from tests.cli.shell import DEALER, DEFINITION, Shell


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch) -> None:
    """However full the disk of the tests is."""
    monkeypatch.setattr(doctor, "_LITTLE", 1)


def states(shell: Shell, *arguments: str) -> dict[str, str]:
    return {each["what"]: each["state"] for each in shell.feeds(*arguments, "doctor", "--format", "json").json()}


def test_a_sound_installation_is_told_in_a_line_each(both: Shell) -> None:
    assert both.feeds("doctor").code == 0
    assert not (both.home / "feeds.db").exists(), "looking makes no database"
    both.feeds("run", "--all")
    done = both.feeds("doctor")
    assert done.code == 0
    lines = [line.split()[:2] for line in done.out.splitlines()]
    names = ["versions", "extras", "database", "clock", "scheduler", "folders", "disk", "definitions", "secrets"]
    assert [name for _, name in lines] == names
    assert {name: state for state, name in lines if state != "ok"} == {"scheduler": "warn"}


def test_each_thing_that_is_wrong_is_found_beside_the_others(shell: Shell, tmp_path: Path) -> None:
    shell.feeds("run", "--all")
    definition = DEFINITION.replace(
        "type: file,", "type: sftp, host: h.example.com, username: u, password: '${secret.PASS}',"
    )
    shell.write("feeds/vendors/shop/desk.yaml", definition.replace("INCOMING", "in"))
    shell.write("feeds/dealers/acme.yaml", DEALER + "  - uses: shop/desk\n  - uses: shop/nowhere\n")
    (tmp_path / "state").write_text("a file")
    found = states(shell)
    wrong = {name for name, state in found.items() if state == "fail"}
    assert wrong >= {"definitions", "folders"}
    assert shell.feeds("doctor").code == 1


def test_a_secret_without_a_value_is_named_and_an_open_file_too(shell: Shell, tmp_path: Path) -> None:
    transport = (
        "transport: {type: sftp, host: h.example.com, username: u, password: '${secret.PASS}', hostKey: 'SHA256:x',"
    )
    shell.write("feeds/vendors/shop/sales.yaml", DEFINITION.replace("transport: {type: file,", transport))
    kept = tmp_path / "secrets"
    kept.write_text("OTHER=canary-doctor\n", encoding="utf-8")
    kept.chmod(0o644)
    done = shell.feeds("--secrets-file", str(kept), "doctor")
    assert done.code == 1
    assert "canary" not in done.out + done.talk


def test_a_full_disk_and_a_wrong_clock_are_told(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.feeds("run", "--all")
    monkeypatch.setattr(doctor, "_LITTLE", 1 << 60)
    monkeypatch.setattr(doctor, "_APART", -1.0)
    found = states(shell)
    assert (found["disk"], found["clock"], found["database"]) == ("fail", "fail", "ok")
