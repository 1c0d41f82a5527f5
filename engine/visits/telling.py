"""What the far side's own notes mean for whoever reads a report; all of them go to the log as well."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from engine.model import FeedReport, Issue
from engine.world import World


def telling(world: World, report: FeedReport) -> World:
    """The world, where what has to be left out is told in the report and not in the log alone."""
    missing: Counter[str] = Counter()

    def note(event: str, details: Mapping[str, object]) -> None:
        world.note(event, details)
        if event == "name.unsafe":
            text = f"left alone: {details.get('name')} is no file name that is safe to use; ask the sender for another"
            issue = Issue(event, text, "warning")
            report.issues += [issue] if issue not in report.issues else []
        elif event == "include.missing":
            name = str(details["include"])
            missing[name] += 1
            if missing[name] == 1:
                text = f"{details['request']} is not there (status {details['status']}): no {name} in its records"
                report.issues.append(Issue(event, text, "warning", field=name))
            else:
                _counted(report, event, name, missing[name])

    return replace(world, note=note)


def _counted(report: FeedReport, code: str, field: str, count: int) -> None:
    """One issue for all of a kind: the first one is named."""
    at = next(at for at, issue in enumerate(report.issues) if (issue.code, issue.field) == (code, field))
    first = report.issues[at].message.partition(" (and ")[0]
    report.issues[at] = replace(report.issues[at], message=f"{first} (and {count - 1} more)")
