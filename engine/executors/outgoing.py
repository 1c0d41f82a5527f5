"""What goes out, beside the feeds that run: a thread for each export of which something waits. Holds up no feed.

Items are queued by imports and claimed in the database: of two processes that do this, one sends each of them.
"""

import threading
from collections.abc import Callable
from dataclasses import replace

from engine.language.project import Project
from engine.language.secrets import Secrets
from engine.sending import receipts, rounds
from engine.store import outbox
from engine.visits.ending import fault
from engine.world import World, stamp

LOOK_EACH = 2.0  # seconds between two looks at what waits
_DUE_EACH = 60.0  # seconds between two looks at what has come due
_TOLD_EACH = 10.0  # seconds between two looks at what was told of what had been sent
_REST = 60.0  # seconds until an export is looked at again that could not send


class Outgoing:
    """`project` gives the definitions as they were last read, None before that."""

    def __init__(self, world: World, project: Callable[[], Project | None], secrets: Callable[[], Secrets]) -> None:
        self._world, self._project, self._secrets = world, project, secrets
        self._at_work: dict[str, threading.Thread] = {}
        self._rests: dict[str, float] = {}  # until then, on the monotonic clock
        self._looked = self._listened = float("-inf")
        self._is_ending = False

    def look(self) -> None:
        """Begin with every export of which something waits, or may have come due."""
        project, now = self._project(), self._world.clock.monotonic()
        if project is None or not project.exports:
            return
        names = set(outbox.waiting(self._world.engine, stamp(self._world.clock.now())))
        if now - self._looked >= _DUE_EACH:
            self._looked = now
            names |= project.exports.due
        if now - self._listened >= _TOLD_EACH:
            self._listened = now
            names |= {*receipts.waiting(self._world.inbox, project.exports.told)}
        self._at_work = {name: thread for name, thread in self._at_work.items() if thread.is_alive()}
        for name in sorted(names & project.exports.keys() - self._at_work.keys()):
            if self._rests.get(name, now) <= now:
                self._begin(name, project)

    def finish(self) -> None:
        """Let each export end the item that it is at, and begin no other."""
        self._is_ending = True
        for thread in self._at_work.values():
            thread.join()

    def _begin(self, name: str, project: Project) -> None:
        world = replace(self._world, secrets=self._secrets())

        def carry() -> None:
            try:
                reports = rounds.of_project(project, world, [name], lambda: not self._is_ending)
                waits = any(report.waits for report in reports)
            except Exception as error:  # noqa: BLE001  (whatever it is, the other exports go on)
                world.note("export.broken", {"level": "error", "export": name, "where": fault(error)[0]})
                waits = True
            if waits:
                self._rests[name] = world.clock.monotonic() + _REST

        thread = threading.Thread(target=carry, name=f"out {name}", daemon=True)
        self._at_work[name] = thread
        thread.start()
