"""`feeds new --uses`: an entry where its neighbours stand, every other byte as it was, and what is still to be done."""

import re
from pathlib import Path

import pytest

from tests.cli.shell import DEALER, Shell

HEAD = "version: 1\nkind: dealer\nname: acme\ntitle: Acme\ntimezone: America/New_York\n"
# The dealer's file, and what it becomes: `+` begins the lines that are new.
LAYOUTS = {
    "list": ("feeds:\n  - uses: shop/sales\n", "feeds:\n  - uses: shop/sales\n+  - uses: ids/x\n"),
    "no end of line": ("feeds:\n  - uses: shop/sales", "feeds:\n  - uses: shop/sales\n+  - uses: ids/x\n"),
    "at the margin": (
        "feeds:\n- uses: shop/sales  # ours\n  tags: [a]\n# about exports\nexports: []\n",
        "feeds:\n- uses: shop/sales  # ours\n  tags: [a]\n+- uses: ids/x\n# about exports\nexports: []\n",
    ),
    "before another key": (
        "feeds:\n    - uses: shop/sales\n      # of the entry\n\n# of the tags\ntags: [east]\n",
        "feeds:\n    - uses: shop/sales\n      # of the entry\n+    - uses: ids/x\n\n# of the tags\ntags: [east]\n",
    ),
    "a text over several lines": (
        "feeds:\n  - uses: shop/sales\n    reason: |\n      moving\n\n      # until May\n",
        "feeds:\n  - uses: shop/sales\n    reason: |\n      moving\n\n      # until May\n+  - uses: ids/x\n",
    ),
    "none yet": ("", "+feeds:\n+  - uses: ids/x\n"),
    "an empty key": ("feeds:   # nothing yet\ntags: [a]\n", "feeds:   # nothing yet\n+  - uses: ids/x\ntags: [a]\n"),
    "an empty list": ("feeds: []   # soon\n", "feeds: [{uses: ids/x}]   # soon\n"),
    "in brackets": ("feeds: [{uses: shop/sales}]\n", "feeds: [{uses: shop/sales}, {uses: ids/x}]\n"),
    "brackets over lines": (
        "feeds: [\n  {uses: shop/sales},  # ours\n]\n",
        "feeds: [\n  {uses: shop/sales},  # ours\n{uses: ids/x}]\n",
    ),
    "end of the document": (
        "feeds:\n  - uses: shop/sales\n...\n",
        "feeds:\n  - uses: shop/sales\n+  - uses: ids/x\n...\n",
    ),
}


@pytest.fixture
def shell(tmp_path: Path, sqlite_url: str) -> Shell:
    return Shell(tmp_path, sqlite_url)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_entry_is_put_in_and_all_else_stays(name: str, end: str, shell: Shell) -> None:
    before, after = (f"# head\n{HEAD}{part}".replace("\n", end) for part in LAYOUTS[name])
    path = shell.home / "feeds" / "dealers" / "acme.yaml"
    path.write_bytes(before.encode())
    copy = (shell.home / "feeds/vendors/shop/sales.yaml").read_text(encoding="utf-8")
    shell.write("feeds/vendors/ids/x.yaml", copy)
    done = shell.feeds("new", "acme/ids-x", "--uses", "ids/x")
    assert done.code == 0, done.talk
    wanted = after.replace(f"{end}+", end).removeprefix("+")
    assert path.read_bytes().decode() == wanted
    listed = shell.feeds("list", "--format", "json").json()
    assert "acme/ids-x" in {each["feed"] for each in listed}


def test_a_mark_and_the_mode_of_the_file_stay(shell: Shell) -> None:
    path = shell.home / "feeds" / "dealers" / "acme.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + DEALER.encode())
    path.chmod(0o640)
    assert shell.feeds("new", "acme/second", "--uses", "shop/sales").code == 0
    assert path.read_bytes() == b"\xef\xbb\xbf" + DEALER.encode() + b"  - uses: shop/sales\n    name: second\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_is_outstanding_is_told_and_commented(shell: Shell) -> None:
    done = shell.feeds("new", "north/ids-sales", "--uses", "ids/sales", "--format", "json")
    assert done.code == 0, done.talk
    told = {(each["kind"], each["name"]) for each in done.json()["outstanding"]}
    assert {("param", "folder"), ("gate", "dealerPermission"), ("gate", "fileNotice")} <= told
    assert {("secret", "PRORESPONSE_PASSWORD"), ("dealer", "timezone"), ("feature", "features")} <= told
    text = (shell.home / "feeds" / "dealers" / "north.yaml").read_text(encoding="utf-8")
    assert re.search(r"^      folder: +# fill in: the dealer's folder on ProResponse's server$", text, re.M), text
    assert re.search(r"^    #   dealerPermission: \d{4}-\d\d-\d\d$", text, re.M), text
    assert text.count("fill in") >= 5
    codes = {each["code"] for each in shell.feeds("validate", "--format", "json").json()}
    assert codes <= {"E044", "E054", "W001"}
    assert "E044" in codes


def test_given_parameters_have_their_types(shell: Shell) -> None:
    done = shell.feeds(
        *("new", "acme/ids-sales", "--uses", "ids/sales", "--param", "folder=acme", "--param", "port=2222")
    )
    assert done.code == 0, done.talk
    text = (shell.home / "feeds" / "dealers" / "acme.yaml").read_text(encoding="utf-8")
    assert "      folder: acme\n      port: 2222\n" in text


WRONG = {
    "an unknown definition": (("--uses", "ids/slaes"), "did you mean ids/sales?"),
    "an unknown parameter": (("--uses", "ids/sales", "--param", "foldr=acme"), "did you mean folder?"),
    "a parameter of another type": (("--uses", "ids/sales", "--param", "port=many"), "is a whole number"),
    "a placeholder": (("--uses", "ids/sales", "--param", "folder=dealername"), "placeholder"),
    "nothing": ((), "say one of the two"),
    "an activity for a definition": (("--uses", "ids/sales", "--activity", "x"), "go with --from"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_told_and_nothing_is_written(name: str, shell: Shell) -> None:
    arguments, message = WRONG[name]
    done = shell.feeds("new", "acme/new-one", *arguments)
    assert done.code in (1, 2)
    assert message in done.talk
    assert (shell.home / "feeds" / "dealers" / "acme.yaml").read_text(encoding="utf-8") == DEALER


def test_a_second_feed_of_one_id_is_refused_with_the_place_of_the_first(shell: Shell) -> None:
    done = shell.feeds("new", "acme/shop-sales", "--uses", "shop/sales")
    assert done.code == 1
    assert "there is a feed acme/shop-sales already, at" in done.talk
    assert "acme.yaml:7" in done.talk


def test_a_definition_is_never_written_over(shell: Shell) -> None:
    path = shell.write("in2/s-1.csv", "Number,Date\n1,2024-05-13\n2,2024-05-14\n")
    done = shell.feeds("new", "acme/other", "--from", str(path), "--vendor", "shop/sales")
    assert done.code == 1
    assert "there is a definition shop/sales already" in done.talk
    assert not (shell.home / "feeds" / "activities" / "number.yaml").exists()


def test_a_name_that_is_none_is_answered_with_one(shell: Shell) -> None:
    done = shell.feeds("new", "Acme RV/Till Orders", "--uses", "shop/sales")
    assert done.code == 2
    assert "did you mean acme-rv/till-orders?" in done.talk


def test_a_broken_dealer_file_is_left_alone(shell: Shell) -> None:
    path = shell.write("feeds/dealers/acme.yaml", "feeds: [\n")
    done = shell.feeds("new", "acme/second", "--uses", "shop/sales")
    assert done.code == 1
    assert "has errors, and nothing was written" in done.talk
    assert path.read_text(encoding="utf-8") == "feeds: [\n"


def test_a_secret_is_given_by_its_name_and_never_echoed(shell: Shell) -> None:
    definition = (shell.home / "feeds/vendors/shop/sales.yaml").read_text(encoding="utf-8")
    params = "params: {apiToken: {type: secret, required: true}}\ntags: ['x']\n"
    shell.write("feeds/vendors/shop/locked.yaml", definition.replace("transport:", f"{params}transport:"))
    refused = shell.feeds("new", "acme/locked", "--uses", "shop/locked", "--param", "apiToken=canary-value")
    assert refused.code == 1
    assert "${secret.NAME}" in refused.talk
    assert "canary-value" not in refused.talk + refused.out
    done = shell.feeds("new", "acme/locked", "--uses", "shop/locked", "--format", "json")
    assert ("secret", "ACME_API_TOKEN") in {(each["kind"], each["name"]) for each in done.json()["outstanding"]}
    text = (shell.home / "feeds" / "dealers" / "acme.yaml").read_text(encoding="utf-8")
    assert "apiToken: ${secret.ACME_API_TOKEN}" in text or "apiToken: '${secret.ACME_API_TOKEN}'" in text
