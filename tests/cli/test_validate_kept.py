"""`feeds validate` keeps what it found: the second look says the same, and nothing that is kept hides a mistake."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.cli import folders
from engine.language import kept, project
from engine.language.folder import Folder
from engine.language.kept import Kept
from tests.cli.shell import DEALER, ROOT, Done, Shell

VENDOR = "feeds/vendors/shop/sales.yaml"


@pytest.fixture
def wrong(shell: Shell) -> Shell:
    """A project with a mistake, and a folder to keep things in."""
    shell.edit(VENDOR, "type: money", "type: mony")
    (shell.home / "state").mkdir()
    return shell


def validated(shell: Shell) -> Done:
    return shell.feeds("validate", "--format", "json")


def cache(shell: Shell) -> Path:
    (path,) = (shell.home / "state" / "cache").iterdir()
    return path


def look(shell: Shell) -> Kept:
    seen = Folder(shell.home / "feeds", folders.PACKAGED, time.time_ns).look()
    return Kept(shell.home / "state", seen)


def poisoned(shell: Shell) -> None:
    """What is kept says that nothing is wrong, as if this engine had found so."""
    look(shell).keep(())


@pytest.mark.parametrize("form", ["text", "json", "github", "sarif"])
def test_the_second_look_says_the_same_and_reads_no_definition(
    wrong: Shell, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = wrong.feeds("validate", "--format", form)
    assert first.code == 1
    monkeypatch.setattr(project, "Loader", None)
    assert wrong.feeds("validate", "--format", form) == first


def test_what_is_kept_is_what_is_shown(wrong: Shell) -> None:
    """Else the tests below prove nothing."""
    poisoned(wrong)
    assert validated(wrong) == Done(0, "[]\n")


EDITS: dict[str, Callable[[Shell], object]] = {
    "an edit": lambda shell: shell.edit(VENDOR, "title: Sales of a shop", "title: Sales of a shob"),
    "a new file": lambda shell: shell.write("feeds/dealers/bay.yaml", DEALER.replace("acme", "bay")),
    "a file less": lambda shell: (shell.home / "feeds/dealers/acme.yaml").unlink(),
    "another name": lambda shell: (shell.home / "feeds/dealers/acme.yaml").rename(shell.home / "feeds/dealers/a.yaml"),
    "a stray": lambda shell: shell.write("feeds/dealers/bay.yml", DEALER),
    "the same text twice": lambda shell: shell.write("feeds/dealers/acme2.yaml", DEALER),
}


@pytest.mark.parametrize("edit", EDITS)
def test_whatever_has_changed_is_looked_at(wrong: Shell, edit: str) -> None:
    poisoned(wrong)
    EDITS[edit](wrong)
    assert validated(wrong).code == 1


def test_another_engine_looks_again(wrong: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    poisoned(wrong)
    monkeypatch.setattr(kept, "_engine", lambda: iter([b"another"]))
    assert validated(wrong).code == 1


def test_an_engine_that_is_replaced_meanwhile_keeps_nothing(wrong: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = look(wrong)
    monkeypatch.setattr(kept, "_engine", lambda: iter([b"another"]))
    seen.keep(())
    assert not (wrong.home / "state" / "cache").exists()


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut short": lambda content: content[:-1],
    "a letter more": lambda content: content + b" ",
    "another sum": lambda content: (b"1" if content[:1] == b"0" else b"0") + content[1:],
    "no sum": lambda content: content.partition(b"\n")[2],
    "another program's": lambda content: b"\x80\x04K\x01.",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_or_foreign_is_left_alone(wrong: Shell, damage: str) -> None:
    poisoned(wrong)
    path = cache(wrong)
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    first = validated(wrong)
    assert first.code == 1
    assert validated(wrong) == first  # it was kept anew


def _linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


OPEN: dict[str, Callable[[Path], object]] = {
    "others may read it": lambda path: path.chmod(0o644),
    "others may write it": lambda path: path.chmod(0o622),
    "others may put files there": lambda path: path.parent.chmod(0o777),
    "a link": _linked,
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path, 0o600)),
    "a folder": lambda path: (path.unlink(), path.mkdir(0o700)),
}


@pytest.mark.parametrize("case", OPEN)
def test_what_another_may_have_written_is_not_believed(wrong: Shell, case: str) -> None:
    poisoned(wrong)
    OPEN[case](cache(wrong))
    assert validated(wrong).code == 1


def test_what_another_owns_is_not_believed(wrong: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    poisoned(wrong)
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    assert validated(wrong).code == 1


def test_nothing_is_kept_and_nothing_is_made_where_there_is_no_folder_for_it(shell: Shell) -> None:
    shell.edit(VENDOR, "type: money", "type: mony")
    assert validated(shell).code == 1
    assert validated(shell).code == 1
    assert not (shell.home / "state").exists()


def test_of_a_folder_with_an_unreadable_file_nothing_is_kept(wrong: Shell) -> None:
    seen = Folder(wrong.home / "feeds", None, time.time_ns).look()
    unread = seen.sheets[0]._replace(content=None, digest=b"", error="Permission denied")
    Kept(wrong.home / "state", seen._replace(sheets=(unread, *seen.sheets[1:]))).keep(())
    assert not (wrong.home / "state" / "cache").exists()


def test_it_is_ours_alone_and_holds_no_secret(wrong: Shell) -> None:
    wrong.edit(VENDOR, "type: file,", "type: sftp, auth: {type: password, password: not-to-be-kept},")
    assert "E030" in validated(wrong).out
    path = cache(wrong)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert b"not-to-be-kept" not in path.read_bytes()


def test_processes_that_keep_at_once_leave_one_whole_file(wrong: Shell) -> None:
    environment = {**os.environ, **wrong.environment, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", "import sys; from engine.cli import main; sys.exit(main())", "validate"]
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(3)]
    outputs = {process.communicate()[0] for process in running}
    assert len(outputs) == 1
    assert cache(wrong).name.startswith("findings-")
    assert look(wrong).recall()


def test_of_what_ships_only_that_is_looked_at_which_the_project_names(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody uses is nobody's mistake; a name that is nowhere is compared with all there are."""
    shell.write("shipped/vendors/till/broken.yaml", "version: 1\nkind: fed\n")
    monkeypatch.setattr(folders, "PACKAGED", shell.home / "shipped")
    assert shell.feeds("validate").out == "0 errors, 0 warnings in 3 files.\n"
    shell.edit("feeds/dealers/acme.yaml", "  - uses: shop/sales\n", "  - uses: shop/sales\n  - uses: till/broken\n")
    assert {Path(each["file"]).name for each in validated(shell).json()} == {"broken.yaml"}
    shell.edit("feeds/dealers/acme.yaml", "till/broken", "till/brokn")
    assert {each["code"] for each in validated(shell).json()} == {"E048", "E012"}
