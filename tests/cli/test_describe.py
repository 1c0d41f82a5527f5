"""`feeds describe`: the sheet says what the definition says, and changes when that does."""

import re
from pathlib import Path

import pytest

from tests.cli.shell import Shell

ROOT = Path(__file__).parents[2]
TEST = "feeds/vendors/shop/sales.yaml"


def sheet(shell: Shell, *arguments: str) -> str:
    """The sheet as one line of words, however it was wrapped."""
    done = shell.feeds("describe", "shop/sales", *arguments)
    assert done.code == 0, done.talk
    return " ".join(done.out.split())


# What an author changes, and what the sheet then says (and did not say before).
CHANGES = {
    "a field's column": (TEST, "column: Amount", "column: Total", "Amount from Total (money)"),
    "another label": ("feeds/activities/sale.yaml", "label: Amount", "label: Sum", "Sum from Amount (money)"),
    "a required field": (
        TEST,
        "column: Customer}",
        "column: Customer, required: true}",
        "Blank Customer, Number, Date",
    ),
    "a value that costs no row": (
        TEST,
        "column: Amount, type: money",
        "column: Amount, type: money, onError: warn",
        "Comes in as sent Amount, where that cannot be read",
    ),
    "the key": (
        TEST,
        "key: [[number]]",
        "key: [[number], {hash: [date, note]}]",
        "else whatever there is of Date, Note",
    ),
    "the match": (
        TEST,
        "contact: {fields: {externalId: customerNo}}",
        "contact: {fields: {externalId: customerNo}, match: [[phone, lastName]]}",
        "Found by phone and last name Nobody",
    ),
    "a filter": (TEST, "fields:\n", "records: {if: note != 'x'}\nfields:\n", "rows where this is not so: note != 'x'"),
    "what becomes of the file": (
        TEST,
        "settle: 0s}",
        "settle: 0s, deleteFromServer: true}",
        "Afterwards deleted, once",
    ),
    "where it moves": (TEST, "settle: 0s}", "settle: 5m, moveTo: done}", "stood still for 5m Afterwards moved to done"),
    "the schedule": (TEST, "decode:", "schedule: {cron: '0 6 * * *'}\ndecode:", "cron 0 6 * * * (the dealer's time)"),
    "a feature": (TEST, "decode:", "requires: {anyFeature: [gold, l5]}\ndecode:", "One of gold or l5"),
    "a gate": (TEST, "decode:", "gates: {enable: [dealerPermission]}\ndecode:", "Before it runs dealer permission"),
    "a guard": (TEST, "decode:", "guards: {maxDropPercent: 60}\ndecode:", "smaller than usual by more than 60 %"),
    "what does not go out": (TEST, "decode:", "exports: {exclude: [leads]}\ndecode:", "exports of the class leads"),
    "what does not come": (
        TEST,
        "decode:",
        "capabilities: [{data: openOrders, direction: none, about: not in the file}]\ndecode:",
        "What does not come open orders not in the file",
    ),
    "a parameter": (
        TEST,
        "filename: '*.csv', settle: 0s}",
        "filename: '${params.name}'}\nparams: {name: {type: string, required: true, about: the till's number}}",
        "name the till's number (has to be given)",
    ),
}


@pytest.mark.parametrize(("file", "old", "new", "said"), CHANGES.values(), ids=CHANGES)
def test_a_change_of_the_definition_is_a_change_of_the_sheet(
    shell: Shell, file: str, old: str, new: str, said: str
) -> None:
    assert said not in sheet(shell)
    shell.edit(file, old, new)
    assert said in sheet(shell)


def test_a_secret_is_named_and_what_differs_by_dealer_is_shown_as_that(shell: Shell) -> None:
    login = "username: '${secret.USER}', auth: {type: password, password: '${secret.PASS}'}, hostKey: '${secret.KEY}'"
    place = "host: sftp.example.com, directory: '${params.place}/out', filename: a.csv"
    head = f"transport: {{type: sftp, {place}, {login}}}"
    text = (shell.home / TEST).read_text(encoding="utf-8")
    params = "params: {place: {type: string, required: true}}\n"
    shell.write(TEST, params + re.sub(r"^transport:.*$", lambda _: head, text, flags=re.M))
    said = sheet(shell)
    for part in ("SFTP, sftp.example.com", "Folder <place>/out", "Secrets USER, PASS, KEY"):
        assert part in said
    assert "\\<place\\>/out" in sheet(shell, "--format", "markdown")


def test_the_shipped_sheets_say_what_the_vendor_said(shell: Shell) -> None:
    said = " ".join(shell.feeds("describe", "ids").out.split())
    for part in (
        "Cash Purchase whether Amount.Financed is blank or zero",
        "Final Payment Date from LastPayment (date)",
        "Features l5 One of gold or platinum",
        "dealer permission, then file notice",
        "nothing of this goes to exports of the class leads",
        "leads a sale is no lead and makes none",
        "the same WONumber; else the same VIN and OpenDate; else the same CustomerNo and OpenDate",
    ):
        assert part in said
    motility = " ".join(shell.feeds("describe", "motility/sales").out.split())
    assert "Sold Date from Contract Signing Date" in motility


def test_a_sheet_fits_the_terminal_and_has_all_formats(shell: Shell) -> None:
    done = shell.feeds("describe", "ids")
    assert [line for line in done.out.splitlines() if len(line) > 80] == []
    (facts, _) = shell.feeds("describe", "ids", "--format", "json").json()
    assert facts["brings"][0]["activities"][0]["label"] == "Sold Unit"
    assert facts["needs"]["requires"] == {"features": ["l5"], "anyFeature": ["gold", "platinum"]}
    page = shell.feeds("describe", "ids/sales", "--format", "markdown").out
    assert page.startswith("# IDS sold units")
    assert "## What does not come" in page
    assert "- **Blank**: SoldDate" in page


def test_one_is_asked_for_by_vendor_definition_or_feed(shell: Shell) -> None:
    assert shell.feeds("describe", "acme/shop-sales").out == shell.feeds("describe", "shop").out
    done = shell.feeds("describe", "shpo")
    assert done.code == 2
    assert "did you mean shop?" in done.talk


def test_nothing_is_said_of_a_definition_with_errors(shell: Shell) -> None:
    shell.edit(TEST, "column: Amount", "colunm: Amount")
    done = shell.feeds("describe", "shop")
    assert (done.code, done.out) == (1, "")
    assert "shop/sales has errors" in done.talk


def test_what_comes_only_with_a_webhook_is_on_the_sheet_though_it_is_off_by_default(shell: Shell) -> None:
    said = " ".join(shell.feeds("describe", "protractor/crm-export").out.split())
    assert "What comes in (appointments) All of this only with a webhook trigger that is enabled" in said


def test_every_shipped_definition_of_what_comes_in_can_be_described(shell: Shell) -> None:
    names = [
        path.relative_to(ROOT / "feeds/vendors").with_suffix("")
        for path in (ROOT / "feeds/vendors").rglob("*.yaml")
        if "\nkind: feed\n" in path.read_text(encoding="utf-8")
    ]
    assert names
    for name in names:
        assert shell.feeds("describe", name.as_posix()).code == 0
