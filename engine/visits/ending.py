"""How a run at a feed ended, in one word and with its reasons. Decides nothing about rows."""

import traceback
from dataclasses import replace
from pathlib import Path

from engine.model import FeedReport, Issue
from engine.store.journal import REFUSED
from transports.base import TransportError


def finished(report: FeedReport, seconds: float) -> FeedReport:
    """The report with its outcome, once nothing more is added."""
    report.seconds = seconds
    report.outcome = report.outcome if report.outcome != "ok" else _outcome(report)
    report.issues = [replace(issue, feed=report.feed) for issue in report.issues]
    return report


def end(report: FeedReport, outcome: str, issue: Issue) -> None:
    """Note why a run came to nothing, or stopped."""
    report.outcome = outcome
    report.issues.append(issue)


def fault(error: Exception) -> tuple[str, Issue]:
    """A fault of the engine: where it is, for whoever mends it, and what is told; never the values."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames[-6:]))
    text = f"a fault of the engine ({type(error).__name__} at {where}); nothing of this step was kept, please report it"
    return where, Issue("engine.fault", text, "error")


def _outcome(report: FeedReport) -> str:
    """In plain words, the worst first."""
    tally = report.tally
    states = [delivery.state for delivery in report.deliveries]
    if REFUSED in states:
        return "refused"
    if tally.quarantined or any(issue.severity == "error" for issue in report.issues):
        return "partial"
    return "ok" if tally.read else "empty"


def code_of(error: Exception) -> str:
    """The stable code of an error that has none of its own: "transport.loginRefused"."""
    own = getattr(error, "code", None)
    if own:
        return str(own)
    name = type(error).__name__
    room = "transport" if isinstance(error, TransportError) else "engine"
    return f"{room}.{name[0].lower()}{name[1:]}"
