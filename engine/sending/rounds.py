"""One round of what goes out for a project, or for what has just run: find what is due, send what waits, then note
what was told of what had been sent.
"""

from collections.abc import Callable, Mapping, Sequence

from engine.exported import Brought, SentReport
from engine.language.project import Project
from engine.model import Export, Feed
from engine.sending import receipts
from engine.sending.coming import note_due
from engine.sending.sending import brought_by, send
from engine.store import outbox
from engine.world import World, stamp


def after_run(feeds: Sequence[Feed], everyone: Sequence[Feed], world: World) -> list[SentReport]:
    """Send what waits of the exports of these feeds' dealers; nothing at all is done where they have none."""
    exports = {export.id: export for feed in feeds for export in feed.exports}
    if not exports:
        return []
    dealers = {feed.dealer.name for feed in feeds}
    known = {feed.id: feed for feed in (*everyone, *feeds) if feed.dealer.name in dealers}
    return _round(list(exports.values()), world, brought_by(known.values()))


def of_project(
    project: Project, world: World, only: Sequence[str] = (), goes_on: Callable[[], bool] = lambda: True
) -> list[SentReport]:
    """Send what waits of all exports, or of those named. Of ten thousand only those are made that have something."""
    wanted = [name for name in project.exports if not only or name in only]
    waiting = outbox.waiting(world.engine, stamp(world.clock.now()), wanted) if wanted else []
    told = project.exports.told.intersection(wanted)
    told_of = sorted(told) if only else receipts.waiting(world.inbox, told)
    names = dict.fromkeys([*waiting, *(name for name in wanted if name in project.exports.due), *told_of])
    exports = [project.exports[name] for name in names]
    return _round(exports, world, brought(project, {export.dealer.name for export in exports}), goes_on)


def brought(project: Project, dealers: set[str]) -> Mapping[str, Brought]:
    """What the definitions of these dealers' feeds say of exports now."""
    named = [name for name, made in project.made.items() if made.dealer.name in dealers and name in project.feeds]
    return brought_by(project.feeds[name] for name in named)


def _round(
    exports: Sequence[Export],
    world: World,
    brought: Mapping[str, Brought],
    goes_on: Callable[[], bool] = lambda: True,
) -> list[SentReport]:
    note_due(exports, world, brought)
    reports = send(exports, world, brought, goes_on)
    receipts.settle(exports, world)
    return reports
