"""What an operator sees when the far side does not let us claim, read or remove, or changes a file under our hands."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bad_input.site import Site, sale, table
from tests.conftest import Canary
from tests.servers.ftp import FtpServer
from tests.servers.ftp import Session as FtpSession
from tests.transports.lying_sftp import Lie, LyingServer, LyingSession

FIRST, SECOND = table(sale("1")), table(sale("2"))


@pytest.fixture
def site(tmp_path: Path, canary: Canary) -> Site:
    made = Site(tmp_path)
    made.secret("PASSWORD", canary.value)
    return made


@pytest.fixture
def server(site: Site) -> Iterator[LyingServer]:
    with LyingServer(site.far, password=Canary.value) as made:
        yield made


def claims(site: Site) -> list[str]:
    return [name for name in site.files() if name.startswith(".feeds-claim-")]


# --- a server that refuses --------------------------------------------------------------------


def test_a_refused_delete_keeps_the_rows_and_is_tried_again_until_it_is_allowed(
    site: Site, server: LyingServer
) -> None:
    site.feed(transport=site.sftp(server, deleteFromServer=True))
    site.drop("a.csv", FIRST)
    server.lie = Lie(refused_removals=2)
    first = site.run()
    assert (first.code, first.states, first.counts) == (0, {"a.csv": "stored"}, {"read": 1, "inserted": 1})
    message = first.message("dispose.refused")
    assert "its rows are stored" in message and "read-only" in message
    assert FIRST in site.archived()

    site.drop("b.csv", SECOND)
    second = site.run()
    assert (second.states, second.counts) == ({"b.csv": "done"}, {"read": 1, "inserted": 1}), "no hindrance to others"
    assert second.codes == ["dispose.refused"]
    assert site.sales() == ["1", "2"]

    third = site.run()
    assert (third.code, third.codes, third.counts, site.files()) == (0, [], {}, {})
    states = [row.state for row in site.shell.rows("SELECT state FROM deliveries ORDER BY id")]
    assert (states, site.run().codes) == (["done", "done"], [])


def test_a_refused_delete_is_shown_by_the_status_of_the_feed(site: Site, server: LyingServer) -> None:
    name = site.feed(transport=site.sftp(server, deleteFromServer=True))
    site.drop("a.csv", FIRST)
    server.lie = Lie(refused_removals=100)
    site.run()
    (delivery,) = site.command("state", "show", name, "--format", "json").json()["deliveries"]
    assert (delivery["name"], delivery["state"]) == ("a.csv", "stored")


def test_a_delete_that_the_server_only_claims_to_have_done_is_no_second_import(site: Site, server: LyingServer) -> None:
    site.feed(transport=site.sftp(server, deleteFromServer=True))
    site.drop("a.csv", FIRST)
    server.lie = Lie(keeps_removed=True)
    assert "still has it" in site.run().message("dispose.refused")
    assert site.run().counts == {}
    server.lie = Lie()
    assert (site.run().code, site.files(), site.sales()) == (0, {}, ["1"])


def test_an_ftp_server_that_lets_us_read_only_keeps_its_files_and_we_their_rows(site: Site) -> None:
    with FtpServer(site.far, password=Canary.value, permissions="elr") as server:
        site.feed(transport=site.ftp(server, deleteFromServer=True))
        site.drop("a.csv", FIRST)
        seen = site.run()
        assert (seen.code, seen.states, seen.codes) == (0, {"a.csv": "stored"}, ["dispose.refused"])
        again = site.run()
        assert (again.counts, again.codes) == ({}, ["dispose.refused"])
        assert (site.files(), site.sales()) == ({"a.csv": FIRST}, ["1"])


def test_without_renames_a_file_is_looked_at_again_before_it_is_deleted(site: Site, server: LyingServer) -> None:
    site.feed(transport=site.sftp(server, deleteFromServer=True))
    site.drop("a.csv", FIRST)
    server.lie = Lie(refuses_renames=True)
    seen = site.run()
    assert (seen.code, seen.states, seen.codes) == (0, {"a.csv": "done"}, [])
    assert (site.files(), site.sales()) == ({}, ["1"])


@pytest.mark.parametrize("lie", [Lie(refuses_renames=True), Lie(denies_renames=True)], ids=["refused", "denied"])
def test_a_refused_file_keeps_its_name_whatever_the_server_says_of_renames(
    site: Site, server: LyingServer, lie: Lie
) -> None:
    site.feed(transport=site.sftp(server, deleteFromServer=True))
    site.drop("a.csv", b"")
    server.lie = lie
    assert site.run().states == {"a.csv": "refused"}
    assert site.files() == {"a.csv": b""}


def test_a_file_that_we_may_not_read_is_told_and_hinders_no_other(site: Site, server: LyingServer) -> None:
    site.feed(transport=site.sftp(server, deleteFromServer=True))
    site.drop("a.csv", FIRST)
    site.drop("b.csv", SECOND)
    server.lie = Lie(unreadable="a.csv")
    seen = site.run()
    assert (seen.code, seen.outcome, seen.codes) == (3, "partial", ["file.unreadable"])
    assert "does not open" in seen.message("file.unreadable")
    assert (site.sales(), site.files()) == (["2"], {"a.csv": FIRST})
    server.lie = Lie()
    assert (site.run().code, site.sales(), site.files()) == (0, ["1", "2"], {})


def test_a_download_that_is_cut_is_never_imported(site: Site, server: LyingServer) -> None:
    site.feed(transport=site.sftp(server, deleteFromServer=True))
    site.drop("a.csv", table(*(sale(str(number)) for number in range(500))))
    server.lie = Lie(early_eof_at=20_000)
    seen = site.run()
    assert (seen.code, seen.outcome, seen.codes) == (3, "partial", ["transfer.cut"])
    assert "20000 came" in seen.message("transfer.cut")
    assert (site.sales(), list((site.home / "ours/state").rglob("*.part"))) == ([], [])
    server.lie = Lie()
    assert (site.run().code, len(site.sales()), site.files()) == (0, 500, {})


def test_a_listing_that_breaks_off_is_no_short_listing(site: Site, server: LyingServer) -> None:
    site.feed(transport=site.sftp(server))
    site.drop("a.csv", FIRST)
    site.drop("b.csv", SECOND)
    server.lie = Lie(listing_cut_after=1)
    seen = site.run()
    assert (seen.code, seen.codes, site.sales()) == (4, ["transport.unreachable"], [])
    assert "broke off" in seen.text


@pytest.mark.parametrize("name", [b"../../evil.csv", b"..", b"/etc/passwd.csv", b"a\0b.csv", b"x/../y.csv"])
def test_a_name_that_leads_out_of_the_directory_is_never_opened(site: Site, server: LyingServer, name: bytes) -> None:
    site.feed(transport=site.sftp(server, filename="csv", regex=True, deleteFromServer=True))
    site.drop("b.csv", SECOND)
    server.lie = Lie(names=(name,))
    seen = site.run()
    assert (seen.code, seen.states, site.sales()) == (0, {"b.csv": "done"}, ["2"])
    assert server.requests["open"] == 1
    assert not list(site.home.rglob("*evil*"))


# --- a sender that writes under our hands -----------------------------------------------------


class Replaced(LyingSession):
    """The sender puts the next file under the name of the one that we have just read."""

    def close(self, file_obj: Any) -> Any:
        result = super().close(file_obj)
        if self.server.following:
            self.server.opened.with_name("a.csv").write_bytes(self.server.following)
            self.server.following = b""
        return result


class ReplacingServer(LyingServer):
    following = SECOND

    def __init__(self, root: Path, **options: Any) -> None:
        super().__init__(root, **options)
        self._session = type("Replacing", (Replaced,), {"server": self})


class FtpReplaced(FtpSession):
    def on_file_sent(self, file: str) -> None:
        if Path(file).name.endswith("a.csv") and Path(file).read_bytes() == FIRST:
            Path(file).with_name("a.csv").write_bytes(SECOND + b"\n")


@pytest.mark.parametrize("claimed", [True, False])
def test_a_file_that_is_replaced_between_reading_and_deleting_survives_and_is_imported(
    site: Site, claimed: bool
) -> None:
    with ReplacingServer(site.far, password=Canary.value) as server:
        server.lie = Lie(refuses_renames=not claimed)
        site.feed(transport=site.sftp(server, deleteFromServer=True))
        site.drop("a.csv", FIRST, modified=1_700_000_000)
        first = site.run()
        assert (first.code, first.codes) == (0, [] if claimed else ["file.replaced"])
        assert site.files() == {"a.csv": SECOND}, "the next file is there, and nothing else"
        assert (site.run().code, site.files(), site.sales()) == (0, {}, ["1", "2"])


def test_at_an_ftp_server_a_replaced_file_survives_and_is_imported(site: Site) -> None:
    with FtpServer(site.far, FtpReplaced, password=Canary.value) as server:
        site.feed(transport=site.ftp(server, deleteFromServer=True))
        site.drop("a.csv", FIRST, modified=1_700_000_000)
        assert site.run().code == 0
        assert site.files() == {"a.csv": SECOND + b"\n"}
        assert (site.run().code, site.files(), site.sales()) == (0, {}, ["1", "2"])


def test_a_refused_file_whose_name_was_taken_meanwhile_is_lost_on_neither_side(site: Site) -> None:
    """The refused one cannot have its name back: it stays under the claim, and that is told."""
    with ReplacingServer(site.far, password=Canary.value) as server:
        site.feed(transport=site.sftp(server, deleteFromServer=True))
        site.drop("a.csv", b"no,header,of,ours\n")
        seen = site.run()
        assert (seen.code, seen.states) == (1, {"a.csv": "refused"})
        assert "its own name is taken" in seen.message("claim.kept")
        (claim,) = claims(site)
        assert claim in seen.message("claim.kept")
        assert site.files() == {"a.csv": SECOND, claim: b"no,header,of,ours\n"}
        again = site.run()
        assert (again.code, site.sales()) == (0, ["2"])
        third = site.run()
        assert (third.code, third.states) == (0, {})
        assert site.files() == {"a.csv": b"no,header,of,ours\n"}, "the name is free again, and it has it back"


def test_the_same_name_every_day_just_works(site: Site) -> None:
    site.feed(transport={"deleteFromServer": True})
    for day in range(5):
        site.put("leads.csv", sale(str(day)))
        assert (site.run().code, site.files()) == (0, {})
    assert site.sales() == [str(day) for day in range(5)]


def test_the_same_content_under_a_new_name_changes_nothing_and_is_told(site: Site) -> None:
    site.feed(transport={"deleteFromServer": True})
    site.drop("a.csv", FIRST)
    site.run()
    site.drop("again.csv", FIRST)
    seen = site.run()
    assert (seen.code, seen.outcome, seen.counts) == (0, "ok", {"read": 1, "unchanged": 1})
    assert "the same content as a.csv, delivery 1" in seen.message("file.sameContent")
    assert site.files() == {}


# --- files that two feeds want ----------------------------------------------------------------


@pytest.fixture
def shared(site: Site) -> Callable[..., Site]:
    """Two feeds of one file; `second` says how the second of them is."""

    def made(**second: Any) -> Site:
        transport = {"shared": True, "deleteFromServer": True}
        for name, more in (("first", {}), ("second", second)):
            activities = [{"type": "sale", "key": [["number"]], "occurred": "sold", "state": "recorded"}]
            site.feed(name, transport=transport, namespace=name, activities=activities, **more)
        site.drop("a.csv", FIRST)
        return site

    return made


def test_a_shared_file_is_removed_when_both_feeds_have_stored_it(shared: Callable[..., Site]) -> None:
    site = shared()
    first = site.run("acme/first")
    assert (first.code, first.states, list(site.files())) == (0, {"a.csv": "stored"}, ["a.csv"])
    assert site.run("acme/first").counts == {}
    second = site.run("acme/second")
    assert (second.code, second.states, site.files()) == (0, {"a.csv": "done"}, {})
    assert site.run().codes == []
    states = [row.state for row in site.shell.rows("SELECT state FROM deliveries ORDER BY id")]
    assert (states, site.sales()) == (["done", "done"], ["1", "1"])


def test_a_shared_file_is_stored_by_both_feeds_of_one_run(shared: Callable[..., Site]) -> None:
    site = shared()
    assert (site.run().code, site.files(), site.sales()) == (0, {}, ["1", "1"])


def test_a_feed_that_an_operator_has_paused_holds_a_shared_file(shared: Callable[..., Site]) -> None:
    site = shared()
    assert site.command("pause", "acme/second", "--reason", "DMS move").code == 0
    assert site.run().outcomes == {"first": "ok", "second": "paused"}
    assert list(site.files()) == ["a.csv"]
    assert site.command("resume", "acme/second").code == 0
    assert (site.run().code, site.files(), site.sales()) == (0, {}, ["1", "1"])


def test_a_feed_that_its_definition_disables_does_not_hold_a_shared_file(shared: Callable[..., Site]) -> None:
    site = shared(enabled=False)
    assert site.run().outcomes == {"first": "ok", "second": "paused"}
    assert (site.files(), site.sales()) == ({}, ["1"])


def test_a_shared_file_that_neither_feed_could_use_stays(shared: Callable[..., Site]) -> None:
    site = shared()
    site.drop("a.csv", b"")
    assert site.run().code == 1
    assert site.files() == {"a.csv": b""}


def test_a_shared_file_that_one_feed_could_not_use_is_removed_for_the_other(shared: Callable[..., Site]) -> None:
    site = shared(guards={"minRows": 2})
    seen = site.run()
    assert (seen.code, seen.outcomes) == (1, {"first": "ok", "second": "refused"})
    again = site.run()
    assert (again.code, again.counts, site.files(), site.sales()) == (0, {}, {}, ["1"])
