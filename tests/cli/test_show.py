"""`feeds show --resolved`: every value with where it comes from, whoever wrote it."""

from pathlib import Path

import pytest
import yaml

from tests.cli.shell import FEED, Shell

VENDOR = "feeds/vendors/shop/sales.yaml"
DEALER = "feeds/dealers/acme.yaml"


@pytest.fixture
def shop(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Its place, its files and its title are parameters."""
    monkeypatch.chdir(shell.home)
    place = "directory: 'in/${params.place}', filename: '${params.files}', settle: 0s}"
    shell.edit(VENDOR, f"directory: {shell.home / 'in'}, filename: '*.csv', settle: 0s}}", place)
    params = "params:\n  place: {type: string, required: true}\n  files: {type: string, default: 'a-*.csv'}\n"
    shell.edit(VENDOR, "decode:", f"{params}decode:")
    shell.edit(DEALER, "shop/sales\n", "shop/sales\n    params:\n      place: north\n")
    return shell


def origins(shell: Shell, feed: str = FEED) -> dict[str, str]:
    return dict(shell.feeds("show", feed, "--resolved", "--format", "json").json()["origins"])


def line(shell: Shell, file: str, text: str) -> str:
    """`file:line` of the only line with this text."""
    lines = (shell.home / file).read_text(encoding="utf-8").splitlines()
    (number,) = (number for number, each in enumerate(lines, start=1) if text in each)
    return f"{file}:{number}"


def test_a_value_has_the_place_where_it_was_written(shop: Shell) -> None:
    found = origins(shop)
    assert found["title"] == line(shop, VENDOR, "title:")
    assert found["fields.amount.column"] == line(shop, VENDOR, "column: Amount")


def test_a_parameter_shows_the_dealers_line_alone_and_inside_a_text(shop: Shell) -> None:
    given = line(shop, DEALER, "place: north")
    assert origins(shop)["transport.directory"] == f"{line(shop, VENDOR, 'directory:')} (params.place from {given})"
    shop.edit(VENDOR, "'in/${params.place}'", "'${params.place}'")
    assert origins(shop)["transport.directory"] == given


def test_a_default_says_that_it_is_one(shop: Shell) -> None:
    found = origins(shop)
    declared = line(shop, VENDOR, "default: 'a-*.csv'")
    assert found["transport.filename"] == f"{declared} (default of params.files)"
    assert found["contact.onNone"] == found["fields.number.onError"] == found["decode.delimiter"] == "default"
    assert "fields.number.unit" not in found
    assert found["fields.email.onError"] == line(shop, VENDOR, "column: Email")


def test_what_a_default_is_said_to_be_is_legal_to_write(shop: Shell) -> None:
    """The whole definition as it is printed, written down, is the same feed again."""
    read = yaml.safe_load(shop.feeds("show", FEED, "--resolved").out)
    for name in ("dealer", "given"):
        del read[name]
    shop.write("feeds/vendors/shop/sales.yaml", yaml.safe_dump(read, sort_keys=False))
    assert shop.feeds("validate").code == 0, shop.feeds("validate").out


def test_an_override_and_a_base_keep_their_places(shop: Shell) -> None:
    shop.write("feeds/vendors/shop/based.yaml", "version: 1\nkind: feed\nbasedOn: shop/sales\ntitle: Based\n")
    shop.edit(DEALER, "uses: shop/sales", "uses: shop/based\n    override: {transport: {settle: 5s}}")
    found = origins(shop, "acme/shop-based")
    assert found["title"] == "feeds/vendors/shop/based.yaml:4"
    assert found["decode.format"] == line(shop, VENDOR, "decode:")
    assert found["transport.settle"] == line(shop, DEALER, "override:")
    out = shop.feeds("show", "acme/shop-based", "--resolved").out
    assert f"# feeds/vendors/shop/based.yaml, based on {VENDOR}" in out


def test_secrets_are_names_and_tests_are_left_out(shop: Shell) -> None:
    login = "username: '${secret.U}', auth: {type: password, password: '${secret.P}'}, hostKey: '${secret.K}'"
    shop.edit(VENDOR, "type: file,", f"type: sftp, host: sftp.example.com, {login},")
    path = shop.home / VENDOR
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}tests:\n  - {{name: x, given: {{}}, expect: {{}}}}\n", encoding="utf-8")
    shop.environment |= {f"FEEDS_SECRET_{name}": "canary-value" for name in "UPK"}
    done = shop.feeds("show", FEED, "--resolved")
    assert done.code == 0
    assert "canary" not in done.out
    read = yaml.safe_load(done.out)
    assert read["transport"]["auth"]["password"] == "${secret.P}"
    assert "tests" not in read


def test_the_shipped_feeds_can_be_shown(shell: Shell) -> None:
    shell.environment["FEEDS_DIR"] = str(Path(__file__).parents[2] / "feeds")
    for feed in ("acme-rv/ids-sales", "acme-rv/ids-service"):
        assert yaml.safe_load(shell.feeds("show", feed, "--resolved").out)["transport"]["directory"] == "acme/IDS/"


def test_what_a_dealer_goes_without_is_told(shop: Shell) -> None:
    """A part that it lacks something for is left out, which is no mistake: `validate` says nothing of it."""
    activity = "{type: sale, key: [[number]], occurred: date, state: recorded"
    shop.edit(VENDOR, f"[{activity}}}]", f"[{activity}}}, {activity}, requires: {{features: [crm]}}}}]")
    shop.edit(DEALER, "title: Acme\n", "title: Acme\nfeatures: [gold]\n")
    lacking = [{"stream": "", "activity": "sale", "lacks": ["the feature `crm`"]}]
    assert shop.feeds("validate").code == 0
    for options in ((), ("--resolved",)):
        assert "`sale` needs the feature `crm`" in shop.feeds("show", FEED, *options).out
        assert shop.feeds("show", FEED, *options, "--format", "json").json()["leftOut"] == lacking
    assert "only with the feature crm" in shop.feeds("describe", "shop/sales").out
    shop.edit(DEALER, "features: [gold]", "features: [crm]")
    assert "left out" not in shop.feeds("show", FEED).out + shop.feeds("show", FEED, "--resolved").out
    assert shop.feeds("show", FEED, "--format", "json").json()["leftOut"] == []
