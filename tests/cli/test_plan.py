"""`feeds plan` and `feeds run --plan`: told before anything is stored; then exactly that, or a refusal with why."""

import asyncio
import json
import os
import re
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.language.project import load
from engine.language.secrets import Secrets
from engine.planning import plan_feed
from engine.world import SystemClock, open_world
from tests.cli.shell import FEED, Done, Shell, sale
from tests.servers.sftp import USERNAME, Session, SftpServer

TABLES = ("deliveries", "runs", "contacts", "contact_keys", "vehicles", "activities", "activity_changes", "quarantine")
DEFINITION = "feeds/vendors/shop/sales.yaml"


def planned(shell: Shell, *more: str) -> dict[str, Any]:
    done = shell.feeds("plan", FEED, "--format", "json", *more)
    assert done.out, done.talk
    return dict(done.json())


def stored(shell: Shell) -> dict[str, list[Any]]:
    """Everything that a run may write, as it is."""
    with shell.store() as connection:
        return {
            name: list(connection.exec_driver_sql(f"SELECT * FROM {name} ORDER BY 1"))  # noqa: S608
            for name in TABLES
        }


def left(shell: Shell) -> set[str]:
    """All files of the state directory but the plans."""
    files = (path for path in (shell.home / "state").rglob("*") if path.is_file())
    return {str(path.relative_to(shell.home / "state")) for path in files if path.parent.name != "plans"}


def carried_out(shell: Shell, plan: str) -> Done:
    return shell.feeds("run", "--plan", plan, "--format", "json")


def codes(done: Done) -> list[str]:
    return sorted(issue["code"] for issue in done.json()["feeds"][0]["issues"])


# --- what a run would do ----------------------------------------------------------------------


def test_a_plan_counts_what_would_be_new_changed_and_kept_back(both: Shell) -> None:
    both.imported(sale("1"), sale("2"), name="a.csv")
    before = stored(both)
    changed = sale("2", Amount="99.00", Customer="C2", First="Robyn")
    both.put("b.csv", sale("1"), changed, sale("3"), sale("4", Date="soon"))
    (file,) = planned(both)["files"]
    assert {name: file[name] for name in ("read", "inserted", "updated", "unchanged", "filtered", "quarantined")} == {
        "read": 4,
        "inserted": 1,
        "updated": 1,
        "unchanged": 1,
        "filtered": 0,
        "quarantined": 1,
    }
    assert file["contacts"] == {"created": 1, "matched": 1, "updated": 1, "review": 1}
    assert file["activities"] == {"inserted": 1, "updated": 1, "unchanged": 1, "held": 0}
    assert file["quarantine"] == {"date.unreadable": 1}
    (change,) = file["changes"]
    assert change == {"type": "sale", "key": "2", "line": 3, "changes": {"amount": ["1284.55", "99.00"]}}
    assert file["file"] == {"action": "leave", "folder": None}
    assert stored(both) == before
    assert len(left(both)) == 1, "the sealed copy of the first file, and nothing of the second"


def test_the_files_of_a_plan_see_what_those_before_them_would_bring(both: Shell) -> None:
    both.put("a.csv", sale("1"))
    both.put("b.csv", sale("1", Amount="2.00"), sale("2", Customer="C1"))
    plan = planned(both)
    first, second = plan["files"]
    assert (first["inserted"], first["contacts"]["created"]) == (1, 1)
    assert (second["inserted"], second["updated"], second["contacts"]["created"]) == (1, 1, 0)
    assert second["changes"][0]["changes"] == {"amount": ["1284.55", "2.00"]}
    assert (plan["inserted"], plan["contacts"]["created"]) == (2, 1)


def test_vehicles_are_counted_and_a_new_owner_has_no_number_yet(both: Shell) -> None:
    both.edit(DEFINITION, "  note:", "  vin:        {column: Vin, type: vin, optional: true}\n  note:")
    both.edit(DEFINITION, "activities: [", "vehicle: {}\nactivities: [")
    both.imported(sale("1") | {"Vin": "1HGCM82633A004352"}, name="a.csv")
    both.put(
        "b.csv", sale("1", Customer="C9", First="Kim", Last="Ode", Email="", Phone="") | {"Vin": "1M8GDM9AXKP042788"}
    )
    (file,) = planned(both)["files"]
    assert file["vehicles"] == {"created": 1}
    (change,) = file["changes"]
    assert change["changes"] == {"contact": [1, "new"], "vehicle": [1, "new"]}


def test_the_text_says_it_in_lines_that_fit(shell: Shell) -> None:
    shell.imported(sale("1"), name="a.csv")
    shell.put("b.csv", sale("1", Amount="2.00"), sale("2"), sale("3", Date="soon"))
    done = shell.feeds("plan", FEED, "--quiet")
    assert done.code == 3
    lines = done.out.splitlines()
    assert "  read 3 = inserted 1 + updated 1 + unchanged 0 + filtered 0 + quarantined 1" in lines
    assert "  activities  +1 new   ~1 changed   =0 unchanged" in lines
    assert lines[lines.index("    ~ sale 1 (line 2)") + 1] == "        amount: 1284.55 -> 2.00"
    assert "  quarantine  date.unreadable 1" in lines
    assert "  file        stays where it is" in lines
    assert re.search(r"plan [0-9a-f]{10} saved: feeds run --plan", done.out)
    assert max(map(len, lines)) <= 80
    assert done.talk == ""


@pytest.mark.parametrize(
    ("transport", "action"),
    [
        ("deleteFromServer: true", {"action": "remove", "folder": None}),
        ("moveTo: done", {"action": "move", "folder": "done"}),
        ("deleteFromServer: true, shared: true", {"action": "removeWhenAllHaveIt", "folder": None}),
    ],
)
def test_it_says_what_becomes_of_the_file(shell: Shell, transport: str, action: dict[str, Any]) -> None:
    shell.edit(DEFINITION, "settle: 0s", f"settle: 0s, {transport}")
    path = shell.put("a.csv", sale("1"))
    assert planned(shell)["files"][0]["file"] == action
    assert path.exists()


REFUSED = {
    "not ours": ("ours: {columns: [Till]}", sale("1"), "notMine", "file.notOurs"),
    "too large": ("maxBytes: 10B", sale("1"), "refused", "file.tooLarge"),
    "a missing column": ("order: name", {"Number": "1"}, "refused", "column.missing"),
}


@pytest.mark.parametrize(("transport", "row", "state", "code"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_would_be_kept_out_is_told_as_a_run_tells_it(
    shell: Shell, transport: str, row: dict[str, str], state: str, code: str
) -> None:
    shell.edit(DEFINITION, "settle: 0s", f"settle: 0s, {transport}")
    shell.put("a.csv", row)
    dry = shell.feeds("run", "--all", "--dry-run", "--format", "json").json()["feeds"][0]
    plan = planned(shell)
    run = shell.feeds("run", "--all", "--format", "json").json()["feeds"][0]
    for found in (dry["deliveries"][0], plan["files"][0], run["deliveries"][0]):
        assert (found["name"], found["state"]) == ("a.csv", state)
    for found in (dry, plan, run):
        assert [issue["code"] for issue in found["issues"]] == [code]
    assert dry["outcome"] == plan["outcome"] == run["outcome"]


def test_what_an_earlier_run_left_is_said_to_come_first(shell: Shell) -> None:
    shell.imported(sale("1"), name="a.csv")
    with shell.store() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET state = 'sealed'")
    shell.put("b.csv", sale("2"))
    plan = planned(shell)
    assert [issue["code"] for issue in plan["issues"]] == ["delivery.unfinished"]
    refused = carried_out(shell, plan["plan"])
    assert refused.code == 1
    assert "plan.unfinished" in codes(refused)


def test_where_nothing_waits_there_is_no_plan(shell: Shell) -> None:
    done = shell.feeds("plan", FEED, "--quiet")
    assert (done.code, done.out) == (0, "nothing waits: a run would do nothing\n")
    assert planned(shell)["plan"] is None
    assert not (shell.home / "state/plans").exists()


def test_a_feed_that_is_disabled_or_held_by_another_has_no_plan(shell: Shell) -> None:
    shell.put("a.csv", sale("1"))
    planned(shell)
    with shell.store() as connection:
        statement = "UPDATE leases SET host = 'elsewhere', pid = 1, process_started = '1', expires_at = '9999'"
        connection.exec_driver_sql(statement)
    done = shell.feeds("plan", FEED, "--format", "json")
    assert (done.code, done.json()["plan"]) == (6, None)
    shell.edit("feeds/dealers/acme.yaml", "  - uses: shop/sales", "  - uses: shop/sales\n    enabled: false")
    assert planned(shell)["outcome"] == "paused"


def test_the_saved_plan_is_ours_alone_and_names_nobody(shell: Shell) -> None:
    shell.imported(sale("1"), name="a.csv")
    shell.put("b.csv", sale("1", City="Oldtown", Note="n"), sale("2", Date="x"))
    out = shell.home / "kept.json"
    for plan in (planned(shell), planned(shell, "--out", str(out))):
        path = Path(plan["saved"])
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        text = path.read_text(encoding="utf-8").lower()
        assert not [word for word in ("robin", "vale", "555", "bangor", "oldtown") if word in text]
        assert json.loads(text)["files"][0]["sha256"] == plan["files"][0]["sha256"]
    assert path == out


class Striding(SystemClock):
    """A clock that makes half a minute of every look at it."""

    looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return self.looks * 31.0


def test_a_plan_that_keeps_others_waiting_begins_again_and_says_from_where(shell: Shell) -> None:
    for name, number in (("a.csv", "1"), ("b.csv", "2")):
        shell.put(name, sale(number, Customer="C1"))
    feed = load(shell.home / "feeds").feeds[FEED]
    world = open_world(shell.database, shell.home / "state", Secrets({}, None), Striding())
    report, plan = plan_feed(feed, world)
    world.engine.dispose()
    issues = [issue for issue in report.feeds[0].issues if issue.code == "trial.apart"]
    assert [issue.message.partition(" on,")[0] for issue in issues] == ["from b.csv"]
    assert [each.tally.contacts_created for each in report.feeds[0].deliveries] == [1, 1]
    assert plan is not None


# --- a plan carried out -----------------------------------------------------------------------


def test_a_run_does_exactly_what_was_planned(both: Shell) -> None:
    both.imported(sale("1"), name="a.csv")
    both.put("b.csv", sale("1", Amount="2.00"), sale("2"))
    both.put("c.csv", sale("2", Amount="3.00"), sale("3", Date="x"))
    plan = planned(both)
    both.put("d.csv", sale("4"))
    done = carried_out(both, plan["plan"])
    assert done.code == 3
    feed = done.json()["feeds"][0]
    assert [each["name"] for each in feed["deliveries"]] == ["b.csv", "c.csv"], "what came later is for another run"
    for name in ("read", "inserted", "updated", "unchanged", "quarantined", "contacts"):
        assert [each[name] for each in feed["deliveries"]] == [each[name] for each in plan["files"]]
    assert "plan.countsDiffer" not in codes(done)
    assert both.feeds("run", "--all", "--format", "json").json()["feeds"][0]["inserted"] == 1


def test_a_plan_is_found_by_its_file_as_well(shell: Shell) -> None:
    shell.put("a.csv", sale("1"))
    out = shell.home / "plan.json"
    planned(shell, "--out", str(out))
    assert not (shell.home / "state/plans").exists()
    assert carried_out(shell, str(out)).code == 0


def again(shell: Shell) -> None:
    shell.imported(sale("9"), name="other.csv")


def repaired(shell: Shell) -> None:
    shell.feeds("quarantine", "fix", "1", "--set", "Date=2024-05-03", "--note", "asked")


def edited(old: str, new: str) -> Callable[[Shell], None]:
    return lambda shell: shell.edit(DEFINITION, old, new)


def touched(shell: Shell) -> None:
    os.utime(shell.home / "in/b.csv", (1, 1))


CHANGES: dict[str, tuple[Callable[[Shell], Any], list[str], str]] = {
    "the file is gone": (lambda s: (s.home / "in/b.csv").unlink(), ["plan.fileGone"], "b.csv: it is no longer there"),
    "another content": (
        lambda s: s.put("b.csv", sale("5"), sale("6")),
        ["plan.fileReplaced"],
        "b.csv: it was replaced",
    ),
    "another time": (touched, ["plan.fileReplaced"], "its time is another"),
    "another mapping": (edited("type: money}", "type: decimal}"), ["plan.definitionChanged"], "how records are mapped"),
    "another guard": (edited("fields:\n", "guards: {minRows: 1}\nfields:\n"), ["plan.definitionChanged"], "its guards"),
    "another disposal": (edited("settle: 0s", "settle: 0s, moveTo: done"), ["plan.definitionChanged"], "its transport"),
    "another delivery": (again, ["plan.fileTaken", "plan.storeChanged"], "delivery 3 was stored since"),
    "a row was repaired": (repaired, ["plan.storeChanged"], "rows in quarantine have been corrected since"),
}


@pytest.mark.parametrize(("change", "wanted", "told"), CHANGES.values(), ids=CHANGES)
def test_a_plan_that_no_longer_holds_is_refused_and_nothing_is_taken(
    shell: Shell, change: Callable[[Shell], Any], wanted: list[str], told: str
) -> None:
    shell.imported(sale("1"), sale("2", Date="x"), name="a.csv")
    shell.put("b.csv", sale("5"))
    plan = planned(shell)["plan"]
    change(shell)
    before = stored(shell)
    done = carried_out(shell, plan)
    assert (done.code, done.json()["outcome"]) == (1, "refused")
    assert codes(done) == wanted
    issues = done.json()["feeds"][0]["issues"]
    assert any(told in f"{issue['delivery']}: {issue['message']}" for issue in issues)
    assert all(issue["message"].endswith("make a new plan with `feeds plan`") for issue in issues)
    assert {**stored(shell), "runs": None} == {**before, "runs": None}


def test_a_dealers_other_feed_that_stored_something_makes_the_plan_outdated(shell: Shell) -> None:
    more = "  - {uses: shop/sales, name: north, override: {transport: {directory: 'NORTH'}}}\n"
    more = more.replace("NORTH", str(shell.home / "north"))
    shell.edit("feeds/dealers/acme.yaml", "  - uses: shop/sales\n", f"  - uses: shop/sales\n{more}")
    shell.put("b.csv", sale("5"))
    plan = planned(shell)["plan"]
    shell.write("north/n.csv", ",".join(sale("7")) + "\n" + ",".join(sale("7").values()) + "\n")
    assert shell.feeds("run", "acme/north").code == 0
    assert codes(carried_out(shell, plan)) == ["plan.storeChanged"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "this is no plan that `feeds plan` has saved"),
        ("[]", "this is no plan that `feeds plan` has saved"),
        ('{"version": 2}', "expected a plan of version 1"),
        ("edited", "this plan has been edited since it was saved"),
    ],
)
def test_what_is_no_plan_is_refused_in_words(shell: Shell, content: str, message: str) -> None:
    shell.put("a.csv", sale("1"))
    out = shell.home / "plan.json"
    planned(shell, "--out", str(out))
    text = out.read_text(encoding="utf-8")
    out.write_text(text.replace('"inserted": 1', '"inserted": 9') if content == "edited" else content, "utf-8")
    done = shell.feeds("run", "--plan", str(out))
    assert (done.code, done.out) == (1, "")
    assert message in done.talk


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("run", "--plan", "0123456789"), 1, "there is no plan '0123456789' in"),
        (("run", "--plan", "none.json"), 1, "there is no plan 'none.json'"),
        (("run", FEED, "--plan", "0123456789"), 2, "a plan says itself what is run"),
        (("run", "--dry-run", "--plan", "0123456789"), 2, "a plan says itself what is run"),
        (("plan", "acme/shop-sale"), 2, "did you mean acme/shop-sales?"),
    ],
)
def test_a_wrong_call_runs_nothing(shell: Shell, arguments: tuple[str, ...], code: int, message: str) -> None:
    shell.put("a.csv", sale("1"))
    done = shell.feeds(*arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.talk
    assert not (shell.home / "feeds.db").exists()


# --- over SFTP --------------------------------------------------------------------------------


class Swapping(Session):
    """A server on which the sender swaps a file for one of the same size and time, while it is claimed."""

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> Any:
        done = super().posix_rename(oldpath, newpath)
        self._swapped(newpath)
        return done

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        done = super().rename(oldpath, newpath)
        self._swapped(newpath)
        return done

    def _swapped(self, name: bytes) -> None:
        path = self.server.root / name.decode().lstrip("/")
        if b"b.csv" in name and b"claim" in name:
            about = path.stat()
            path.write_bytes(path.read_bytes().replace(b"1284.55", b"9999.99"))
            os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


def served(root: Path, session: type[Session] = Session) -> SftpServer:
    (root / "out").mkdir(parents=True)
    return SftpServer(root, session)


def moved_to(shell: Shell, server: SftpServer) -> None:
    """The feed's files lie on the server from now on, and are taken away once they are stored."""
    login = f"username: {USERNAME}, auth: {{type: password, password: '${{secret.PASSWORD}}'}}"
    place = f"host: 127.0.0.1, port: {server.port}, hostKey: '${{secret.KEY}}', directory: out"
    transport = f"transport: {{type: sftp, {place}, {login}, filename: '*.csv', settle: 0s, deleteFromServer: true}}"
    text = (shell.home / DEFINITION).read_text(encoding="utf-8")
    shell.write(DEFINITION, re.sub(r"^transport: .*$", transport, text, flags=re.M))
    shell.environment |= {"FEEDS_SECRET_PASSWORD": str(server.password), "FEEDS_SECRET_KEY": server.fingerprint}


@pytest.fixture
def far(tmp_path: Path, both: Shell) -> Iterator[SftpServer]:
    with served(tmp_path / "far") as server:
        moved_to(both, server)
        yield server


def sent(shell: Shell, server: SftpServer, name: str, *rows: dict[str, str]) -> Path:
    return shell.put("x.csv", *rows).rename(server.root / "out" / name)


def test_a_plan_over_sftp_touches_nothing_and_its_run_takes_the_files_away(both: Shell, far: SftpServer) -> None:
    sent(both, far, "a.csv", sale("1"))
    sent(both, far, "b.csv", sale("1", Amount="2.00"))
    plan = planned(both)
    assert [(each["name"], each["inserted"], each["updated"]) for each in plan["files"]] == [
        ("a.csv", 1, 0),
        ("b.csv", 0, 1),
    ]
    assert not far.requests["rename"] + far.requests["posix_rename"] + far.requests["remove"]
    assert {name: len(rows) for name, rows in stored(both).items()} == dict.fromkeys(TABLES, 0)
    assert left(both) == set()
    sent(both, far, "c.csv", sale("3"))
    assert carried_out(both, plan["plan"]).code == 0
    assert [path.name for path in (far.root / "out").iterdir()] == ["c.csv"]
    assert [row.key for row in both.rows("SELECT key FROM activities")] == ["1"]


def test_a_file_of_the_same_size_and_time_and_another_content_is_left_alone(shell: Shell, tmp_path: Path) -> None:
    with served(tmp_path / "far", Swapping) as server:
        moved_to(shell, server)
        for name, number in (("a.csv", "1"), ("b.csv", "2"), ("c.csv", "3")):
            sent(shell, server, name, sale(number))
        plan = planned(shell)["plan"]
        done = carried_out(shell, plan)
        assert done.code == 1
        assert set(codes(done)) == {"plan.fileReplaced"}
        assert sorted(path.name for path in (server.root / "out").iterdir()) == ["b.csv", "c.csv"]
        assert [row.key for row in shell.rows("SELECT key FROM activities ORDER BY key")] == ["1"]
        run = shell.feeds("run", "--all", "--format", "json").json()
        assert run["feeds"][0]["inserted"] == 2, "the next run takes what is there now"


def test_a_server_that_is_away_is_code_4(shell: Shell, tmp_path: Path) -> None:
    with served(tmp_path / "far") as server:
        moved_to(shell, server)
        sent(shell, server, "a.csv", sale("1"))
        plan = planned(shell)["plan"]
    assert carried_out(shell, plan).code == 4
    done = shell.feeds("plan", FEED, "--format", "json")
    assert (done.code, done.json()["plan"]) == (4, None)


# --- killed -----------------------------------------------------------------------------------


class Slow(Session):
    """A server that keeps whoever reads the second file waiting."""

    def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        if path.endswith(b"b.csv"):
            (self.server.root / "reached").touch()
        return super().open(path, pflags, attrs)

    async def read(self, file_obj: Any, offset: int, size: int) -> Any:  # type: ignore[override]
        while (self.server.root / "reached").exists():
            await asyncio.sleep(0.05)
        return super().read(file_obj, offset, size)


def test_a_plan_that_is_killed_leaves_nothing_behind(both: Shell, tmp_path: Path) -> None:
    with served(tmp_path / "far", Slow) as server:
        moved_to(both, server)
        sent(both, server, "a.csv", sale("1"))
        sent(both, server, "b.csv", sale("2"))
        process = both.started("plan", FEED)
        while not (server.root / "reached").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert {name: len(rows) for name, rows in stored(both).items()} == dict.fromkeys(TABLES, 0)
        assert any("aside-" in name for name in left(both)), "the copies it had fetched"
        (server.root / "reached").unlink()
        (server.root / "out/b.csv").unlink()
        assert both.feeds("plan", FEED).code == 0
        assert left(both) == set()
