"""Which parameters are used, and by what; and that nothing is demanded for a trigger that is off."""

from pathlib import Path

import pytest

from engine.language import secrets
from engine.language.plans import Plan
from engine.language.project import Project
from tests.language.projects import FILES, GLASS, GLASS_DEALER, PUSHED, SALES, changed, read, shown

BASE, OVER, EVENTS, DEALER = (
    *("vendors/ids/sales.yaml", "vendors/other/sales.yaml", "vendors/glass/events.yaml", "dealers/clear-glass.yaml"),
)
BASED = "version: 1\nkind: feed\ntitle: Other\nbasedOn: ids/sales\n"
SPARE = changed(SALES, "  folder: {", "  spare: {type: string, default: x}\n  folder: {")


def said(found: Project) -> list[tuple[str, str]]:
    return [(Path(each.file).parent.name, each.code) for each in found.findings]


USES = {
    "a base's, by what is based on it": (SPARE, "tags: ['${params.spare}']\n"),
    "what is based on another, by the other": (SALES, "params: {folder: {about: the dealer's own}}\n"),
    "in a condition": (changed(SPARE, "onBad: quarantine", "if: vin == params.spare"), ""),
    "in a condition, quoted": (changed(SPARE, "onBad: quarantine", "if: 'vin == params.\"spare\"'"), ""),
    "in a condition, with all others": (changed(SPARE, "onBad: quarantine", "if: contains(values(params), vin)"), ""),
    "as a context": (changed(SPARE, "term: {column: Term, type: integer}", "term: {context: params.spare}"), ""),
    "inside an offset": (changed(SPARE, "title: Units", "title: '${run.date+${params.spare}d}' #"), ""),
}


@pytest.mark.parametrize("use", USES)
def test_a_parameter_is_used(tmp_path: Path, use: str) -> None:
    base, over = USES[use]
    texts = {**FILES, BASE: base, **({OVER: BASED + over} if over else {})}
    assert "W006" not in {code for _, code in said(read(tmp_path, texts))}


def test_a_parameter_is_not_used_where_a_base_uses_one_of_its_own(tmp_path: Path) -> None:
    """What is laid over it has another place for the files: the base's goes on to be used there, its own is not."""
    over = "params: {folder: {type: string, default: x}}\ntransport: {directory: in}\n"
    assert said(read(tmp_path, {**FILES, OVER: BASED + over})) == [("other", "W006")]


def test_nothing_is_said_of_what_a_mistake_may_hide(tmp_path: Path) -> None:
    misspelt = changed(SALES, "${params.folder}", "${params.foldr}")
    assert said(read(tmp_path, {**FILES, BASE: misspelt})) == [("ids", "E040")]


def test_a_parameter_of_an_export_is_told_too(tmp_path: Path) -> None:
    export = (
        "version: 1\nkind: export\ntitle: Leads\nclass: leads\nparams: {url: {type: url}, spare: {type: string}}\n"
        "event: {activities: [soldUnit]}\nencode: {format: adf}\n"
        "transport: {type: http, method: POST, url: '${params.url}'}\n"
    )
    found = read(tmp_path, {**FILES, "exports/leads/all.yaml": export}).findings
    assert [(each.code, each.line) for each in found] == [("W006", 5)], shown(found)


# --- a trigger that is off ------------------------------------------------------------------

TRIGGER = """\
triggers:
  - type: webhook
    enabled: ${params.webhooks}
    endpoint: glass/${params.shop}
    verify: [{type: token, in: path, token: '${params.token}'}]
    do: pollNow
"""
PARAMS = """\
  webhooks: {type: boolean, default: false}
  shop: {type: string, required: true, not: [changeme]}
  token: {type: secret, required: true}
"""
WOKEN = (
    changed(GLASS, "  days: {", f"{PARAMS}  days: {{")
    .replace("  type: webhook\n  endpoint: glass/${dealer.name}\n  method: POST\n", "  type: file\n  directory: in\n")
    .replace("  verify: [{type: token, in: header, name: X-Token, token: '${params.hook}'}]\n", "  filename: a\n")
    .replace("  hook: {type: secret, required: true}\n", "")
    + TRIGGER
)


def woken(folder: Path, *params: str, definition: str = WOKEN) -> Project:
    """A dealer for each of the parameters."""
    files = {**PUSHED, EVENTS: definition}
    del files[DEALER]
    for number, given in enumerate(params):
        dealer = changed(GLASS_DEALER, "{hook: '${secret.CLEAR_HOOK}'}", given).replace("clear-glass", f"d{number}")
        files[f"dealers/d{number}.yaml"] = dealer
    return read(folder, files)


def test_what_a_trigger_needs_is_asked_for_where_it_is_on(tmp_path: Path) -> None:
    off, on = "{}", "{webhooks: true}"
    found = woken(tmp_path, off, on)
    assert [(Path(each.file).stem, each.code) for each in found.findings] == [("d1", "E044")] * 2
    assert list(found.feeds) == ["d0/glass-events"]


def test_a_placeholder_is_left_in_peace_until_the_trigger_is_on(tmp_path: Path) -> None:
    given = "{shop: changeme, token: '${secret.T}', webhooks: SWITCH}"
    found = woken(tmp_path, given.replace("SWITCH", "false"), given.replace("SWITCH", "true"))
    assert [(Path(each.file).stem, each.code) for each in found.findings] == [("d1", "E047")]


def test_what_a_trigger_shares_with_the_rest_is_asked_for_all_the_same(tmp_path: Path) -> None:
    shared = changed(WOKEN, "directory: in\n", "directory: 'in/${params.shop}'\n")
    found = woken(tmp_path, "{}", definition=shared)
    assert [(each.code, "`shop`" in each.message) for each in found.findings] == [("E044", True)]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("do: pollNow", "do: pollnow", "E023"),
        ("in: path, token", "in: path, tokn", "E020"),
        ("${params.shop}", "${params.shp}", "E040"),
        ("do: pollNow", "do: pollNow\n    if: boby.id", "E058"),
    ],
)
def test_its_structure_is_looked_at_whether_it_is_on_or_off(tmp_path: Path, old: str, new: str, code: str) -> None:
    found = woken(tmp_path, "{}", definition=changed(WOKEN, old, new))
    assert code in {each.code for each in found.findings}, shown(found.findings)


def test_a_trigger_that_is_off_needs_no_secret(tmp_path: Path) -> None:
    given = "{shop: x, token: '${secret.T}', webhooks: SWITCH}"
    found = woken(tmp_path, given.replace("SWITCH", "false"), given.replace("SWITCH", "true"))
    assert [secrets.names(feed) for feed in found.feeds.values()] == [(), ("T",)]


def test_whether_a_trigger_is_on_tells_dealers_apart(tmp_path: Path) -> None:
    """Those that share a verdict: each has the one it would have alone, in whatever order they come."""
    given = [
        *("{}", "{webhooks: true}", "{webhooks: false, shop: 'a b'}", "{webhooks: true, shop: 'a b', token: T}"),
        *("{shop: 'a b', token: '${secret.T}'}", "{shop: 'a b', token: '${secret.T}', webhooks: true}"),
        *("{shop: ab, token: '${secret.T}'}", "{shop: ab, token: '${secret.T}', webhooks: true}"),
    ]
    for number, order in enumerate((given, given[::-1])):
        home = tmp_path / str(number)
        together = woken(home, *order)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Plan, "case", lambda *_: None)
            alone = woken(home, *order)
        assert (together.findings, list(together.feeds)) == (alone.findings, list(alone.feeds))
        assert len(alone.feeds) == 5
