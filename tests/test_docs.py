"""What the Markdown files say is so: their YAML validates, their commands parse, the first feed runs as written.

A YAML block is a whole definition, or a part of one, which is laid over the sample project's. One
that shows a mistake has `<!-- wrong: CODE -->` on the line before it, and makes just that finding.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from engine.cli import feeds
from tests.cli.shell import called

ROOT = Path(__file__).parents[1]
SKIPPED = {".venv", "var", "build", "dist", "node_modules", ".pytest_cache"}
DOCS = sorted(path for path in ROOT.rglob("*.md") if not SKIPPED & set(path.relative_to(ROOT).parts))
BLOCK = re.compile(r"(?:^<!-- wrong: (?P<wrong>E\d{3}) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.M | re.S)
PART = "version: 1\nkind: feed\ntitle: A part\nbasedOn: sample/purchases\n"
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
MOST_COMMANDS = 5  # before a newcomer sees a first activity
# What a reader puts in the place of a capital word.
STAND_INS = {
    **{"ID": "1", "N": "1", "DIR": "folder", "TEXT": "vale"},
    **{"DEALER/NAME": "acme/sales", "VENDOR/PRODUCT": "ids/sales", "FILE": __file__},
}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(kind: str) -> list[object]:
    """Every block of a language, with its file and line as its name."""
    found = []
    for path in DOCS:
        text = path.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            if match["kind"] == kind:
                place = f"{named(path)}:{text.count(chr(10), 0, match.start('text'))}"
                found.append(pytest.param(match["text"], match["wrong"], id=place))
    return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample project, where `feeds` is at home."""
    home = tmp_path / "home"
    assert called({}, "init", str(home)).code == 0
    monkeypatch.chdir(home)
    return home


@pytest.mark.parametrize(("text", "wrong"), blocks("yaml"))
def test_a_yaml_block_validates_or_is_wrong_as_it_says(text: str, wrong: str | None, project: Path) -> None:
    is_whole = re.search(r"^kind: ", text, re.M)
    kind = re.search(r"^kind: (\w+)", text, re.M)[1] if is_whole else "feed"
    folders = {"feed": "vendors/doc", "dealer": "dealers", "activity": "activities", "alerts": "alerts"}
    folder = (folders | {"export": "exports/doc"})[kind]
    name = re.search(r"^name: (\S+)", text, re.M)[1] if is_whole and kind in ("dealer", "activity") else "block"
    path = project / "feeds" / folder / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if is_whole else PART + text, encoding="utf-8")
    if kind == "feed":
        dealer = project / "feeds" / "dealers" / "sample-dealer.yaml"
        params = "{folder: acme}" if "params.folder" in text else "{}"
        kept = dealer.read_text(encoding="utf-8").partition("feeds:")[0]
        dealer.write_text(f"{kept}feeds:\n  - {{uses: doc/block, params: {params}}}\n", encoding="utf-8")
    found = called({}, "validate", "--format", "json").json()
    assert {each["code"] for each in found} == ({wrong} if wrong else set()), found


def commands() -> list[object]:
    """Every `feeds ...` in code: in a block, on an indented line, or between backticks."""
    found = {}
    for path in DOCS:
        text = path.read_text(encoding="utf-8")
        lines = re.findall(r"^ *(feeds [a-z][^#\n]*)", text, re.M) + re.findall(r"`(feeds [a-z][^`]*)`", text)
        for line in lines:
            found.setdefault(" ".join(line.split()), named(path))
    return [pytest.param(line, id=f"{place}: {line}") for line, place in found.items()]


@pytest.mark.parametrize("line", commands())
def test_a_command_parses(line: str) -> None:
    words = [STAND_INS.get(word, word) for word in shlex.split(line.partition(" > ")[0])[1:]]
    command: click.Command = feeds
    context = feeds.make_context("feeds", words, obj={})
    while isinstance(command, click.Group):
        name, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert inner is not None
        command, context = inner, inner.make_context(name, rest, parent=context)


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_links_lead_somewhere(path: Path) -> None:
    assert [link for link in LINK.findall(path.read_text("utf-8")) if not (path.parent / link).exists()] == []


def test_every_command_has_its_place_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in feeds.list_commands(click.Context(feeds)) if f"feeds {name}" not in text] == []


@pytest.mark.timeout(300)  # seconds: a dozen processes one after the other, on a machine that may be busy
def test_the_first_feed_runs_as_it_is_written(tmp_path: Path) -> None:
    """In a shell, command by command; a run that keeps a row back ends with 3, everything else with 0."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## A first feed in five minutes")[2].partition("\n## ")[0]
    script = "".join(match["text"] for match in BLOCK.finditer(section) if match["kind"] == "sh")
    command = tmp_path / "bin" / "feeds"
    command.parent.mkdir()
    code = "import sys; from engine.cli import main; sys.exit(main())"
    command.write_text(f'#!/bin/sh\n{sys.executable} -c "{code}" "$@"\necho "$? $1" >> {tmp_path}/codes\n', "utf-8")
    command.chmod(0o755)
    environment = {"PATH": f"{command.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    codes = [line.split() for line in (tmp_path / "codes").read_text(encoding="utf-8").splitlines()]
    assert [name for code, name in codes if code != "0"] == ["run"], done.stderr
    assert ["3", "run"] in codes
    identity = "read 2 = inserted 1 + updated 0 + unchanged 0 + filtered 0 + quarantined 1"
    assert identity in done.stdout
    assert identity in " ".join(section.split())
    assert "read 2 = inserted 2" in done.stdout
    names = [name for _, name in codes]
    assert names.index("activities") <= MOST_COMMANDS, "the first activity comes later than is promised"
