"""What no schema sees, told where it stands: sources, triggers, exports, and what parts promise each other."""

# A row of a table is read as one line.
# ruff: noqa: E501

from typing import NamedTuple

import pytest

from engine.language.findings import CODES
from tests.language.everything import Right
from tests.language.projects import changed, place

S, H, E = "vendors/northgate/sales.yaml", "vendors/brightlane/orders.yaml", "vendors/shop/events.yaml"
A, T, P = "exports/leads/adf.yaml", "exports/texts/customer.yaml", "vendors/pos/opened.yaml"
L, D, K = "vendors/northgate/lines.yaml", "dealers/lakeside-rv.yaml", "vendors/brightlane/tokens.yaml"
J = "vendors/brightlane/jobs.yaml"


class Case(NamedTuple):
    """One edit, the code of what is said, where it points (what begins there), and what its help holds."""

    code: str
    file: str
    old: str
    new: str
    at: str
    says: str = ""


CASES = [
    # expressions of sources and triggers
    Case("E056", H, "total: meta.total,", "total: 'meta.',", "', maxPages", ""),
    Case("E056", H, "stopIf: '!more'", "stopIf: 'more = 1'", "= 1'", "=="),
    Case("E056", H, "read: data, if: customerId", "read: data, if: customerId = 1", "= 1", "=="),
    Case("E056", H, "keep: {id: id}", "keep: {id: 'a b'}", "b'}", "quoted"),
    Case("E058", H, "message: body.error}", "message: boddy.error}", "boddy", "`body`"),
    Case("E058", H, "if: query.kind == 'Order'", "if: qery.kind == 'Order'", "qery", "`query`"),
    Case("E058", H, "id: query.id\n", "id: body_.id\n", "body_", "`body`"),
    Case("E058", H, "by: [query.id, query.operation]", "by: [query.id, qeury.operation]", "qeury", "`query`"),
    Case("E058", H, "key: body.id, type", "key: bdy.id, type", "bdy", "`body`"),
    Case("E058", H, "{equals: {query.account", "{equals: {quer.account", "quer.account", "`query`"),
    Case("E058", E, "  if: body.event\n", "  if: boby.event\n", "boby", "`body`"),
    Case("E055", K, r"extract: 'c=(\w+)'", r"extract: 'c=(\w+'", r"(\w+'", "close it"),
    # names of sources
    Case("E067", H, "type: repairOrder}}", "type: repairOrders}}", "repairOrders", "`repairOrder`"),
    Case("E068", H, "{setState: {state: voided", "{setState: {state: void", "void, key", "`voided`"),
    Case("E067", E, "contact: {from: {type: lead,", "contact: {from: {type: laed,", "laed", "`lead`"),
    Case("E066", H, "join: {unit: {", "join: {unti: {", "unti: {", "`unti.id`"),
    Case("E066", H, "    customer: {url:", "    custmer: {url:", "custmer:", "`custmer.id`"),
    Case("E040", H, "/locations/${location.id}/orders", "/locations/${location.ident}/orders", "'/locations", "`location.id`"),
    Case("E040", E, "versions: {pointOfSale: '3.6.0.44", "versions: {pointOfsale: '3.6.0.44", "pointOfsale", "`pointOfSale`"),
    Case("E056", E, "path: versions.pointOfSale", "path: versions..pointOfSale", ".pointOfSale}}", ""),
    Case("E058", P, "path: query.version", "path: qeury.version", "qeury", "`query`"),
    Case("E058", P, "acknowledged: query.acknowledged", "acknowledged: qury.acknowledged", "qury", "`query`"),
    Case("E058", P, "by: [query.requestId]", "by: [qury.requestId]", "qury", "`query`"),
    Case("E021", P, "  acknowledged: query.acknowledged\n", "", "once: id", "acknowledged"),
    Case("E064", P, "needs: [technician, notes]", "needs: [technican, notes]", "technican", "`technician`"),
    Case("E056", P, "path: query.version", "path: query..version", ".version}}", ""),
    Case("E062", S, "params:\n", "versions: {pos: {path: version}}\nparams:\n", "version}", "leave"),
    Case("E040", P, "since: {pointOfSale", "since: {pointOfSales", "pointOfSales", "`pointOfSale`"),
    Case("E025", H, "start: now-90d", "start: yesterday", "yesterday", "now-90d"),
    Case("E064", H, "cursor: updatedAt", "cursor: updatedat", "updatedat", "`updatedAt`"),
    # what a trigger fetches
    Case("E021", H, "    id: query.id\n", "", "fetch", "body.id"),
    Case("E021", H, "  byId: {", "  # {", "fetch", "byId: {url"),
    # lists that have to be made first
    Case("E040", J, "/exports/${job.id}", "/exports/${job.ident}", "'/exports/", "`job.id`"),
    Case("E040", J, "/files/${job.file}", "/files/${job.fil}", "'/files/", "`job.file`"),
    Case("E056", J, "done: state == 'done'", "done: state = 'done'", "= 'done'", "=="),
    Case("E021", J, "{url: '${job.result}', h", "{url: '/exports/${job.id}', h", "'/exports/${job.id}', headers: {Accept: application/json}}\n  incr", "${job.result}"),
    Case("E029", J, "  incremental:\n", "  pagination: {type: page, param: page}\n  incremental:\n", "page, param", "leave `pagination` out"),
    Case("E080", J, "json: {from: '${window.from}', to", "json: {to", "at\n    backfill", "filter: client"),
    Case("E056", J, "next: links.next}", "next: links..next}", ".next}", ""),
    # cursors that are told without being sent
    Case("E080", "vendors/brightlane/pages.yaml", "form: {since: '${window.from}'}", "form: {since: all}", "at}\n  byId", "filter: client"),
    # seals, classes, groups
    Case("E020", S, "transport.host]", "transport.hots]", "hots]", ""),
    Case("E020", A, "sealed: [exclude]", "sealed: [exlude]", "exlude", "`exclude`"),
    Case("E023", A, "class: leads", "class: laeds", "laeds", "`leads`"),
    # exports
    Case("E067", A, "activities: [lead, webInquiry]", "activities: [lead, webInqiry]", "webInqiry", "`webInquiry`"),
    Case("E067", A, "activities: [repairOrder], if", "activities: [repairOder], if", "repairOder", "`repairOrder`"),
    Case("E067", P, "find: {type: repairOrder", "find: {type: repairOrdr", "repairOrdr", "`repairOrder`"),
    Case("E065", T, "fields: [start]", "fields: [strat]", "strat", "`start`"),
    Case("E058", A, "if: '!(contact.email)'", "if: '!(contct.email)'", "contct", "`contact`"),
    Case("E058", A, "{path: activity.id, required", "{path: activty.id, required", "activty", "`activity`"),
    Case("E058", P, "key: [query.number]", "key: [qurey.number]", "qurey", "`query`"),
    Case("E056", P, "\"notes[?audience == 'customer']\"", "\"notes[?audience = 'customer']\"", "= 'customer'", "=="),
    Case("E055", T, "forbid: ['(?i)sorry']", "forbid: ['(?i)sorry)']", ")']", "open it"),
    Case("E040", A, "url: ${params.url}", "url: ${params.ulr}", "params.ulr", "`url`"),
    Case("E040", A, "'From ${dealer.title}'", "'From ${dealer.titel}'", "dealer.titel", "`dealer.title`"),
    Case("E041", A, "'From ${dealer.title}'", "'From ${dealer.title'", "${dealer", ""),
    Case("E048", "exports/leads/second.yaml", "basedOn: leads/adf", "basedOn: leads/adff", "leads/adff", "`leads/adf`"),
    # what a dealer says of its exports
    Case("E045", D, "user: lakeside, pin", "usr: lakeside, pin", "usr", "`user`"),
    Case("E044", D, ", user: lakeside, pin", ", pin", "leads/adf", "user"),
    Case("E050", D, "override: {transport: {timeout: 1m}}", "override: {exclude: {categories: [sale]}}", "exclude", "leave"),
    Case("E077", D, "{crmReady: 2026-02-01}", "{crmRedy: 2026-02-01}", "crmRedy", "`crmReady`"),
    Case("W001", D, "    confirmed: {crmReady: 2026-02-01}\n", "", "leads/adf", "crmReady"),
]  # fmt: skip


@pytest.fixture(scope="module")
def right() -> Right:
    return Right()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.new[:30]}")
def test_it_is_told_where_it_stands(right: Right, case: Case) -> None:
    edited = changed(right.text(case.file), case.old, case.new)
    findings = right.project({case.file: edited.encode()}).findings
    mine = [each for each in findings if each.code == case.code and each.file == f"feeds/{case.file}"]
    assert mine, findings
    if case.at:
        assert (mine[0].line, mine[0].column) == place(edited, case.at), mine
    assert case.says in mine[0].help


QUIET = {
    "the server leaves out what is old": ("vendors/brightlane/links.yaml", "text: 'since=${window.from}'", "text: since"),
    "the list begins with the newest": (K, "json: {from: '${window.from}'}", "json: {all: true}"),
    "the whole record is taken": (H, "{path: customer.lastName}", "{path: '[@] | [0].customer'}"),
    "a rule of one status": (H, "{if: body.error, do: fail, message: body.error}", "{if: status == `404`, do: skipParent}"),
    "a rule that needs a body": (H, "{if: body.error, do: fail, message: body.error}", "{if: body.error == 'gone', do: ignore}"),
    "an optional column": (S, "{column: Zip, transforms", "{column: Postal Code, optional: true, transforms"),
    "a key of its own": (L, "activities: [{type: repairOrder, key: [[number]], state: open}]", "employee: {roles: [x], key: [[number]]}"),
    "a sale that the feed keeps to itself": (A, "exclude: {categories: [sale, service]", "exclude: {categories: [service]"),
    "what could be sealed": (S, "sealed: [fields,", "sealed: [fields, employee,"),
}  # fmt: skip


@pytest.mark.parametrize("name", QUIET)
def test_what_only_looks_like_it_is_left_in_peace(right: Right, name: str) -> None:
    file, old, new = QUIET[name]
    edited = changed(right.text(file), old, new)
    assert right.project({file: edited.encode()}).findings == ()


def test_every_code_is_a_page_of_its_own() -> None:
    assert {case.code for case in CASES} <= set(CODES)
