"""Whether this process can do its work now: a word for each thing it needs. Shows no address and no path.

Whoever asks may be a stranger's load balancer; what exactly is wrong stands in the log, and `feeds doctor` says it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from engine.errors import FeedError
from engine.intake.inbox import Inbox
from engine.language.project import Project
from engine.store import heartbeats, shape
from engine.store.database import Engine
from engine.web.endpoints import Note

OK = "ok"


class Readiness:
    def __init__(
        self,
        engine: Engine,
        inbox: Inbox,
        project: Callable[[], Project],
        now: Callable[[], datetime],
        note: Note,
    ) -> None:
        self._engine, self._inbox, self._project, self._now, self._note = engine, inbox, project, now, note

    def look(self) -> tuple[bool, dict[str, str]]:
        """Whether all of it is well, and each by its name. A scheduler that is silent is told, and is not our fault."""
        found = {
            "database": self._attempt("database", self._database),
            "definitions": self._attempt("definitions", self._definitions),
            "inbox": self._attempt("inbox", self._kept),
        }
        is_ready = set(found.values()) == {OK}
        return is_ready, {**found, "scheduler": self._attempt("scheduler", self._scheduler)}

    def _attempt(self, name: str, look: Callable[[], str]) -> str:
        try:
            return look()
        except (FeedError, OSError) as error:
            self._note("ready.not", {"what": name, "reason": str(error), "level": "warning"})
            return _IN_PLAIN_WORDS[name]

    def _database(self) -> str:
        found = shape.version(self._engine)
        if found == shape.HEAD:
            return OK
        return f"is at version {found or 'none'}, {shape.HEAD} is needed: `feeds db upgrade`"

    def _definitions(self) -> str:
        self._project()
        return OK

    def _kept(self) -> str:
        self._inbox.probe()
        return OK

    def _scheduler(self) -> str:
        beats = heartbeats.beats(self._engine, self._now())
        if any(beat.is_alive for beat in beats):
            return OK
        return "none runs" if not beats else f"silent since {beats[0].at:%Y-%m-%dT%H:%M:%SZ}"


_IN_PLAIN_WORDS: Mapping[str, str] = {
    "database": "cannot be reached",
    "definitions": "cannot be read",
    "inbox": "cannot keep a request: the disk or the database does not take it",
    "scheduler": "not known",
}
