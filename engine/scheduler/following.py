"""The feeds of a project whose definitions change while it runs: of each the last one that was sound.

Reads nothing itself, and runs nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from engine.language.findings import Finding
from engine.language.project import Made, Project
from engine.log import Note
from engine.model import Feed
from engine.scheduler.plans import Planned, planned

_MOST = 20  # mistakes that are told one by one; `feeds validate` has them all


class _Source(NamedTuple):
    """A feed's last sound definition, in the project that had it."""

    project: Project
    made: Made
    plan: Planned

    def is_still(self, made: Made) -> bool:
        old = self.made
        return old.source is made.source and old.found.file is made.found.file and old.number == made.number


class Following:
    """`project` is asked again and again: it gives the same object while nothing has changed."""

    def __init__(self, project: Callable[[], Project], note: Note) -> None:
        self._project, self._note = project, note
        self._seen: Project | None = None
        self._sources: dict[str, _Source] = {}
        self.plans: Mapping[str, Planned] = {}

    def look(self) -> bool:
        """Take up the definitions as they are now; whether anything has changed. Raises what reading raises."""
        project = self._project()
        if project is self._seen:
            return False
        errors = [finding for finding in project.findings if finding.severity == "error"]
        found = {
            name: self._source(name, made, project) for name, made in project.made.items() if name in project.feeds
        }
        # A feed that is lost to a mistake goes on as it was; one that was taken out, where all is well, is gone.
        lost = {
            name: old for name, old in self._sources.items() if name not in found and (errors or name in project.made)
        }
        self._sources = found | lost
        self.plans = {name: source.plan for name, source in self._sources.items()}
        if self._seen is not None or errors:
            self._tell(project, errors, sorted(lost))
        self._seen = project
        return True

    @property
    def project(self) -> Project | None:
        """The definitions as they were last read, with their mistakes."""
        return self._seen

    def feed(self, name: str) -> Feed:
        return self._sources[name].project.feeds[name]

    def beside(self, plan: Planned) -> Sequence[Feed]:
        """The feeds that may read the same files."""
        return tuple(self._sharing(plan)) if plan.is_shared else ()

    def _sharing(self, plan: Planned) -> Iterator[Feed]:
        for name, other in self.plans.items():
            if other.is_shared and other.lane == plan.lane:
                yield self.feed(name)

    def _source(self, name: str, made: Made, project: Project) -> _Source:
        old = self._sources.get(name)
        plan = old.plan if old is not None and old.is_still(made) else planned(name, made)
        return _Source(project, made, plan)

    def _tell(self, project: Project, errors: Sequence[Finding], lost: Sequence[str]) -> None:
        for each in errors[:_MOST]:
            where = f"{each.file}:{each.line}:{each.column}"
            self._note(
                "definition.invalid", {"level": "error", "where": where, "code": each.code, "reason": each.message}
            )
        out = sorted(set(project.made) - set(self.plans))
        details = {"feeds": len(self.plans), "mistakes": len(errors), "asBefore": lost[:_MOST], "notRun": out[:_MOST]}
        self._note("definitions.read", {**details, "level": "error" if errors else "info"})
