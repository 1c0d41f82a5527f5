"""`feeds scheduler next`: the coming times, on the dealer's clock and on the viewer's."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine

from tests.cli.shell import Shell

DEALERS = """\
version: 1
kind: dealer
name: acme
title: Acme
timezone: America/New_York
feeds:
  - {uses: shop/sales, name: early, override: {transport: {directory: early}, schedule: {cron: '30 2 * * *'}}}
  - uses: shop/sales
    name: zoned
    override: {transport: {directory: zoned}, schedule: {cron: '0 9 * * *', timezone: Europe/Berlin}}
  - {uses: shop/sales, name: by-hand}
  - {uses: shop/sales, name: off, enabled: false, override: {schedule: {every: 1h}}}
"""


@pytest.fixture
def shell(tmp_path: Path, sqlite_url: str) -> Shell:
    made = Shell(tmp_path, sqlite_url)
    made.write("feeds/dealers/acme.yaml", DEALERS)
    return made


@pytest.fixture(autouse=True)
def a_day_before_clocks_change() -> Iterator[None]:
    with time_machine.travel("2022-03-12T12:00Z", tick=False):
        yield


def test_the_times_of_all_feeds_come_in_order_on_two_clocks(shell: Shell) -> None:
    found = shell.feeds("scheduler", "next", "--count", "3", "--zone", "America/Regina")
    assert found.code == 0
    assert [line.rstrip() for line in found.out.splitlines()] == [
        "FEED        DEALER'S TIME             YOUR TIME",
        "acme/early  Sun 2022-03-13 03:00 EDT  Sun 2022-03-13 01:00 CST",  # 02:30 does not come that night
        "acme/zoned  Sun 2022-03-13 04:00 EDT  Sun 2022-03-13 02:00 CST",
        "acme/early  Mon 2022-03-14 02:30 EDT  Mon 2022-03-14 00:30 CST",
    ]
    assert all(len(line) <= 80 for line in found.out.splitlines())


def test_programs_get_moments(shell: Shell) -> None:
    found = shell.feeds("scheduler", "next", "acme/zoned", "--count", "1", "--zone", "Asia/Tokyo", "--format", "json")
    assert found.json() == [
        {
            "feed": "acme/zoned",
            "at": "2022-03-13T08:00:00Z",
            "dealerTime": "2022-03-13T04:00:00-04:00",
            "yourTime": "2022-03-13T17:00:00+09:00",
        }
    ]


def test_a_paused_feed_has_no_time_before_its_pause_ends(shell: Shell) -> None:
    shell.feeds("pause", "acme/early", "--reason", "new system", "--until", "2022-03-16")
    found = shell.feeds("scheduler", "next", "acme/early", "--count", "1")
    assert "Wed 2022-03-16 02:30 EDT" in found.out
    assert found.talk == "acme/early: paused until 2022-03-16T04:00Z\n"
    shell.feeds("pause", "acme/early", "--reason", "new system")
    assert shell.feeds("scheduler", "next", "acme/early").out == ""


@pytest.mark.parametrize(
    ("feed", "reason"),
    [("acme/off", "its definition says enabled: false"), ("acme/by-hand", "no schedule: `feeds run acme/by-hand`")],
)
def test_a_feed_that_has_no_time_says_why(shell: Shell, feed: str, reason: str) -> None:
    found = shell.feeds("scheduler", "next", feed)
    assert (found.code, found.out) == (0, "")
    assert reason in found.talk


def test_feeds_whose_definition_is_wrong_are_counted(shell: Shell) -> None:
    shell.edit("feeds/dealers/acme.yaml", "30 2 * * *", "30 27 * * *")
    found = shell.feeds("scheduler", "next", "--count", "1")
    assert "acme/zoned" in found.out
    assert found.talk.endswith("(`feeds validate` shows them): 1\n")


@pytest.mark.parametrize(
    ("arguments", "told"), [(["acme/none"], "no feed 'acme/none'"), (["--zone", "Mars"], "'Mars'")]
)
def test_what_is_not_there_is_a_usage_error(shell: Shell, arguments: list[str], told: str) -> None:
    found = shell.feeds("scheduler", "next", *arguments)
    assert found.code == 2
    assert told in found.talk
