"""What would go out for the newest activities, and which rule keeps back the others. Queues and sends nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.errors import EncodeError, RecordError
from engine.exported import Brought, ExportCase, Happening, Subject
from engine.model import Export
from engine.outbound.encode import encode
from engine.outbound.rendering import Withheld, answered
from engine.outbound.select import CHANGED, CREATED, Held, barred, chosen, is_named
from engine.sending.parcels import written
from engine.store.bulk import bulk_of
from engine.store.database import Engine, reading
from engine.store.subjects import alone, newest, subjects

GOES, NOT_NAMED, DEAD = "goes", "notNamed", "dead"
_NEWEST = "999999999"


@dataclass(frozen=True, slots=True)
class Shown:
    """One activity. `verdict` is `goes`, or why it does not: excluded, suppressed, notNamed, dead."""

    subject: Subject
    verdict: str
    message: str
    reason: str = ""
    rule: str = ""
    media: str = ""
    body: bytes = b""


def preview(
    engine: Engine, export: Export, now: datetime, brought: Mapping[str, Brought], limit: int
) -> Iterator[Shown]:
    """The newest activities of each type that the dealer has, those that the export names first."""
    watched = export.watched | {name for case in export.cases for name in case.occasion.activities}
    kinds = sorted(export.activity_types, key=lambda name: (name not in watched, name))
    if export.find is not None:
        kinds = [export.find.type]
    with reading(engine) as connection:
        bulk = bulk_of(connection)
        for kind in kinds:
            for subject in subjects(bulk, newest(connection, export.dealer.name, kind, limit)):
                yield _shown(export, subject, now, brought)


def nameless(engine: Engine, export: Export) -> int:
    """Contacts of the dealer without any activity: that one was made is no reason to send something."""
    with reading(engine) as connection:
        return alone(connection, export.dealer.name)


def _shown(export: Export, subject: Subject, now: datetime, brought: Mapping[str, Brought]) -> Shown:
    if export.find is not None:
        return _answer(export, subject, now, brought)
    happening = _supposed(export, subject)
    choice = chosen(export, subject, happening, now, brought) if happening is not None else None
    if choice is None:
        return Shown(subject, NOT_NAMED, "", *_unnamed(export, subject))
    if choice.held is not None:
        return _kept(subject, choice.case, choice.held)
    try:
        _, made = written(export, choice.case, subject, now)
    except Withheld as error:
        return _kept(subject, choice.case, error.held)
    except (EncodeError, RecordError) as error:
        return Shown(subject, DEAD, choice.case.name, f"it cannot be written: {error}", export.where)
    return Shown(subject, GOES, choice.case.name, media=made.media, body=made.body)


def _answer(export: Export, subject: Subject, now: datetime, brought: Mapping[str, Brought]) -> Shown:
    """What somebody with the newest version is told who asks for it, and has been told nothing yet."""
    try:
        if (held := barred(export, subject, now, brought)) is not None:
            raise Withheld(held)
        fields, _ = answered(export, subject, {}, now, dict.fromkeys(export.versions, _NEWEST))
        made = encode(fields, export.encode)
    except Withheld as error:
        return Shown(subject, error.held.state, "", error.held.reason, error.held.rule)
    except (EncodeError, RecordError) as error:
        return Shown(subject, DEAD, "", f"it cannot be written: {error}", export.where)
    return Shown(subject, GOES, "", media=made.media, body=made.body)


def _kept(subject: Subject, case: ExportCase, held: Held) -> Shown:
    return Shown(subject, held.state, case.name, held.reason, held.rule)


def _supposed(export: Export, subject: Subject) -> Happening | None:
    """What would have to happen to it for the export to say something: that it was made, else that it changed."""
    wanted = [case for case in export.cases if not case.occasion.activities or subject.type in case.occasion.activities]
    changes: dict[str, Any] = {name: [None, None] for case in wanted for name in (*case.occasion.fields, "state")}
    kinds: Sequence[str] = [CREATED, *dict.fromkeys(case.occasion.happening or CHANGED for case in wanted)]
    tried = (Happening(kind, changes if kind == CHANGED else {}) for kind in kinds)
    return next((each for each in tried if any(is_named(case, subject, each) for case in wanted)), None)


def _unnamed(export: Export, subject: Subject) -> tuple[str, str]:
    occasions = [case.occasion for case in export.cases]
    named = [each for each in occasions if not each.activities or subject.type in each.activities]
    if named:
        return f"its event is for the state {named[0].state}", named[0].where
    names = ", ".join(dict.fromkeys(name for each in occasions for name in each.activities))
    return f"the export's event names {names or 'nothing'}", occasions[0].where if occasions else export.where
