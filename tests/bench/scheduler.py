"""What a tick of the scheduler costs over many feeds: `python -m tests.bench.scheduler [--dealers 1000] [--rounds 5]`.

Real definitions, a real store on SQLite, the loop's own parts; nothing is run, for a run is another affair.
Processor time of this process, in milliseconds, medians.
"""

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from engine.due import Last
from engine.executors.lanes import Lanes
from engine.intake import inbox
from engine.language.project import Loader
from engine.scheduler.agenda import Agenda
from engine.scheduler.following import Following
from engine.scheduler.waking import Waking
from engine.store import database, shape, slots
from engine.store.inbox import Entry
from engine.world import stamp
from tests.bench.definitions import FEEDS, dealer, project
from tests.bench.load import scratch

_WAITING = 100  # feeds for which a request waits
_BEGIN = datetime(2022, 6, 1, 12, tzinfo=UTC)


def spent(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1_000


def measure(home: Path, dealers: int, rounds: int) -> tuple[dict[str, list[float]], list[int]]:
    """What each part took, and how many feeds were due in the busy ticks."""
    feeds = home / "feeds"
    project(feeds, dealers)
    engine = database.connect(f"sqlite:///{home / 'feeds.db'}")
    shape.prepare(engine)
    loader, agenda, lanes = Loader(feeds), Agenda(), Lanes(16, 1)
    loader.load()
    following = Following(loader.load, lambda event, details: None)

    def look(now: datetime) -> None:
        if following.look():
            fresh = agenda.lacks(following.plans)
            if fresh:
                slots.met(engine, fresh, stamp(now))
            agenda.follow(following.plans, slots.known(engine) if fresh else {}, now)

    received = inbox.inbox(engine, home)
    waking = Waking(received, following)

    def asked(now: datetime) -> None:
        agenda.wake(waking.look(now.timestamp()) or {}, now)

    def tick(now: datetime) -> int:
        asked(now)
        found = agenda.due(now)
        for plan in found:
            lanes.add(plan)
        slots.paused(engine, stamp(now))
        while (plan := lanes.take()) is not None:
            lanes.leave(plan)
            agenda.ended(plan.feed, Last(now), now)
        return len(found)

    used: dict[str, list[float]] = {name: [] for name in ("start", "idle", "busy", "look", "changed")}
    used["start"].append(spent(lambda: look(_BEGIN)))
    due, now = [], _BEGIN
    for turn in range(rounds):
        used["look"].append(spent(lambda now=now: look(now)))
        now += timedelta(minutes=1)
        used["busy"].append(spent(lambda now=now: due.append(tick(now))))
        used["idle"].append(spent(lambda now=now: tick(now)))
        path = feeds / "dealers" / f"dealer-{turn:04}.yaml"
        path.write_text(dealer(turn).replace("Robin", f"Robin {turn}"), encoding="utf-8")
        used["changed"].append(spent(lambda now=now: look(now)))
    names = sorted(following.plans)[:_WAITING]
    many = enumerate(names)
    received.accept(
        [Entry(str(number), f"shop/{name}", (name,), stamp(now), stamp(now), b"{}") for number, name in many]
    )
    later = [now + timedelta(minutes=minute) for minute in range(1, rounds + 1)]
    used["asked"] = [spent(lambda at=at: asked(at)) for at in later]  # type: ignore[misc]
    engine.dispose()
    return used, due


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dealers", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)  # what `make bench` hands to all parts
    given = parser.parse_args()
    with scratch() as home:
        used, due = measure(home, given.dealers, given.rounds)
    titles = {
        "start": "plan all feeds, once",
        "idle": "a tick, nothing due",
        "busy": f"a tick, {median(due):.0f} feeds due",
        "asked": f"the inbox asked, {_WAITING} requests wait",
        "look": "a look, no file changed",
        "changed": "a look, one file changed",
    }
    sys.stdout.write(f"{given.dealers * FEEDS:,} feeds in {given.dealers:,} files, medians of {given.rounds}\n")
    for name, title in titles.items():
        sys.stdout.write(f"{title:36}{median(used[name]):10.2f} ms\n")


if __name__ == "__main__":
    main()
