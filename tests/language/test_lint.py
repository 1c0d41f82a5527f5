"""Every mistake is found, at the place where it was made, with a word on what to do."""

from pathlib import Path
from typing import NamedTuple

import pytest

from engine.language.findings import CODES, Finding
from tests.language.projects import (
    FILES,
    PUSHED,
    changed,
    place,
    read,
    shown,
)

TEXTS = {**FILES, **PUSHED}
S, D, A = "vendors/ids/sales.yaml", "dealers/acme-rv.yaml", "activities/soldUnit.yaml"
G, C, L = "vendors/glass/events.yaml", "dealers/clear-glass.yaml", "activities/lead.yaml"


class Case(NamedTuple):
    """One edit of one file; `at` is where the finding points (in `where`, if it is another file)."""

    file: str
    old: str
    new: str
    code: str
    at: str
    said: str
    where: str = ""


TERM = "term: {column: Term, type: integer}"
CASES = [
    # references
    Case(S, "${params.folder}/IDS/", "${params.foldr}/IDS/", "E040", "params.foldr", "`folder`"),
    Case(S, "${params.folder}/IDS/", "in/${param.folder}/IDS/", "E040", "param.folder", "`params`"),
    Case(S, "${params.folder}/IDS/", "${dealer.nam}/IDS/", "E040", "dealer.nam", "`dealer.name`"),
    Case(S, "${params.folder}/IDS/", "${run.today}/IDS/", "E040", "run.today", "run.date"),
    Case(S, "${params.folder}/IDS/", "${params.folder/IDS/", "E041", "${params.folder/IDS/", "never closed"),
    Case(S, "directory: ${params.folder}/IDS/", "directory: 'a/${run.date+2h}'", "E041", "${run.date+2h}", "is a day"),
    Case(S, "directory: ${params.folder}/IDS/", "directory: '${params.folder:%Y}'", "E041", "${params.folder:%Y}'", "no offset"),
    Case(S, TERM, "term: {const: '${secret.X}'}", "E042", "secret.X", "transport"),
    Case(S, "host: sftp.example.com", "host: '${secret.X}.${run.date}'", "E042", "'${secret.X}.${run.date}'", "one text"),
    Case(S, TERM, "term: {context: file.nme}", "E040", "file.nme", "`file.name`"),
    Case(G, "'Order ${field.orderId} of", "'Order ${field.orderNo} of", "E064", "'Order ${field.orderNo}", "orderId"),
    # parameters
    Case(D, "params: {folder: acme}", "params: {foldr: acme}", "E045", "foldr", "`folder`"),
    Case(D, "    params: {folder: acme}\n", "", "E044", "ids/sales", "the dealer's folder"),
    Case(D, "{folder: acme}", "{folder: 5}", "E046", "5}", "quotes"),
    Case(D, "{folder: acme}", "{folder: [acme]}", "E046", "[acme]", "a list"),
    Case(D, "{folder: acme}", "{folder: DealerName}", "E047", "DealerName", "placeholder"),
    Case(D, "{folder: acme}", "{folder: dealername/in}", "E047", "dealername/in", "placeholder"),
    Case(D, "{folder: acme}", "{folder: acme, filename: '_S(L.csv'}", "E055", "(L.csv", "never closed"),
    Case(D, "{folder: acme}", "{folder: '${secret.FOLDER}'}", "E042", "'${secret.FOLDER}'", "type string"),
    Case(D, "{folder: acme}", "{folder: '${params.filename}'}", "E040", "params.filename", "parameter"),
    Case(S, r"default: '_SL\.csv$'", r"default: '_SL\.(csv$'", "E055", "(csv", "never closed"),
    Case(C, "'${secret.CLEAR_HOOK}'", "canary-token", "E043", "canary-token", "secret.NAME"),
    Case(C, "'${secret.CLEAR_HOOK}'", "'x${secret.CLEAR_HOOK}'", "E043", "'x${secret", "one whole reference"),
    Case(G, "{type: secret, required: true}", "{type: secret, default: '${secret.ONE}'}", "E043", "'${secret.ONE}'", "share"),
    # definitions and dealers
    Case(D, "uses: ids/sales", "uses: ids/sale", "E048", "ids/sale", "`ids/sales`"),
    Case(S, "title: Units", "basedOn: ids/saless\ntitle: Units", "E048", "ids/saless", "definition"),
    Case(S, "title: Units", "basedOn: ids/sales\ntitle: Units", "E049", "ids/sales", "based on each other"),
    Case(D, "    confirmed:", "    override: {fields: {vin: {column: V}}}\n    confirmed:", "E050", "fields:", "sealed"),
    Case(D, "    confirmed:", "    override: {contact: {onNone: ignore}}\n    confirmed:", "E050", "contact:", "sealed"),
    Case(S, "sealed: [fields,", "sealed: [transport.host, fields,", "", "", ""),
    Case(D, "    confirmed:", "    override: {guards: {remove: [minRow]}}\n    confirmed:", "E052", "minRow", "to remove"),
    Case(D, "name: acme-rv", "name: acme", "E053", "acme\n", "name the file"),
    Case(A, "name: soldUnit", "name: soldUnits", "E053", "soldUnits", "name the file"),
    Case(D, "features: [platinum, l5]", "features: [platinum]", "E054", "ids/sales", "`l5`"),
    Case(D, "features: [platinum, l5]", "features: [silver, l5]", "E054", "ids/sales", "`gold`"),
    Case(D, "timezone: America/New_York", "timezone: America/New_Yorc", "E060", "America/New_Yorc", "America/New_York"),
    # patterns and expressions
    Case(S, "filename: ${params.filename}", "filename: '(?=a)b'", "E055", "(?=a)b", "look-ahead"),
    Case(S, "filename: ${params.filename}", r"filename: '(a)\1'", "E055", r"\1", "back-references"),
    Case(S, "filename: ${params.filename}", r"filename: 'it''s[a'", "E055", "[a'", "never closed"),
    Case(S, TERM, "term: {column: Term, pattern: 'a**'}", "E055", "**'", "repetition"),
    Case(S, TERM, "term: {column: Term, transforms: [{extract: 'a)'}]}", "E055", ")'}]", "closes nothing"),
    Case(G, "event == 'order.voided'", "event = 'order.voided'", "E056", "= 'order.voided'", "=="),
    Case(G, "event == 'order.voided'", "event == `voided`", "E056", "`voided`", "'voided'"),
    Case(G, "{if: event == 'order.voided'}", "{if: \"event == '${params.days}'\"}", "E056", "${params.days}'", "no ${}"),
    Case(G, "event == 'order.voided'", "event == 'x' and orderId", "E056", "and orderId", "&&"),
    Case(G, "event == 'order.voided'", "lowercase(event)", "E056", "lowercase(event)", "no function"),
    Case(G, "event == 'order.voided'", "contains(event)", "E056", "contains(event)", "takes 2"),
    Case(G, "name: {path: soldTo.name}", "name: {path: Sold To}", "E056", "To}", "quoted"),
    Case(G, "name: {path: soldTo.name}", "name: {path: 'soldTo.'}", "E056", "'}\n      dueNote", "breaks off"),
    Case(G, "event == 'order.voided'", f"event == '{'x' * 2100}'", "E057", f"event == '{'x' * 20}", "2000"),
    Case(G, "event == 'order.voided'", f"'{'|'.join(['[@,@]'] * 25)}'", "E057", "[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|", "times"),
    Case(G, "event == 'order.voided'", "evnt == 'order.voided'", "E058", "evnt", "`event`"),
    Case(G, "if: start > run.now", "if: start > run.nw", "E058", "run.nw", "`now`"),
    Case(G, "if: start > run.now", "if: start > params.dys", "E058", "params.dys", "`days`"),
    Case(G, "if: start > run.now", "if: contains(dealer.featurs, 'crm')", "E058", "dealer.featurs", "`features`"),
    Case(S, "schedule: {every: 1h,", "schedule: {cron: 0 25 * * *,", "E059", "0 25 * * *", "hour"),
    Case(S, "schedule: {every: 1h,", "schedule: {cron: 0 0 31 2 *,", "E059", "0 0 31 2 *", "day"),
    Case(S, "schedule: {every: 1h,", "schedule: {cron: 0 5 * * *, timezone: America/Nowhere,", "E060", "America/Nowhere", ""),
    # fields
    Case(G, "start: {path: start, type: dateTime}\n    contact", "start: {path: start, type: dateTime, formats: '%Y-%m-%d %H:%M'}\n    contact", "E061", "'%Y-%m-%d %H:%M'", "timezone"),
    Case(S, TERM, "term: {path: Term}", "E062", "path: Term", "column"),
    Case(G, "name: {path: soldTo.name}", "name: {column: Name}", "E062", "column: Name", "path"),
    Case(G, "fields: {id: {path: id}, start", "fields: {id: {column: id}, start", "E062", "column: id", "element"),
    Case(S, "{field: amountFinanced,", "{field: amountFinancd,", "E064", "amountFinancd,", "`amountFinanced`"),
    Case(S, "key: [[dealNumber]", "key: [[dealNumbr]", "E064", "dealNumbr]", "`dealNumber`"),
    Case(S, "{hash: [customerNo,", "{hash: [customerNumber,", "E064", "customerNumber", ""),
    Case(S, "occurred: soldDate", "occurred: soldate", "E064", "soldate", "`soldDate`"),
    Case(S, "externalId: customerNo}", "externalId: customerNumbr}", "E064", "customerNumbr", "customerNo"),
    Case(G, "  voids:\n", "  voids:\n    version: updatedAt\n", "E064", "updatedAt", ""),
    Case(S, "order: name", "order: day", "E064", "day\n  delete", "modified"),
    Case(G, "after: {type: lead, key: [orderId]", "after: {type: lead, key: [orderNo]", "E064", "orderNo", "orderId"),
    Case(G, "each: appointments", "each: appointment", "E064", "appointment\n        fields", "`appointments`"),
    Case(G, "by: id,", "by: ids,", "E064", "ids,", "`id`"),
    Case(G, "keep: [start]", "keep: [begin]", "E064", "begin]", "start"),
    Case(S, "contact: {fields: {externalId: customerNo}}", "contact: {fields: {externalId: customerNo}, match: [[birthDate, name]]}", "E064", "birthDate", "no field gives"),
    Case(G, "fields: {note: dueNote}", "fields: {notes: dueNote}", "E065", "notes: dueNote", "`note`"),
    Case(G, "set: {dueDate: ", "set: {dueDat: ", "E065", "dueDat:", "`dueDate`"),
    Case(G, "keepFirst: [dueDate]", "keepFirst: [due]", "E065", "due]", "dueDate"),
    Case(S, "  term: {", "  trm: {", "E066", "trm:", "nothing uses"),
    Case(S, "type: soldUnit", "type: soldUnits", "E067", "soldUnits", "`soldUnit`"),
    Case(G, "after: {type: lead,", "after: {type: leads,", "E067", "leads,", "`lead`"),
    Case(S, "state: recorded", "state: recordd", "E068", "recordd", "`recorded`"),
    Case(S, "state: recorded", "state: [{if: vin, is: gone}, {is: recorded}]", "E068", "gone", "voided"),
    Case(G, "appointment.created: booked,", "appointment.created: book,", "E068", "book,", "`booked`"),
    Case(G, "completed: completed}, else: quarantine", "completed: completed}, else: open", "E068", "open\n" if False else "open}\n        after", "booked"),
    Case(S, "records:\n", "records:\n  lapsed: {state: lost}\n", "E068", "lost", "voided"),
    Case(A, "greyIf: cashPurchase", "greyIf: cash", "E064", "cash}", "`cashPurchase`"),
    Case(S, "  cashPurchase: {field: amountFinanced,", "  cashPurchase: {firstOf: [cashPurchase, amountFinanced],", "E075", "cashPurchase: {firstOf", "itself"),
    Case(S, TERM, "term: {column: Term, type: integer, map: {1..5: a, 4..9: b}, else: blank}", "E076", "4..9", "overlaps"),
    Case(S, TERM, "term: {column: Term, type: integer, map: {5..1: a}, else: blank}", "E076", "5..1", "backwards"),
    # the far side
    Case(S, "  hostKey: ${secret.FILES_HOSTKEY}\n", "", "E071", "sftp.example.com", "pinned"),
    Case(D, "confirmed: {dealerPermission: 2022-01-12,", "confirmed: {dealerPermision: 2022-01-12,", "E077", "dealerPermision", "`dealerPermission`"),
    Case(D, "dealerPermission: 2022-01-12", "dealerPermission: 2022-02-30", "E078", "2022-02-30", "no day"),
    Case(D, ", fileNotice: 2022-01-20", "", "W001", "ids/sales", "fileNotice"),
]  # fmt: skip


def found(folder: Path, case: Case) -> tuple[list[Finding], dict[str, str]]:
    texts = dict(TEXTS)
    texts[case.file] = changed(texts[case.file], case.old, case.new)
    return [each for each in read(folder, texts).findings if not each.file.endswith("never")], texts


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code or 'none'}-{case.at.strip()[:24]}" for case in CASES])
def test_a_mistake_is_found_where_it_was_made(tmp_path: Path, case: Case) -> None:
    findings, texts = found(tmp_path, case)
    if not case.code:
        assert shown(tuple(findings)) == []
        return
    mine = [each for each in findings if each.code == case.code]
    assert mine, shown(tuple(findings))
    where = case.where or case.file
    expected = place(texts[where], case.at)
    (first,) = [each for each in mine if (each.line, each.column) == expected and each.file.endswith(where)] or [None]
    assert first is not None, f"expected {expected}, got {shown(tuple(mine))}"
    assert case.said in f"{first.message} {first.help}", first
    assert first.severity == ("warning" if case.code.startswith("W") else "error")


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.code.startswith("E")], ids=lambda case: case.at.strip()[:24]
)
def test_a_mistake_is_told_once(tmp_path: Path, case: Case) -> None:
    """One finding for one mistake, and the feed is not among those that run."""
    findings, _ = found(tmp_path, case)
    assert len([each for each in findings if each.severity == "error"]) == 1, shown(tuple(findings))


def test_every_code_has_a_title_and_a_case() -> None:
    tried = {case.code for case in CASES if case.code}
    assert tried <= set(CODES)
    elsewhere = {"E051", "E069", "E070", "E072", "W002", "W004"}  # further below, and in test_overlap.py
    mine = {code for code in CODES if code.startswith("W") or "E040" <= code <= "E099"}
    assert mine - tried - elsewhere == set()
