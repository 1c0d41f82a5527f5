"""What a run did, for people and for programs, and the exit code it ends with. Pure; prints nothing.

The shape of `plain` and the exit codes are relied on by scripts: names are added, never changed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from engine.model import DeliveryReport, FeedReport, Issue, RunReport, SentReport, Tally
from engine.surface import ERROR, INTERRUPTED, LOCKED, OK, PARTIAL, UNREACHABLE

COUNTS = ("read", "inserted", "updated", "unchanged", "filtered", "quarantined")
# From the worst: what a run over several feeds comes to.
OUTCOMES = ("failed", "refused", "locked", "partial", "ok", "empty", "paused")
_CODES = {"failed": ERROR, "refused": ERROR, "locked": LOCKED, "partial": PARTIAL}
_WORST = (INTERRUPTED, UNREACHABLE, ERROR, LOCKED, PARTIAL, OK)
_SENT = ("sent", "excluded", "suppressed", "failed", "uncertain", "dead")
_STUCK = ("uncertain", "dead")  # until a person has looked
_NARROWEST = 5  # of a column: counts have up to five digits more often than not
_MOST_ISSUES = 12  # lines; the run's own page has them all
_SHORT = {"inserted": "ins.", "updated": "upd.", "unchanged": "unch.", "filtered": "filt.", "quarantined": "quar."}


def outcome(report: RunReport) -> str:
    """The worst outcome of its feeds; `empty` where there was none."""
    found = {feed.outcome for feed in report.feeds}
    return next((word for word in OUTCOMES if word in found), "empty")


def exit_code(report: RunReport) -> int:
    """The worst of its feeds and exports, in the order 4, 1, 6, 3, 0; paused and empty are 0."""
    feeds = [UNREACHABLE if feed.unreachable else _CODES.get(feed.outcome, OK) for feed in report.feeds]
    return worst([*feeds, *(PARTIAL for each in report.exports if each.uncertain or each.dead)])


def worst(codes: Iterable[int]) -> int:
    found = set(codes)
    return next((code for code in _WORST if code in found), OK)


# --- for programs ---------------------------------------------------------------------------


def plain(report: RunReport) -> dict[str, Any]:
    """The run as JSON values."""
    found = {"run": report.run, "outcome": outcome(report), "feeds": [plain_feed(feed) for feed in report.feeds]}
    return found | ({"exports": [asdict(each) for each in report.exports]} if report.exports else {})


def plain_feed(feed: FeedReport) -> dict[str, Any]:
    return {
        "feed": feed.feed,
        "outcome": feed.outcome,
        **_counts(feed.tally),
        "deliveries": [_delivery(delivery) for delivery in feed.deliveries],
        "issues": [_issue(issue) for issue in feed.issues],
        **({} if feed.coverage is None else {"coverage": dict(feed.coverage)}),
        **({} if feed.hooks is None else {"hooks": dict(feed.hooks)}),
        "seconds": round(feed.seconds, 3),
    }


def _counts(tally: Tally) -> dict[str, Any]:
    return {
        **{name: getattr(tally, name) for name in COUNTS},
        "contacts": {
            "created": tally.contacts_created,
            "matched": tally.contacts_matched,
            "updated": tally.contacts_updated,
            "review": tally.contacts_review,
        },
        "activities": {"inserted": tally.activities_inserted, "updated": tally.activities_updated, "held": tally.held},
        "elementsQuarantined": tally.elements_quarantined,
    }


def _delivery(delivery: DeliveryReport) -> dict[str, Any]:
    return {
        "id": delivery.number,
        "name": delivery.name,
        "state": delivery.state,
        "sha256": delivery.sha256,
        "bytes": delivery.bytes,
        **_counts(delivery.tally),
    }


def _issue(issue: Issue) -> dict[str, Any]:
    return {
        "code": issue.code,
        "message": issue.message,
        "severity": issue.severity,
        "delivery": issue.delivery,
        "line": issue.line,
        "field": issue.field,
    }


# --- for people -----------------------------------------------------------------------------


def headings(names: Iterable[str], width: int) -> tuple[str, ...]:
    """The columns of the table: in full where a line has the room, else shortened, at last without contacts."""
    longest = max((len(name) for name in names), default=4)
    full = ("feed", "outcome", *COUNTS, "contacts")
    short = tuple(_SHORT.get(word, word) for word in full)
    for words in (full, short):
        if longest + sum(max(len(word), _NARROWEST) + 2 for word in words[1:]) <= width:
            return words
    return short[:-1]


def rows(report: RunReport, columns: int) -> list[tuple[str, ...]]:
    """One line per feed; contacts are those made and those changed, `+2 ~1`."""
    lines = [
        (
            feed.feed,
            feed.outcome,
            *(str(getattr(feed.tally, name)) for name in COUNTS),
            f"+{feed.tally.contacts_created} ~{feed.tally.contacts_updated}",
        )
        for feed in report.feeds
    ]
    return [line[:columns] for line in lines]


def identity(tally: Tally) -> str:
    """`read 3 = inserted 2 + updated 0 + ...`, and a loud word where that is not so."""
    parts = " + ".join(f"{name} {getattr(tally, name)}" for name in COUNTS[1:])
    sign = "=" if tally.is_balanced else "IS NOT"
    return f"read {tally.read} {sign} {parts}"


def sent_lines(reports: Iterable[SentReport]) -> list[str]:
    """`acme-rv/leads-adf: 2 sent, 1 excluded`, and why something still waits."""
    lines = []
    for each in reports:
        counts = [f"{count} {name}" for name in _SENT if (count := getattr(each, name))]
        waits = [f"the rest waits: {each.waits}"] if each.waits else []
        lines.append(f"{each.export}: {', '.join(counts) or 'nothing sent'}{'; ' if waits else ''}{''.join(waits)}")
    return lines


def total(report: RunReport) -> Tally:
    tally = Tally()
    for feed in report.feeds:
        tally.add(feed.tally)
    return tally


def issue_lines(report: RunReport) -> list[str]:
    """What was noted, errors first, and how many more there are."""
    found = [(feed.feed, issue) for feed in report.feeds for issue in feed.issues]
    order = ("error", "warning", "info")
    found.sort(key=lambda each: order.index(each[1].severity) if each[1].severity in order else len(order))
    lines = [_issue_line(feed, issue) for feed, issue in found[:_MOST_ISSUES]]
    if len(found) > _MOST_ISSUES:
        more = f"feeds runs show {report.run}" if report.run is not None else "--format json has them all"
        lines.append(f"... and {len(found) - _MOST_ISSUES} more: {more}")
    return lines


def _issue_line(feed: str, issue: Issue) -> str:
    place = ":".join(str(part) for part in (issue.delivery, issue.line) if part is not None)
    where = " ".join(part for part in (feed, place, issue.field or "") if part)
    return f"{issue.severity} {where}: {issue.message} [{issue.code}]"


def attention(report: RunReport) -> str:
    """One line: how the run ended, and what a person should do now."""
    number = "dry run" if report.run is None else f"run {report.run}"
    seconds = sum(feed.seconds for feed in report.feeds)
    parts = [f"{number} finished in {seconds:.1f} s", *_wanted(report)]
    return " · ".join(parts) if len(parts) > 1 else f"{parts[0]} · nothing needs attention"


def _wanted(report: RunReport) -> list[str]:
    tally, found = total(report), []
    if bad := tally.quarantined + tally.elements_quarantined:
        where = f" --run {report.run}" if report.run is not None else ""
        found.append(f"{_some(bad, 'row')} {_needs(bad)} attention: feeds quarantine list{where}")
    refused = sum(d.state == "refused" for feed in report.feeds for d in feed.deliveries)
    if refused:
        where = f": feeds runs show {report.run}" if report.run is not None else ""
        found.append(f"{_some(refused, 'delivery', 'deliveries')} refused{where}")
    elif feeds := _feeds(report, "refused"):
        found.append(f"{feeds[0] if len(feeds) == 1 else _some(len(feeds), 'feed')} refused, for the reasons above")
    foreign = sum(d.state == "notMine" for feed in report.feeds for d in feed.deliveries)
    if foreign:
        found.append(f"{_some(foreign, 'foreign file')} left alone")
    found += [_named("failed", _feeds(report, "failed"), "feeds check")]
    found += [_named("locked by another run", _feeds(report, "locked"), "feeds status")]
    stuck = {state: sum(getattr(each, state) for each in report.exports) for state in _STUCK}
    if any(stuck.values()):
        states = "".join(f" --state {state}" for state, count in stuck.items() if count)
        text = _some(sum(stuck.values()), "item")
        found.append(f"{text} of what goes out {_needs(sum(stuck.values()))} attention: feeds exports outbox{states}")
    if waiting := sum(bool(each.waits) for each in report.exports):
        found.append(f"{_some(waiting, 'export')} cannot send, for the reasons above")
    if tally.contacts_review:
        found.append(f"{_some(tally.contacts_review, 'contact')} may be known already")
    return [part for part in found if part]


def _feeds(report: RunReport, word: str) -> list[str]:
    return [feed.feed for feed in report.feeds if feed.outcome == word]


def _named(what: str, feeds: Sequence[str], command: str) -> str:
    if not feeds:
        return ""
    name = feeds[0] if len(feeds) == 1 else _some(len(feeds), "feed")
    return f"{name} {what}: {command}{' ' + feeds[0] if command == 'feeds check' else ''}"


def _some(number: int, one: str, many: str = "") -> str:
    return f"{number} {one}" if number == 1 else f"{number} {many or one + 's'}"


def _needs(number: int) -> str:
    return "needs" if number == 1 else "need"
