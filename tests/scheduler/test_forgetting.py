"""Feeds that find nothing, hour after hour, leave no heap of rows; what anything points at stays."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.cli import projects
from engine.cli.settings import Settings
from engine.language.secrets import Secrets
from engine.model import Feed, Tally
from engine.runner import run_feeds, sweep
from engine.store import forgetting, leases
from engine.store.journal import DONE, PAGE
from engine.world import World, open_world, stamp
from tests.cli.shell import DEALER, DEFINITION, Shell
from tests.scheduler.conftest import Clock

ROW = {"Customer": "C1", "First": "Robin", "Last": "Vale", "Email": "", "Phone": ""}
SALE = ROW | {"Number": "N1", "Date": "2022-01-28", "Amount": "12.50"}
RUNS = 4  # of a feed, a day


@pytest.fixture
def feeds(shell: Shell) -> list[Feed]:
    return two_of(shell)


def two_of(both: Shell) -> list[Feed]:
    both.write("feeds/vendors/shop/desk.yaml", DEFINITION.replace("INCOMING", str(both.home / "in")))
    both.write("feeds/dealers/acme.yaml", DEALER + "  - uses: shop/desk\n")
    home = Path(both.environment["FEEDS_DIR"])
    found = projects.project(Settings(home, both.database, both.home / "state", None, None, True)).feeds
    return [replace(feed, transport={**feed.transport, "deleteFromServer": False}) for feed in found.values()]


@pytest.fixture
def clock() -> Clock:
    return Clock()


def world_of(site: Shell, clock: Clock) -> World:
    return open_world(site.database, site.home / "state", Secrets({}, None), clock)


def a_day(world: World, feeds: list[Feed], clock: Clock) -> None:
    """Each feed runs every six hours, by itself, as a scheduler runs it."""
    for _ in range(RUNS):
        for feed in feeds:
            lease = leases.take(world.engine, feed.id, world.owner)
            run_feeds([feed], world, lease=lease)
            leases.release(world.engine, lease)
        clock.sleep(86_400 / RUNS)


def count(site: Shell, table: str) -> int:
    return int(site.rows(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608  (names of this file)


def test_rows_of_empty_runs_do_not_pile_up(shell: Shell, feeds: list[Feed], clock: Clock) -> None:
    shell.put("sales.csv", SALE)
    world = world_of(shell, clock)
    before, after = [], []
    for _ in range(6):
        a_day(world, feeds, clock)
        before.append(count(shell, "runs"))
        sweep(world)
        after.append(count(shell, "runs"))
    world.engine.dispose()
    daily = RUNS * len(feeds)
    print(f"runs a day: {daily} for {len(feeds)} feeds; kept after {len(after)} days: {after[-1]}")
    assert before[0] == daily
    # Three days and the run that brought the file to each feed, however long this goes on.
    assert after[-1] == after[-2] == after[-3] <= daily * forgetting.EMPTY_RUNS.days + 2 * len(feeds)
    assert count(shell, "deliveries") == len(feeds)
    delivered = shell.rows("SELECT d.run_id, r.id FROM deliveries d LEFT JOIN runs r ON r.id = d.run_id")
    assert all(run == found for run, found in delivered)


def test_the_newest_run_of_a_feed_and_what_goes_wrong_stay_until_their_time_is_over(
    shell: Shell, feeds: list[Feed], clock: Clock
) -> None:
    world, feed = world_of(shell, clock), feeds[0]
    lost = replace(feed, transport={**feed.transport, "directory": "/nowhere/at/all"})
    run_feeds([feed], world)
    run_feeds([lost], world)
    failed = shell.rows("SELECT id FROM runs WHERE outcome = 'failed'")
    clock.sleep(4 * 86_400)
    run_feeds([feed], world)
    last = shell.rows("SELECT run_id FROM last_runs")
    clock.sleep(30 * 86_400)
    sweep(world)
    assert shell.rows("SELECT id FROM runs ORDER BY id") == [*failed, *last]
    clock.sleep(60 * 86_400)
    sweep(world)
    assert shell.rows("SELECT id FROM runs") == last
    assert count(shell, "issues") == 0
    assert shell.feeds("status").code == 0
    world.engine.dispose()


def test_details_of_old_runs_go_and_their_counts_stay(both: Shell, clock: Clock) -> None:
    world = world_of(both, clock)
    both.put("sales.csv", SALE, SALE | {"Number": ""})
    run_feeds(two_of(both)[:1], world)
    clock.sleep(forgetting.DETAILS.total_seconds() + 60)
    sweep(world)
    shown = both.feeds("runs", "show", "1", "--format", "json").json()
    (part,) = shown["feeds"]
    assert (part["read"], part["inserted"], part["issues"], part["deliveries"]) == (2, 1, [], [])
    assert [each["read"] for each in shown["deliveries"]] == [2]
    assert [each["read"] for each in both.feeds("runs", "list", "--format", "jsonl").lines()] == [2]
    world.engine.dispose()


def test_pages_without_a_record_go_with_their_runs(both: Shell, clock: Clock) -> None:
    world, feeds = world_of(both, clock), two_of(both)
    mine = world.journal.register(feeds[0])
    for read in (0, 0, 3, 0):
        clock.sleep(60)
        run, now = world.journal.begin_run(stamp(clock.now())), stamp(clock.now())
        entry = world.journal.open(now, feed_id=mine.id, run_id=run, kind=PAGE, source="api", name="p", state=DONE)
        world.journal.mark(entry.id, now, counts=Tally(read=read, inserted=read), state=DONE)
        part = {"feed": feeds[0].id, "outcome": "ok" if read else "empty", "read": read, "seconds": 1, "issues": []}
        world.journal.finish_run(run, now, part["outcome"], {"feeds": [part]}, [])
    clock.sleep(forgetting.EMPTY_PAGES.total_seconds() + 60)
    assert forgetting.forget(world.engine, clock.now()) == {"pages": 2, "runs": 2}
    assert count(both, "deliveries") == 2
    assert both.rows("SELECT read, runs FROM totals") == [(3, 4)]
    world.engine.dispose()
