"""References of a `transport` block, filled when a request is made: `${window.from:%Y-%m-%d}`, `${page.token}`.

Never reads a definition and never shows a secret: a text with one in it is a Secret as a whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from engine.deferred import Reference, Template
from engine.errors import RecordError
from engine.language.references import moved
from engine.mapping.keys import text_of
from engine.world import stamp
from transports.base import Moment, Secret


@dataclass(frozen=True, slots=True)
class Filler:
    """`known` are the values of every request: the run, the dealer."""

    known: Mapping[str, Any]
    timezone: ZoneInfo

    def fill(self, value: Any, names: Mapping[str, Any]) -> Any:
        """At any depth; None for a reference that names nothing, and for a text with one in it."""
        if isinstance(value, Template):
            return self._text(value, {**self.known, **names}, is_address=False)
        if isinstance(value, Reference):
            return self._found(value, {**self.known, **names})
        if isinstance(value, Mapping):
            return {key: self.fill(inner, names) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.fill(inner, names) for inner in value]
        return value

    def address(self, value: Any, names: Mapping[str, Any]) -> Any:
        """The same, with whatever is filled in percent-encoded whole: no value leads to another path."""
        if isinstance(value, Template):
            return self._text(value, {**self.known, **names}, is_address=True)
        return value

    def _text(self, template: Template, names: Mapping[str, Any], is_address: bool) -> Any:
        parts = [part if isinstance(part, str) else self._found(part, names) for part in template.parts]
        if len(parts) == 1 and not is_address:
            return parts[0]
        if any(part is None for part in parts):
            return None
        texts: list[str] = []
        secrets: list[str] = []
        for written, part in zip(template.parts, parts, strict=True):
            text = part.reveal() if isinstance(part, Secret) else text_of(part)
            secrets += [part.name] if isinstance(part, Secret) else []
            texts.append(quote(text, safe="") if is_address and isinstance(written, Reference) else text)
        whole = "".join(texts)
        return Secret("+".join(secrets), whole) if secrets else whole

    def _found(self, reference: Reference, names: Mapping[str, Any]) -> Any:
        value: Any = names
        for name in reference.path:
            value = value.get(name) if isinstance(value, Mapping) else None
        is_plain = not (reference.months or reference.days or reference.seconds or reference.format)
        if isinstance(value, Moment):
            if is_plain:
                return value.text
            value = None if value.at is None else stamp(value.at)
        elif value is None or is_plain:
            return value
        if not isinstance(value, str):
            shown = ".".join(reference.path)
            raise RecordError("reference.unreadable", f"${{{shown}}} is moved or printed as a date, but holds no date")
        return moved(value, reference, self.timezone)
