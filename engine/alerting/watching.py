"""The rounds of a watch: what is wrong becomes incidents, each is told once to whom it concerns, and so is its end.

A word is claimed in the database before it goes out. Killed between the two, a process leaves a claim that nobody
takes up: at most once, then. A channel that refuses is tried again, after 1, 2, 4, ... 60 minutes, as long as the
incident stands. Never runs a feed.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby

from engine.alerting import incidents
from engine.alerting.incidents import Seen
from engine.alerting.words import notice
from engine.errors import FeedError, LeaseHeld
from engine.language.alerts import Alerts, Channel
from engine.language.project import Project
from engine.language.secrets import Secrets
from engine.log import Redactor
from engine.scheduler.plans import Planned
from engine.scheduler.standing import standings
from engine.store import incidents as kept
from engine.store import leases
from engine.store.incidents import OPENED, RECOVERED, Claim, Incident
from engine.visits.ending import fault
from engine.world import World, stamp
from transports import notices
from transports.base import TransportError

EACH = 60.0  # seconds between two rounds
_LEASE = "alerts"
_AGAIN, _LONGEST = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Task:
    """What one round needs: who is told is the last that was sound of each file."""

    plans: Mapping[str, Planned]
    broken: tuple[str, ...]
    alerts: tuple[Alerts, ...]


class Watch:
    """Rounds of one process; `secrets` is asked in each, so that a new value counts at once."""

    def __init__(self, world: World, secrets: Callable[[], Secrets]) -> None:
        self._world, self._secrets = world, secrets
        self._sound: dict[str, Alerts] = {}
        self._pinged: dict[int, float] = {}
        self._thread = threading.Thread()

    def begin(self, plans: Mapping[str, Planned], project: Project) -> None:
        """A round beside everything else, unless one is still at it."""
        task = self._task(plans, project)
        if task is not None and not self._thread.is_alive():
            self._thread = threading.Thread(target=self._attempt, args=(task,), name="watch", daemon=True)
            self._thread.start()

    def round(self, plans: Mapping[str, Planned], project: Project) -> None:
        """A round, here and now. Raises StoreError."""
        task = self._task(plans, project)
        if task is not None:
            self._round(task)

    def _task(self, plans: Mapping[str, Planned], project: Project) -> _Task | None:
        """A file with a mistake goes on as it was; one that is gone is gone. None where nobody is to be told."""
        now = {name: found or self._sound.get(name) for name, found in project.alerts.items()}
        self._sound = {name: each for name, each in now.items() if each is not None}
        broken = tuple(name for name in project.made if name not in plans)
        return _Task(plans, broken, tuple(self._sound.values())) if self._sound else None

    def _attempt(self, task: _Task) -> None:
        try:
            self._round(task)
        except Exception as error:  # noqa: BLE001  (the feeds go on, and the next round comes)
            text = str(error) if isinstance(error, FeedError) else f"{type(error).__name__} at {fault(error)[0]}"
            self._world.note("alerts.hindered", {"level": "error", "reason": text})

    def _round(self, task: _Task) -> None:
        try:
            wanted = self._wanted(task)
        except LeaseHeld:
            wanted = []  # another scheduler is at it
        channels = {channel.name: channel for each in task.alerts for channel in each.channels}
        for (name, event), group in groupby(wanted, key=_message):
            if claims := kept.claim(self._world.engine, self._now, group):
                self._tell(channels[name], event, claims)
        self._ping(task.alerts)

    def _wanted(self, task: _Task) -> list[tuple[Incident, str, str]]:
        """What is to be told now, by messages. Under a lease: one process says what is wrong at a time."""
        engine = self._world.engine
        lease = leases.take(engine, _LEASE, self._world.owner)
        try:
            now = self._world.clock.now()
            found = standings(task.plans, task.broken, engine, now)
            seen = {one.key: one for one in incidents.seen(found, now)}
            endings = {name: each.health.state for name, each in found.items()}
            open_now = kept.note(engine, lease, stamp(now), [_values(one) for one in seen.values()], endings)
        finally:
            leases.release(engine, lease)
        known = kept.told(engine, stamp(now), [incident.id for incident in open_now])
        wanted = {
            (incident.id, channel, OPENED): replace(incident, sentence=seen[incident.key].sentence)
            for incident in open_now
            for alerts in task.alerts
            if incidents.has_waited(incident.opened, alerts.wait, now)
            for channel in incidents.channels(alerts, seen[incident.key], now)
            if (incident.id, channel) not in known
        }
        awake = incidents.awake(task.alerts, now)
        owed = kept.owed(engine, stamp(now))
        wanted |= {(incident.id, name, RECOVERED): incident for incident, name in owed if name in awake}
        return sorted(
            ((incident, channel, event) for (_, channel, event), incident in wanted.items()),
            key=lambda one: (*_message(one), one[0].id),
        )

    def _tell(self, channel: Channel, event: str, claims: Sequence[Claim]) -> None:
        """One message of all that happened, and what came of it noted."""
        world, secrets = self._world, self._secrets()
        error, again, remark = None, None, ""
        try:
            said = notice(event, [claim.incident for claim in claims], world.clock.now())
            remark = notices.send(secrets.filled(channel.settings), said)
        except Exception as failure:  # noqa: BLE001  (whatever it is, the other channels are told)
            error = reason(failure, secrets)
            tries = min(claim.tries for claim in claims)
            again = stamp(world.clock.now() + min(_AGAIN * 2**tries, _LONGEST))
        details = {"channel": channel.name, "event": event, "incidents": [claim.incident.id for claim in claims]}
        if error:
            world.note("alert.refused", {"level": "error", **details, "reason": error})
        else:
            world.note("alert.sent", {**details, **({"level": "warning", "reason": remark} if remark else {})})
        kept.settle(world.engine, claims, self._now, error, again)

    def _ping(self, alerts: Iterable[Alerts]) -> None:
        """Say to whoever watches us that a round was made."""
        monotonic = self._world.clock.monotonic()
        for number, each in enumerate(alerts):
            man = each.dead_man
            if man is None or monotonic - self._pinged.get(number, float("-inf")) < man.every:
                continue
            self._pinged[number] = monotonic
            secrets = self._secrets()
            try:
                notices.ping(secrets.filled(man.settings))
            except Exception as failure:  # noqa: BLE001  (whoever listens there notices by himself)
                self._world.note("ping.failed", {"level": "warning", "reason": reason(failure, secrets)})

    @property
    def _now(self) -> str:
        return stamp(self._world.clock.now())


def reason(failure: Exception, secrets: Secrets) -> str:
    """Why a channel did not take it, fit to be kept and shown."""
    text = str(failure) if isinstance(failure, TransportError | FeedError) else f"{type(failure).__name__} here"
    return Redactor(secrets.known).text(text)


def _message(wanted: tuple[Incident, str, str]) -> tuple[str, str]:
    """What stands in one message: of one channel, and what happened."""
    return wanted[1], wanted[2]


def _values(one: Seen) -> dict[str, object]:
    names = ("key", "state", "level", "subject", "sentence")
    feeds = [member.feed for member in one.members]
    return {**{name: getattr(one, name) for name in names}, "feeds": feeds, "since": stamp(one.since)}
