"""What is wrong, as people are to hear of it: one incident for one cause, however many feeds it has. Pure.

A server that cannot be reached is one incident for all feeds that go there, and so is a scheduler that comes late.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from engine.health import LEVELS, UNREACHED, span
from engine.language.alerts import Alerts, Quiet, Route
from engine.scheduler.standing import Standing

TOLD = ("failed", "stale", "late", "partial")  # what may be an incident
_SHOWN = 5  # names in a sentence
_WHAT = {
    "transport.unreachable": "cannot reach",
    "transport.loginRefused": "are refused the login at",
    "transport.hostKeyChanged": "find another key at",
}


@dataclass(frozen=True, slots=True)
class Member:
    """A feed that is part of an incident, and what routes go by."""

    feed: str
    dealer: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """An incident as it stands now. `key` is the same as long as it lasts."""

    key: str
    state: str
    level: str
    subject: str
    sentence: str
    since: datetime
    members: tuple[Member, ...]


def seen(standings: Mapping[str, Standing], now: datetime) -> list[Seen]:
    """Every incident that stands, in the order of their keys."""
    bad = [(name, each) for name, each in standings.items() if each.health.state in TOLD]
    keyed = sorted(((_key(name, each), name, each) for name, each in bad), key=lambda one: one[:2])
    groups = groupby(keyed, key=lambda one: one[0])
    return [_one(key, [(name, each) for _, name, each in group], now) for key, group in groups]


def _key(name: str, standing: Standing) -> str:
    health, plan = standing.health, standing.plan
    if health.state == "late":
        return "late"
    if health.code in UNREACHED and plan is not None and plan.host:
        return f"failed {health.code} {plan.host}"
    return f"{health.state} {name}"


def _one(key: str, feeds: Sequence[tuple[str, Standing]], now: datetime) -> Seen:
    names = [name for name, _ in feeds]
    healths = [each.health for _, each in feeds]
    since = min((health.since for health in healths if health.since is not None), default=now)
    first = healths[0]
    subject, sentence = names[0], first.sentence
    if len(feeds) > 1:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        listed = f"{', '.join(names[:_SHOWN])}{more}"
        if first.state == "late":
            subject, what = "the scheduler", "were due and were not run, the first"
        else:
            plan = feeds[0][1].plan
            subject = plan.host if plan is not None else ""
            what = f"{_WHAT[str(first.code)]} {subject}, the first"
        sentence = f"{len(names)} feeds {what} for {span(now - since)}: {listed}"
    return Seen(
        key,
        first.state,
        min((health.level for health in healths), key=LEVELS.index),
        subject,
        sentence,
        since,
        tuple(_member(name, each) for name, each in feeds),
    )


def _member(name: str, standing: Standing) -> Member:
    plan = standing.plan
    return Member(name, plan.dealer if plan is not None else name.partition("/")[0], plan.tags if plan else ())


# --- who is told, and when not ----------------------------------------------------------------


def channels(alerts: Alerts, incident: Seen, now: datetime) -> Iterator[str]:
    """The channels by which it is to be told at this time."""
    for route in alerts.routes:
        if _fits(route, incident) and not is_quiet(route.quiet, now):
            yield from route.channels


def awake(alerts: Iterable[Alerts], now: datetime) -> set[str]:
    """The channels that some route may use at this time."""
    routes = (route for each in alerts for route in each.routes if not is_quiet(route.quiet, now))
    return {name for route in routes for name in route.channels}


def _fits(route: Route, incident: Seen) -> bool:
    if incident.state not in route.states or LEVELS.index(incident.level) > LEVELS.index(route.level):
        return False
    return any(
        (not route.dealers or each.dealer in route.dealers) and (not route.tags or set(route.tags) & set(each.tags))
        for each in incident.members
    )


def is_quiet(quiet: Quiet | None, now: datetime) -> bool:
    """Whether nobody is to be told at this time; hours that pass midnight belong to the day they begin on."""
    if quiet is None:
        return False
    local = now.astimezone(quiet.zone)
    clock, today = local.time(), f"{local:%a}".lower()
    if today in quiet.days:
        return True
    if quiet.begin < quiet.end:
        return quiet.begin <= clock < quiet.end
    return clock >= quiet.begin or clock < quiet.end


def has_waited(opened: datetime, wait: int, now: datetime) -> bool:
    return now - opened >= timedelta(seconds=wait)
