"""How a run at a feed ended, in one word and with its reasons. Decides nothing about rows."""

from dataclasses import replace

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
