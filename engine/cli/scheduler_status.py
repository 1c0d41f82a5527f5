"""`feeds scheduler status`: who runs feeds; what runs, waits and is late; what rests, and what comes next."""

from datetime import datetime
from typing import Any

import click

from engine import health as judging
from engine.cli import opening
from engine.cli.output import as_json
from engine.cli.settings import now, settings
from engine.cli.standing import next_run, stood
from engine.health import span
from engine.scheduler.standing import Standing
from engine.store import health as known
from engine.store import heartbeats, slots
from engine.store.heartbeats import Beat
from engine.store.search import printed
from engine.surface import ERROR, OK, printable
from engine.world import stamp

_MOST = 10  # names on a line for people


def told(form: str) -> int:
    """Print it; exit code 1 where nobody runs feeds."""
    found = _found()
    if form == "json":
        as_json(found)
    else:
        for name, text in _lines(found):
            click.echo(printable(f"{name:<10} {text}"))
    return OK if found["alive"] else ERROR


def _found() -> dict[str, Any]:
    where, moment = settings(), now()
    _, standings = stood(where)
    store = opening.store(where) if opening.has_store(where) else None
    beats = heartbeats.beats(store, moment) if store is not None else []
    begun = slots.begun(store) if store is not None else {}
    coming = sorted((at, name) for name, each in standings.items() if (at := next_run(each)) is not None)
    return {
        "alive": any(beat.is_alive and beat.role == "scheduler" for beat in beats),
        "processes": [_process(beat) for beat in beats],
        "running": [
            {"feed": name, "since": printed(begun.get(name))} for name, each in standings.items() if each.is_running
        ],
        "waiting": [name for name, each in standings.items() if _waits(each)],
        "late": [
            {"feed": name, "since": printed(stamp(each.health.since)) if each.health.since else None}
            for name, each in standings.items()
            if each.health.state == "late"
        ],
        "resting": known.resting(store, stamp(moment)) if store is not None else [],
        "next": {"feed": coming[0][1], "at": coming[0][0]} if coming else None,
    }


def _process(beat: Beat) -> dict[str, Any]:
    return {
        "role": beat.role,
        "host": beat.host,
        "pid": beat.pid,
        "alive": beat.is_alive,
        "started": printed(stamp(beat.started)),
        "heard": printed(stamp(beat.at)),
        **beat.details,
    }


def _waits(standing: Standing) -> bool:
    """Whether its time has come and nobody has begun with it."""
    plan, facts = standing.plan, standing.facts
    if plan is None or facts is None or standing.is_running or facts.paused(now()) is not None:
        return False
    first = judging.missed(facts, plan.table)
    return first is not None and first <= now()


# --- for people -----------------------------------------------------------------------------


def _lines(found: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [("processes", _told(each)) for each in found["processes"]]
    if not found["alive"]:
        lines.insert(0, ("processes", "no scheduler is at work: `feeds scheduler run` starts one"))
    names = [each["feed"] for each in found["running"]]
    lines += [("running", _some(names)), ("waiting", _some(found["waiting"]))]
    lines.append(("late", _some([each["feed"] for each in found["late"]])))
    for each in found["resting"]:
        lines.append(("resting", f"{each['login']}, refused {each['failures']} times, until {each['until'][:16]}Z"))
    coming = found["next"]
    lines.append(("next", f"{coming['feed']} at {coming['at'][:16]}Z" if coming else "none"))
    return lines


def _told(process: dict[str, Any]) -> str:
    heard = span(now() - datetime.fromisoformat(process["heard"]))
    word = "alive" if process["alive"] else "dead"
    counts = ", ".join(f"{name} {process[name]}" for name in ("threads", "running", "waiting") if name in process)
    text = f"{process['role']} {process['pid']} on {process['host']}: {word}, last heard of {heard} ago"
    return f"{text} ({counts})" if counts else text


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f"{len(names)}: {', '.join(names[:_MOST])}{more}" if names else "none"
