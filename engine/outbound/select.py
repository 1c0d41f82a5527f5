"""Which of a dealer's exports send something for what became of an activity, and which rule keeps one back. Pure.

The same rules are asked when an item is queued and again when it is sent: what was excluded in between stays here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from engine.exported import Brought, ExportCase, Happening, Subject
from engine.mapping.keys import escaped
from engine.model import Export
from engine.outbound.seen import Seen, found, holds, seen, weighed

QUEUED, EXCLUDED, SUPPRESSED = "queued", "excluded", "suppressed"
CREATED, CHANGED, DUE = "created", "changed", "due"
TEXTING = "allowText"  # the consent that a STOP outweighs, whatever a dealer's system says after it
_LONGEST = 400  # characters of a key: an index takes no more than a few thousand bytes


class Held(NamedTuple):
    """Why something does not go out: the state of its item, the reason in words, and where the rule is written."""

    state: str
    reason: str
    rule: str


class Choice(NamedTuple):
    """One case of an export that an activity's happening is for; `held` is None where it goes out."""

    case: ExportCase
    key: str
    held: Held | None


def chosen(
    export: Export, subject: Subject, happening: Happening, now: datetime, brought: Mapping[str, Brought]
) -> Choice | None:
    """What an export does about a happening; None where nothing of it names that.

    `brought` is what the feeds' definitions say now, by feed; else what the store knows of them counts.
    """
    cases = [case for case in export.cases if is_named(case, subject, happening)]
    if not cases:
        return None
    what = seen(export, subject, now)
    judged = weighed(what, export.activity_types.get(subject.type))
    excluded = _excluded(export, subject, judged, brought)
    reasons = [(case, _withheld(case, judged)) for case in cases]
    # The first that holds; where none does, the first says why.
    case, reason = next((each for each in reasons if each[1] is None), reasons[0])
    return Choice(case, _key(export, case, what), excluded or reason or _without_consent(export, subject))


def withheld(
    export: Export, subject: Subject, message: str, now: datetime, brought: Mapping[str, Brought]
) -> tuple[ExportCase | None, Held | None]:
    """The case of an item that was queued, and what keeps it back as things stand now."""
    case = next((each for each in export.cases if each.name == message), None)
    if case is None:
        return None, Held(SUPPRESSED, f"the export has no message {message!r} any more", export.where)
    judged = weighed(seen(export, subject, now), export.activity_types.get(subject.type))
    held = _excluded(export, subject, judged, brought) or _withheld(case, judged) or _without_consent(export, subject)
    return case, held


def barred(export: Export, subject: Subject, now: datetime, brought: Mapping[str, Brought]) -> Held | None:
    """What keeps all of an export from saying anything of an activity: an exclusion, or that there is no consent."""
    judged = weighed(seen(export, subject, now), export.activity_types.get(subject.type))
    return _excluded(export, subject, judged, brought) or _without_consent(export, subject)


def is_named(case: ExportCase, subject: Subject, happening: Happening) -> bool:
    """Whether the case's event is for what happened."""
    occasion = case.occasion
    if occasion.activities and subject.type not in occasion.activities:
        return False
    if occasion.happening is not None and occasion.happening != happening.kind:
        return False
    if occasion.happening == CHANGED and occasion.fields:
        return any(name in happening.changes for name in occasion.fields) and occasion.state in (None, subject.state)
    if happening.kind == DUE:
        return occasion.happening == DUE and occasion.state in (None, subject.state)
    if occasion.state is None:
        return occasion.happening is not None
    came = happening.kind == CREATED or "state" in happening.changes
    return came and subject.state == occasion.state


def _excluded(export: Export, subject: Subject, judged: Seen, brought: Mapping[str, Brought]) -> Held | None:
    """Any exclusion wins: of the export, or of a feed that brought the activity."""
    kind = export.activity_types.get(subject.type)
    category = kind.category if kind is not None else "other"
    for each in export.exclusions:
        if each.by == "categories" and category in each.names:
            return Held(EXCLUDED, f"the export excludes the category {category}", each.where)
        if each.by == "activities" and subject.type in each.names:
            return Held(EXCLUDED, f"the export excludes {subject.type}", each.where)
        if each.by == "if" and any(holds(condition, judged) for condition in each.names):
            return Held(EXCLUDED, f"the export excludes what this holds of: {each.names[0]}", each.where)
    for known in subject.brought:
        feed = brought.get(known.feed, known)
        if export.group is not None and export.group in feed.excluded:
            text = f"the feed {feed.feed} gives nothing to exports of the class {export.group}"
            return Held(EXCLUDED, text, feed.where)
    return None


def _withheld(case: ExportCase, judged: Seen) -> Held | None:
    if case.lacking:
        return Held(SUPPRESSED, f"the dealer has not got {case.lacking}", case.where)
    if case.condition is not None and not holds(case.condition, judged):
        return Held(SUPPRESSED, f"its condition does not hold: {case.condition}", case.condition_where)
    return None


def _without_consent(export: Export, subject: Subject) -> Held | None:
    if export.consent is None:
        return None
    contact = subject.contact or {}
    if export.consent == TEXTING and contact.get("textsStopped") is True:
        why = "somebody at this number has said STOP (textsStopped)"
    elif contact.get(export.consent) is True:
        return None
    else:
        why = "the contact has not given its consent" if contact else "it has no contact that could give consent"
        why = f"{why} ({export.consent})"
    return Held(SUPPRESSED, why, export.consent_where)


def _key(export: Export, case: ExportCase, what: Seen) -> str:
    """What is never sent twice; an activity's own number where the definition's parts are all blank."""
    parts: Sequence[object] = [found(path, what) for path in export.key]
    if all(part is None for part in parts):
        parts = [what["activity"]["id"]]
    text = "|".join([*map(escaped, parts), *([escaped(case.name)] if case.name else [])])
    if len(text) <= _LONGEST:
        return text
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32).hexdigest()
