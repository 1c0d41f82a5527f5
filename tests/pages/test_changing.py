"""Group L: a list that changes while it is read, by a process that is killed at each of its pages.

Each case is one kill: at the request for a page, with a page in hand, or in the middle of its import. Another process
takes the lease over and reads on, and then all that stayed in the list is stored as it is there, each once.
"""

import os
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from engine.runner import run_feeds
from engine.world import Progress
from tests.pages.things import NAMED, dealer
from tests.store.shop import Shop
from tests.transports.http.room import Api, Asked

PAGES, SIZE = 5, 3
CI, NIGHTLY = 10, 100  # seeds, with a kill at each page
TRANSPORT = {
    "request": {"url": "/things", "query": {"since": "${window.from}"}},
    "pagination": {"type": "offset", "param": "skip", "size": SIZE, "sizeParam": "limit", "total": "total"},
    "incremental": {"cursor": "at", "start": "2026-01-01", "lookback": "2h"},
    "include": {"maker": {"url": "/makers/${record.maker}"}},
}
FIELDS = {
    **NAMED,
    "at": {"path": "at", "type": "dateTime", "required": True},
    "maker": {"path": "maker.name"},
}


class Changing:
    """Things in the order of their changes. Between two requests some are changed, made, and taken away."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  (the same changes in every run)
        self.minute = 0
        self.rows: list[dict[str, Any]] = []
        self.victim: tuple[int, int, str] | None = None  # process, page, "asked" or "included"
        self.pages = 0
        self.is_still = False
        for number in range(PAGES * SIZE):
            self.put(f"s{number}")

    def put(self, key: str) -> None:
        """It is the last one now: it has just been changed."""
        self.rows = [row for row in self.rows if row["id"] != key]
        self.minute += 1
        at = f"2026-02-01T{self.minute // 60:02}:{self.minute % 60:02}:00Z"
        self.rows.append({"id": key, "name": f"{key} at {self.minute}", "at": at, "maker": f"m{self.minute % 2}"})

    def mutate(self) -> None:
        if self.is_still:
            return
        for _ in range(self.chance.randrange(3)):
            self.put(self.chance.choice([f"s{self.chance.randrange(PAGES * SIZE)}", f"x{self.chance.randrange(5)}"]))
        passing = [row for row in self.rows if row["id"].startswith("x")]
        if passing and self.chance.random() < 0.3:
            self.rows.remove(self.chance.choice(passing))

    def answers(self, asked: Asked) -> Any:
        if "makers" in asked.path:
            self._kill("included")
            return {"name": asked.path.rpartition("/")[2]}
        self.pages += 1
        self._kill("asked")
        found = [row for row in self.rows if row["at"] >= asked.query["since"]]
        skip = int(asked.query["skip"])
        reply = {"data": found[skip : skip + SIZE], "total": len(found)}
        self.mutate()
        return reply

    def _kill(self, moment: str) -> None:
        if self.victim is not None and self.victim[1:] == (self.pages, moment):
            os.kill(self.victim[0], signal.SIGKILL)


@pytest.fixture
def far(request: pytest.FixtureRequest) -> Iterator[tuple[Changing, Api]]:
    changing = Changing(request.param)
    with Api(changing.answers).running() as api:
        yield changing, api


def killed(shop: Shop, changing: Changing, page: int, moment: str) -> None:
    """A run in a process of its own that is killed at this page, unless it has ended before."""
    feeds = list(shop.feeds.values())
    shop.world.engine.dispose()
    changing.pages, changing.victim = 0, None
    begins, says = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.read(begins, 1)
            imported = count(1)

            def progress(found: Progress) -> None:
                """Called between the rows of a page and its commit, too."""
                if moment == "importing" and found.read and next(imported) == page:
                    os.kill(os.getpid(), signal.SIGKILL)

            run_feeds(feeds, replace(shop.world, progress=progress))
        finally:
            os._exit(0)
    if moment != "importing":
        changing.victim = (child, page, moment)
    os.write(says, b"!")
    os.waitpid(child, 0)
    os.close(begins)
    os.close(says)
    changing.victim = None


def is_whole(shop: Shop, changing: Changing) -> bool:
    """What stays in the list is stored, as it is there; nothing has two rows; what is stored was in the list."""
    stored = shop.rows("SELECT key FROM activities")
    kept = {key: each["name"] for key, each in shop.activities().items()}
    there = {row["id"]: row["name"] for row in changing.rows}
    is_balanced = all(
        row[0] == "done" for row in shop.rows("SELECT state FROM deliveries WHERE state NOT IN ('vanished')")
    )
    return len(stored) == len(kept) and there.items() <= kept.items() and is_balanced


SEEDS = [pytest.param(seed, marks=() if seed < CI else pytest.mark.nightly) for seed in range(NIGHTLY)]


@pytest.mark.fault("H1", "H4")
@pytest.mark.parametrize("far", SEEDS, indirect=True)
def test_group_l_a_list_that_changes_is_whole_wherever_its_reader_is_killed(
    tmp_path: Path, sqlite_url: str, far: tuple[Changing, Api], held: Callable[[str, int, int], None]
) -> None:
    changing, api = far
    shop = dealer(
        tmp_path, sqlite_url, api, fields=FIELDS, transport=TRANSPORT, contact={"fields": {"lastName": "maker"}}
    )
    good = 0
    for page in range(1, PAGES + 1):
        killed(shop, changing, page, ("asked", "included", "importing")[(page + changing.minute) % 3])
        changing.is_still = page % 2 == 0
        shop.run()  # takes over in the middle of a list that has moved meanwhile: what that hides is the next one's
        changing.is_still = True
        shop.run()
        good += is_whole(shop, changing)
        changing.is_still = False
        for number in range(changing.chance.randrange(PAGES * SIZE)):
            changing.put(f"s{number}")
    held("group L", good, PAGES)
    assert good == PAGES
