"""The figures of all feeds at one moment, from the database: the same whichever process is asked. Changes nothing."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

from engine.health import STATES, missed
from engine.intake.inbox import Inbox
from engine.metrics import FeedFigures, Figures
from engine.scheduler.plans import Planned
from engine.scheduler.standing import Standing, standings
from engine.store import heartbeats, outbox, totals
from engine.store.database import Engine
from engine.store.totals import OUTCOMES, Total


def figures(
    plans: Mapping[str, Planned], broken: Collection[str], engine: Engine, inbox: Inbox, now: datetime
) -> Figures:
    """Of the feeds that are defined, as their `plans` and the database have them."""
    standing = standings(plans, broken, engine, now)
    known = totals.known(engine)
    load = inbox.load()
    states = Counter(each.health.state for each in standing.values())
    beats: dict[str, float] = {}
    for beat in heartbeats.beats(engine, now):
        beats.setdefault(beat.role, beat.at.timestamp())
    return Figures(
        {state: states[state] for state in STATES},
        [_feed(each, standing.get(each.feed), now) for each in known if each.feed in standing],
        sum(each.sums["runs"] for each in known),
        sum(each.sums["seconds"] for each in known),
        load.requests,
        load.size,
        sum(counts.get(state, 0) for counts in outbox.counts(engine).values() for state in outbox.OPEN),
        max((_lag(each, now) for each in standing.values()), default=0.0),
        beats,
    )


def _feed(total: Total, standing: Standing | None, now: datetime) -> FeedFigures:
    facts = standing.facts if standing is not None else None
    return FeedFigures(
        total.feed,
        total.id,
        {name: total.sums[name] for name in OUTCOMES},
        None if total.succeeded_at is None else datetime.fromisoformat(total.succeeded_at).timestamp(),
        None if total.data_at is None else (now - datetime.fromisoformat(total.data_at)).total_seconds(),
        0 if facts is None else facts.quarantined,
    )


def _lag(standing: Standing, now: datetime) -> float:
    """Seconds since the first time that nobody came for; of a feed that may run."""
    plan, facts = standing.plan, standing.facts
    if plan is None or facts is None or not plan.is_enabled or standing.is_running or facts.paused(now):
        return 0.0
    first = missed(facts, plan.table)
    return 0.0 if first is None else max(0.0, (now - first).total_seconds())
