"""What a run of one feed would do, asked beforehand, and the plan kept so that a run can do just that.

Stores no row and touches no file on the far side: the trial is `trials.py`, the run `runner.py`.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkstemp

from engine import runner
from engine.intake import planned
from engine.intake.planned import Plan, PlanUnreadable
from engine.model import Feed, Issue, RunReport
from engine.store import effects
from engine.world import World, stamp
from transports import FILES


def plan_feed(feed: Feed, world: World, everyone: Sequence[Feed] = ()) -> tuple[RunReport, Plan | None]:
    """Try all that waits, of an API the first pages; the report of that, and the plan where files are to be taken."""
    # Before the trial: what is stored in between makes the plan outdated, never wrong.
    position = effects.position(world.engine, world.journal.register(feed).dealer_id)
    made = stamp(world.clock.now())
    report = runner.run_feeds([feed], world, everyone, dry_run=True)
    (tried,) = report.feeds
    if feed.transport["type"] not in FILES:
        text = "nothing to carry out is saved: a plan names files, and a run asks an API anew"
        tried.issues.append(Issue("plan.noFiles", text, "info", feed=feed.id))
        return report, None
    # What webhooks brought is tried as well; it waits for a run, and a plan does not take it.
    files = tuple(planned.planned_file(delivery) for delivery in tried.deliveries if delivery.effect is not None)
    if tried.outcome in ("failed", "locked", "paused") or not files:
        return report, None
    return report, Plan(feed.id, made, planned.definition(feed), position, files)


def save(plan: Plan, path: Path) -> None:
    """Write the plan, readable for us alone; it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = mkstemp(dir=path.parent, prefix=".plan-")  # 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(planned.written(plan))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def kept(plan: Plan, folder: Path) -> Path:
    """Where a plan is kept that was not given a place."""
    return folder / f"{plan.id}.json"


def load(name: str, folder: Path) -> Plan:
    """A plan by its id in our folder, or by the path of its file. Raises PlanUnreadable."""
    path = folder / f"{name}.json" if planned.is_id(name) else Path(name)
    if not path.is_file():
        where = f"in {folder}" if planned.is_id(name) else "there"
        raise PlanUnreadable(f"there is no plan {name!r} {where}; `feeds plan ID` makes one")
    return planned.read(path.read_bytes())


def run_plan(plan: Plan, feed: Feed, world: World, everyone: Sequence[Feed] = ()) -> RunReport:
    """Import exactly the files of the plan, or nothing, with every reason, where one no longer holds."""
    return runner.run_feeds([feed], world, everyone, plan=plan)
