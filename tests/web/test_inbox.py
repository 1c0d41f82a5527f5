"""What is acknowledged is there once, in order, until each feed has dealt with it; on both databases."""

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import DiskError
from engine.intake.inbox import DONE, FAILED, FILTERED, Entry, Inbox, Load, inbox
from engine.store import database, shape

FIRST, SECOND = "acme/first", "acme/second"


def at(second: int, day: int = 1) -> str:
    return f"2026-03-{day:02}T12:{second // 60:02}:{second % 60:02}.000000Z"


def entry(
    name: str, second: int = 0, day: int = 1, endpoint: str = "shop/acme", feeds: tuple[str, ...] = (FIRST,)
) -> Entry:
    content = f'{{"name": "{name}"}}\nbody of {name}\n\x00'.encode()
    return Entry(name, endpoint, feeds, at(second, day), at(second, day + 7), content)


class Room:
    """An inbox on an empty database."""

    def __init__(self, url: str, home: Path) -> None:
        self.engine = database.connect(url)
        shape.prepare(self.engine)
        self.home = home
        self.inbox: Inbox = inbox(self.engine, home)

    def names(self, feed: str = FIRST, *endpoints: str) -> list[str]:
        return [each.name for each in self.inbox.waiting(feed, endpoints or ["shop/acme"])]

    def settle(self, feed: str, state: str, *names: str, now: str = at(0, 2)) -> None:
        for each in self.inbox.waiting(feed, ["shop/acme"]):
            if each.name in names:
                with database.writing(self.engine) as connection:
                    self.inbox.settle(connection, each, feed, state, now, None)


@pytest.fixture
def room(tmp_path: Path, database_url: str) -> Any:
    made = Room(database_url, tmp_path / "state")
    yield made
    made.engine.dispose()


@pytest.fixture
def spool(tmp_path: Path, sqlite_url: str) -> Any:
    made = Room(sqlite_url, tmp_path / "state")
    yield made
    made.engine.dispose()


def test_what_came_first_waits_first_byte_by_byte(room: Room) -> None:
    entries = [entry("c", 1), entry("a", 3), entry("b", 2), entry("other", 0, endpoint="shop/birch", feeds=(SECOND,))]
    assert room.inbox.accept(entries[:2]) + room.inbox.accept(entries[2:]) == [True] * 4
    assert [each.content for each in room.inbox.waiting(FIRST, ["shop/acme"])] == [
        entries[0].content, entries[2].content, entries[1].content,
    ]  # fmt: skip
    assert room.names(SECOND, "shop/birch") == ["other"]
    assert room.inbox.load().requests == 4 and room.inbox.load().size > 0


def test_one_that_comes_again_is_counted_and_not_kept_twice(room: Room) -> None:
    assert room.inbox.accept([entry("a"), entry("a", 1), entry("b")]) == [True, False, True]
    assert room.inbox.accept([entry("a", 0, 8 - 1)]) == [False]
    room.settle(FIRST, DONE, "a")
    room.inbox.tidy(["shop/acme"])
    assert room.inbox.accept([entry("a", 5)]) == [False], "also when it was imported meanwhile"
    assert room.names() == ["b"]
    counts = room.inbox.counts(FIRST, ["shop/acme"])
    assert (counts["waiting"], counts[DONE], counts["duplicates"]) == (1, 1, 3)


def test_after_its_time_it_is_a_new_one(room: Room) -> None:
    room.inbox.accept([entry("a")])
    assert room.inbox.accept([entry("a", 0, 8)]) == [True], "seven days later, to the second"
    assert room.inbox.accept([entry("a", 1, 8), entry("a", 0, 15)]) == [False, True]
    assert [each.turn for each in room.inbox.waiting(FIRST, ["shop/acme"])] == [0, 1, 2]


def test_each_feed_deals_with_a_body_by_itself(room: Room) -> None:
    room.inbox.accept([entry("a", feeds=(FIRST, SECOND)), entry("b", 1, feeds=(FIRST, SECOND))])
    room.settle(FIRST, DONE, "a")
    room.settle(SECOND, FILTERED, "b")
    room.inbox.tidy(["shop/acme"])
    assert (room.names(FIRST), room.names(SECOND)) == (["b"], ["a"])
    room.settle(FIRST, FAILED, "b")
    room.settle(SECOND, DONE, "a")
    room.inbox.tidy(["shop/acme"])
    assert (room.names(FIRST), room.names(SECOND), room.inbox.load()) == ([], [], Load(0, 0))
    assert room.inbox.counts(SECOND, ["shop/acme"]) == {"waiting": 0, DONE: 1, FILTERED: 1, "duplicates": 0}


def test_an_import_that_is_rolled_back_leaves_it_waiting(room: Room) -> None:
    room.inbox.accept([entry("a")])
    with database.undone(room.engine) as connection:
        room.inbox.settle(connection, next(room.inbox.waiting(FIRST, ["shop/acme"])), FIRST, DONE, at(0))
    room.inbox.tidy(["shop/acme"])
    assert room.names() == ["a"]


def test_bodies_are_kept_until_long_after_the_last_feed(room: Room) -> None:
    room.inbox.accept([entry("a"), entry("b", 1)])
    room.settle(FIRST, DONE, "a")
    room.inbox.tidy(["shop/acme"])
    assert room.inbox.forget(at(0, 2)) == 0
    assert room.inbox.forget("2099-01-01T00:00:00.000000Z") == 1
    assert room.names() == ["b"]
    assert room.inbox.accept([entry("a", 2)]) == [True], "forgotten: nothing is left of it"


def test_a_full_disk_acknowledges_nothing_and_leaves_nothing_half(spool: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for broken in ("link", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(os, broken, full)
            with pytest.raises(DiskError, match="No space left"):
                spool.inbox.accept([entry("a")])
        assert not list((spool.home / "inbox").rglob("*.part"))
    # The last one was linked, and its folder not synced: it was never acknowledged, and comes again.
    assert spool.inbox.accept([entry("a"), entry("b", 1)])[1]
    assert spool.names() == ["a", "b"]


def test_a_body_that_lies_in_the_spool_twice_is_dealt_with_once(spool: Room) -> None:
    """The receiver looked for it before it was put away, and wrote it after."""
    spool.inbox.accept([entry("a")])
    (file,) = (spool.home / "inbox" / "waiting").rglob("a.0")
    content = file.read_bytes()
    spool.settle(FIRST, DONE, "a")
    spool.inbox.tidy(["shop/acme"])
    assert not file.exists()
    file.write_bytes(content)
    assert spool.names() == []


def test_nobody_else_can_read_what_waits(spool: Room) -> None:
    spool.inbox.accept([replace(entry("a"), endpoint="../../etc/x")])
    for path in [spool.home / "inbox", *(spool.home / "inbox").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
    assert not (spool.home.parent / "etc").exists()
