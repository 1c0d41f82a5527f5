"""Every code has a page, and what a page shows is so: its wrong example has that problem, its right one none."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from inspect import signature
from pathlib import Path
from unittest.mock import patch

import pytest

from engine import errors, runner
from engine.cli import folders
from engine.language import manual
from engine.language.findings import CODES
from engine.language.manual import Page
from engine.transforms.codes import CODES as OF_VALUES
from engine.transforms.codes import ELEMENT
from tests.cli.shell import Done, called
from transports import base

ROOT = Path(__file__).parents[2]
PAGES = {page.code: page for page in manual.pages()}
OF_DEFINITIONS = [pytest.param(page, id=code) for code, page in PAGES.items() if re.match(r"[EW]\d", code)]

# What an example is laid over.
PROJECT = {
    "vendors/shop/sales.yaml": """\
version: 1
kind: feed
title: Sales
sealed: [guards]
params: {folder: {type: string, default: lot, not: [dealername]}}
transport: {type: file, directory: 'in/${params.folder}', filename: 'sales-*.csv', settle: 0s}
decode: {format: csv}
records: {onBad: quarantine}
fields:
  number:   {column: Number, required: true}
  soldDate: {column: Sold, type: date, formats: ['%m/%d/%Y']}
  amount:   {column: Total, type: money}
  note:     {column: Remarks}
  email:    {column: E-Mail, type: email, onError: blank}
contact: {}
activities: [{type: sale, key: [[number]], occurred: soldDate, state: recorded}]
guards: {minRows: 1}
""",
    "activities/sale.yaml": """\
version: 1
kind: activity
name: sale
label: Sale
category: sale
date: {label: Sold Date}
states: [recorded, voided]
fields:
  amount: {label: Amount, type: money}
  due:    {label: Due, type: date}
  note:   {label: Note, type: string}
""",
    "dealers/acme.yaml": """\
version: 1
kind: dealer
name: acme
title: Acme
timezone: America/New_York
""",
}
PART = "version: 1\nkind: feed\ntitle: An example\nbasedOn: shop/sales\n"


def files(example: str) -> Iterator[tuple[str, str]]:
    """The files that an example stands for: those it names, one by its kind, or a part of a feed."""
    named = re.split(r"^# feeds/(\S+\.yaml)\n", example + "\n", flags=re.M)
    if len(named) > 1:
        yield from zip(named[1::2], named[2::2], strict=True)
    elif "kind: dealer" in example:
        yield "dealers/acme.yaml", example + "\n"
    else:
        yield "vendors/shop/example.yaml", PART + example + "\n"
        yield "dealers/acme.yaml", PROJECT["dealers/acme.yaml"] + "feeds: [{uses: shop/example}]\n"


def validated(example: str, home: Path, form: str = "json") -> Done:
    """What the command says of a project with this example, and without the definitions that ship beside it."""
    for name, text in {**PROJECT, **dict(files(example))}.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with patch.object(folders, "PACKAGED", home):
        return called({"FEEDS_DIR": str(home)}, "validate", "--format", form)


@pytest.mark.parametrize("page", OF_DEFINITIONS)
def test_the_wrong_example_has_this_problem_and_no_other(page: Page, tmp_path: Path) -> None:
    found = validated(page.example, tmp_path).json()
    others = {"E020", "E028"} if page.code == "E039" else set()
    assert {each["code"] for each in found} - others == {page.code}, found
    assert {each["severity"] for each in found} == {page.severity}


@pytest.mark.parametrize("page", OF_DEFINITIONS)
def test_the_right_example_has_no_problem(page: Page, tmp_path: Path) -> None:
    assert validated(page.fixed, tmp_path).json() == []


# --- every code, and no other ---------------------------------------------------------------

# Dotted words in our code that are no codes of issues: audit entries, events of the log, columns, files.
NO_CODES = {
    *("feed.retire", "feed.purged", "ready.not", "metrics.failed", "runs.forgotten", "error.type"),
    *("delivery.replay", "feed.pause", "feed.resume", "quarantine.discard", "quarantine.fix", "quarantine.replay"),
    *("state.reset", "state.set", "feed.broken", "feed.finished", "file.taken", "listing.unreadable"),
    *("page.taken", "page.first", "feed.begun", "feed.woken", "feed.putOff", "definitions.read", "jobs.abandoned"),
    *("scheduler.started", "scheduler.stopping", "scheduler.stopped", "scheduler.hindered"),
    *("worker.started", "worker.stopping", "worker.stopped"),
    *("transfer.slowed", "common.secret", "records.path", "hook.refused", "hook.unserved", "hooks.stale"),
    *("hooks.abandoned", "alert.sent", "alert.refused", "alerts.hindered", "ping.failed"),
    *("export.broken", "export.waits", "export.item", "export.receipt", "exports.retry"),
    *("reply.late", "reply.withheld", "contact.phone"),
    *("http.again", "deferred.py", "errors.py", "model.py"),
    *("auth.basic", "auth.client", "auth.hmac", "auth.jwt", "auth.key", "auth.refreshToken", "auth.token"),
}


@cache
def nodes() -> list[ast.Constant | ast.Call | ast.Tuple]:
    """What the tests look at of all our code, read once."""
    files = [path for folder in ("engine", "transports") for path in (ROOT / folder).rglob("*.py")]
    every = (node for path in files for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    return [node for node in every if isinstance(node, ast.Constant | ast.Call | ast.Tuple)]


def written() -> set[str]:
    """Every text in the code that has the form of a code."""
    form = re.compile(r"[EW]\d{3}|(?!transports\.)[a-z][A-Za-z]*\.(?!(?:json|db|yaml|id)$)[a-z][A-Za-z]+")
    texts = {node.value for node in nodes() if isinstance(node, ast.Constant)}
    return {text for text in texts if isinstance(text, str) and form.fullmatch(text)} - NO_CODES


def of_errors() -> set[str]:
    """The codes of errors that have none of their own, as a run reports them."""
    classes = {each for module in (errors, base) for each in vars(module).values() if isinstance(each, type)}
    roots = (errors.FeedError, base.TransportError)
    coded = {each for each in classes if "code" in signature(each.__init__).parameters}
    told = {errors.LeaseHeld}  # as feed.locked
    found = {each for each in classes if issubclass(each, roots)} - {*roots} - coded - told
    return {runner.code_of(each.__new__(each)) for each in found}  # whatever it is made of


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert set(PAGES) == written() | of_errors() | set(CODES) | set(OF_VALUES)
    assert len(manual.pages()) == len(PAGES)


def _is_note(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and str(node.value).startswith(("encoding.", "header."))


def test_a_page_has_the_severity_with_which_its_code_is_told() -> None:
    """Where both stand in one call; a fault of a record or a file is an error, unless its field says otherwise."""
    found = set()
    for node in (node for node in nodes() if isinstance(node, ast.Call)):
        texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
        severity = [text for text in texts if text in ("error", "warning", "info")]
        found |= {(text, severity[0]) for text in texts if text in PAGES and severity}
    # What a decoder only notes is a pair of code and text, and is told as information.
    pairs = (node.elts for node in nodes() if isinstance(node, ast.Tuple))
    found |= {(pair[0].value, "info") for pair in pairs if len(pair) == 2 and _is_note(pair[0])}
    assert len(found) > 20
    assert {(code, severity) for code, severity in found if PAGES[code].severity != severity} == set()


def test_a_page_has_the_title_that_findings_have() -> None:
    titles = {**CODES, **OF_VALUES}
    assert {code: PAGES[code].title for code in titles} == titles


def test_a_fault_of_an_element_has_the_page_of_the_fault() -> None:
    assert manual.page(f"{ELEMENT}date.unreadable") == manual.page("DATE.unreadable") == PAGES["date.unreadable"]
    assert manual.page("date") is None


def test_a_page_is_whole_and_leads_to_pages() -> None:
    for page in PAGES.values():
        assert page.cause, page.code
        assert page.example, page.code
        assert page.fix, page.code
        assert set(page.related) <= set(PAGES) - {page.code}, page.code
        assert "```" not in page.cause + page.fix, page.code


def test_a_rule_of_sarif_carries_the_page(tmp_path: Path) -> None:
    log = json.loads(validated(PAGES["E020"].example, tmp_path, "sarif").out)
    (rule,) = log["runs"][0]["tool"]["driver"]["rules"]
    assert rule["fullDescription"]["text"] == PAGES["E020"].cause
    assert PAGES["E020"].fix in rule["help"]["text"]
    assert PAGES["E020"].fixed in rule["help"]["markdown"]


def test_a_page_is_printed_with_its_examples_as_they_are() -> None:
    for code in ("E020", "column.missing"):
        page, told = PAGES[code], called({}, "explain", code).out
        assert all(f"    {line}\n" in told for line in (page.example + "\n" + page.fixed).splitlines() if line)
        assert " ".join(page.fix.split()) in " ".join(told.split())


def test_no_line_of_a_page_is_wider_than_a_terminal_but_in_examples() -> None:
    for page in PAGES.values():
        told = called({}, "explain", page.code).out.splitlines()
        assert [line for line in told if len(line) > 80 and not line.startswith("    ")] == []
    assert max(map(len, called({}, "explain").out.splitlines())) <= 80


def test_a_page_for_programs_has_the_same() -> None:
    found = called({}, "explain", "E020", "--format", "json").json()
    assert found == manual.plain(PAGES["E020"])
    assert [each["code"] for each in called({}, "explain", "--format", "json").json()] == list(PAGES)
