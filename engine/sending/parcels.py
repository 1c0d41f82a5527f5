"""One item made ready: judged once more as things stand now, rendered, encoded. Sends nothing, and commits nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.errors import EncodeError, RecordError
from engine.exported import Brought, ExportCase, Subject
from engine.language.secrets import Secrets
from engine.model import Export
from engine.outbound.encode import Encoded, encode
from engine.outbound.rendering import Withheld, rendered
from engine.outbound.seen import seen
from engine.outbound.select import SUPPRESSED, Held, withheld
from engine.sending import ways
from engine.store import outbox
from engine.store.outbox import Claimed
from transports.base import Parcel

_SUFFIXES = {"application/json": ".json", "text/csv": ".csv", "text/plain": ".txt"}


@dataclass(frozen=True, slots=True)
class Making:
    """What items of one export are made with. `brought` is what the definitions of the feeds say now."""

    export: Export
    secrets: Secrets
    now: datetime
    brought: Mapping[str, Brought]

    def parcel(self, claimed: Claimed, subject: Subject | None) -> Parcel | Held:
        """What is to be sent, or why it is not."""
        if subject is None:
            return self._kept(claimed, Held(SUPPRESSED, "its activity is there no longer", ""))
        if claimed.after_newer:
            return self._kept(claimed, Held(SUPPRESSED, "a newer one of the same activity has been sent", ""))
        case, held = withheld(self.export, subject, claimed.message, self.now, self.brought)
        if held is not None or case is None:
            return self._kept(claimed, held or Held(SUPPRESSED, "nothing of the export is for it", self.export.where))
        try:
            return self._made(claimed, case, subject)
        except Withheld as error:
            return self._kept(claimed, error.held)
        except (EncodeError, RecordError) as error:
            return Held(outbox.DEAD, f"it cannot be written: {error}", self.export.where)

    def _made(self, claimed: Claimed, case: ExportCase, subject: Subject) -> Parcel:
        what = seen(self.export, subject, self.now)
        if claimed.payload is not None and claimed.media is not None:
            made = Encoded(claimed.payload, claimed.media, _SUFFIXES.get(claimed.media.partition(";")[0], ""))
        else:
            what, made = written(self.export, case, subject, self.now, claimed.id)
        # By the moment at which it was queued: sent again it goes to the same place, under the same name.
        there = {**what, "run": seen(self.export, subject, claimed.queued_at)["run"]}
        key = ways.key_of(self.export, claimed.key)
        name = ways.name_of(self.export, there, key, made.suffix)
        return Parcel(key, made.body, made.media, name, ways.of_item(self.export, self.secrets, there))

    def _kept(self, claimed: Claimed, held: Held) -> Held:
        """What may have been sent already is not said to have been kept back."""
        if claimed.payload is None:
            return held
        return Held(outbox.UNCERTAIN, f"it may have been sent before; not again: {held.reason}", held.rule)


def written(
    export: Export, case: ExportCase, subject: Subject, now: datetime, number: int = 0
) -> tuple[dict[str, Any], Encoded]:
    """What the names of the definition stand for, and what goes out. Raises Withheld, EncodeError, RecordError."""
    what, fields = rendered(export, case, subject, now, number=number)
    return what, encode(fields, export.encode)
