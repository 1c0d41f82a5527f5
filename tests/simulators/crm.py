"""A CRM that takes leads as ADF and triggers as JSON, on loopback. Entirely of our own design.

It keeps what it is sent, reads ADF as leniently as receivers do, and takes one Idempotency-Key once.
"""

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from lxml import etree

from tests.simulators.loopback import Answer, Asked, Loopback, as_json


@dataclass
class Crm:
    leads: list[dict[str, str]] = field(default_factory=list)
    triggers: list[dict[str, Any]] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.far = Loopback(self._answer)

    def __enter__(self) -> Self:
        self.far.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.far.__exit__(kind, error, at)

    @property
    def url(self) -> str:
        return self.far.url

    @property
    def heard(self) -> list[str]:
        """The triggers by their names."""
        return [each["trigger"] for each in self.triggers]

    def _answer(self, asked: Asked) -> Answer:
        if asked.path == "/leads":
            root = etree.fromstring(asked.body)
            found = {name: root.findtext(f".//{path}") or "" for name, path in _PLACES.items()}
            self.leads.append(found)
            return as_json({"id": f"L-{len(self.leads)}"}, 201)
        if asked.path == "/triggers":
            key = asked.headers.get("idempotency-key", "")
            if key not in self.known:
                self.known.add(key)
                self.triggers.append(asked.json)
            return as_json({"ok": True})
        return as_json({"error": "not found"}, 404)


_PLACES = {
    "first": "name[@part='first']",
    "last": "name[@part='last']",
    "phone": "customer/contact/phone",
    "email": "customer/contact/email",
    "make": "vehicle/make",
}
