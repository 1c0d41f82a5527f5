"""What real APIs need of a definition, and what goes wrong with them: which of it is proven by a test.

A test says so with `@pytest.mark.feature("page.cursor.bodyPath")` or `@pytest.mark.fault("H7")`; a list of either is
one test's as well.
"""

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FIRST = [
    "auth.apiKey.body",
    "auth.apiKey.header",
    "auth.apiKey.query",
    "auth.basic",
    "auth.bearer",
    "auth.oauth2.clientCredentials",
    "auth.oauth2.refreshToken",
    "auth.oauth2.rotatingRefreshToken",
    "auth.oauth2.tokenHeaders",
    "auth.selectable",
    "auth.session",
    "auth.viaBodyTemplate",
    "auth.viaHeaderTemplate",
    "auth.viaQueryTemplate",
    "decode.csv",
    "decode.gzip",
    "decode.jsonl",
    "decode.lines",
    "decode.xml",
    "decode.zip",
    "dedupe.compositeKey",
    "dedupe.key",
    "error.action.fail",
    "error.action.ignore",
    "error.action.rate_limited",
    "error.action.retry",
    "error.action.success",
    "error.backoff.constant",
    "error.backoff.exponential",
    "error.backoff.untilHeader",
    "error.backoff.waitHeader",
    "error.match.bodyExpr",
    "error.match.bodyText",
    "error.match.status",
    "error.maxRetries",
    "incremental.bound.expr",
    "incremental.bound.param",
    "incremental.clientFilter",
    "incremental.count",
    "incremental.datetime",
    "incremental.epochFormat",
    "incremental.inject.bodyJson",
    "incremental.inject.query",
    "incremental.lookback",
    "incremental.multiFormat",
    "incremental.stopAtCursor",
    "incremental.window",
    "page.cursor.arith",
    "page.cursor.bodyPath",
    "page.cursor.cond",
    "page.cursor.extract",
    "page.cursor.lastRecord",
    "page.cursor.linkHeader",
    "page.inject.bodyForm",
    "page.inject.bodyJson",
    "page.inject.header",
    "page.inject.query",
    "page.inject.url",
    "page.number",
    "page.offset",
    "page.size.bodyForm",
    "page.size.bodyJson",
    "page.size.header",
    "page.size.query",
    "page.stop.expr",
    "page.stop.logic",
    "page.stop.pageSize",
    "parents.cartesian",
    "parents.depth2",
    "parents.depth3plus",
    "parents.extraFields",
    "parents.inject.bodyJson",
    "parents.inject.query",
    "parents.list",
    "parents.list.fromParam",
    "parents.multiple",
    "parents.stream",
    "rate.budget",
    "records.filter.expr",
    "records.filter.window",
    "records.path",
    "records.root",
    "records.wildcard",
    "request.body.form",
    "request.body.json",
    "request.body.text",
    "request.get",
    "request.headers",
    "request.path.parent",
    "request.post",
    "request.query",
    "schema.coerceTypes",
    "template.date",
    "template.pageToken",
    "template.param",
    "template.paramCond",
    "template.paramLogic",
    "template.parent",
    "template.window",
    "transform.add.arith",
    "transform.add.cond",
    "transform.add.constant",
    "transform.add.date",
    "transform.add.fromContext",
    "transform.add.fromParam",
    "transform.add.fromRecord",
    "transform.add.hash",
    "transform.add.regex",
    "transform.dpathFlattenFields",
    "transform.keysReplace",
    "transform.keysToLower",
    "transform.remove",
]
SECOND = [
    "async.job",
    "incremental.globalParentCursor",
    "page.cursor.logic",
    "parents.grouping",
    "parents.incrementalDependency",
    "records.filter.logic",
    "schema.dynamic",
    "state.migration",
    "stream.dynamic",
    "stream.stateDelegating",
    "template.asyncJob",
    "template.cond",
    "transform.add.logic",
]
# Of APIs, by the numbers of the catalogue: lists that drift, repeat, tie; replies that lie, drip, unfold; logins.
FAULTS = [f"H{number}" for number in range(1, 19)]


def marks(kind: str) -> dict[str, list[str]]:
    """Key -> the tests that carry it, as file:line; `feature` may be a short name of the mark."""
    found: dict[str, list[str]] = {}
    for path in sorted(HERE.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (f"pytest.mark.{kind}", kind):
                for argument in node.args:
                    if isinstance(argument, ast.Constant):
                        found.setdefault(str(argument.value), []).append(f"{path.relative_to(HERE)}:{node.lineno}")
    return found


@pytest.mark.parametrize(("kind", "known"), [("feature", FIRST + SECOND), ("fault", FAULTS)])
def test_every_mark_names_something_that_is_known(kind: str, known: list[str]) -> None:
    assert not set(marks(kind)) - set(known)


@pytest.mark.parametrize(
    ("name", "kind", "known", "is_due"),
    [
        ("features, first release", "feature", FIRST, True),
        ("features, second release", "feature", SECOND, False),
        ("faults of APIs", "fault", FAULTS, True),
    ],
    ids=["first release", "second release", "faults"],
)
def test_all_that_is_due_has_a_test(name: str, kind: str, known: list[str], is_due: bool) -> None:
    found = marks(kind)
    missing = [each for each in known if each not in found]
    print(f"{name}: {len(known) - len(missing)} of {len(known)} have a test; none: {missing}")
    assert not (is_due and missing)
