"""What is stored, as a test names it: flat, with every name there is. Pure.

An activity's own fields stand beside its `key`, `state` and the rest; a contact's address and consent
stand beside its name.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from engine.store.people import ADDRESS, CONSENT

_ACTIVITY = ("type", "key", "occurred", "state", "feed")
_CONTACT = ("firstName", "lastName", "company", "emails", "phones", "externalIds")
_REST = ("middleName", "suffix", "birthDate", "language")
VEHICLE = (
    *("vin", "plate", "plateState", "year", "make", "model", "trim", "unitType", "manufacturer"),
    *("odometer", "odometerUnit", "stockNumber", "color", "description"),
)
_ROW = ("feed", "delivery", "line", "code", "field", "value", "message", "raw")


def contact(stored: Mapping[str, Any], fields: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """A contact as it is listed, with its own fields beside.

    `externalId` is the number within the vendor's namespace, `email` and `phone` are the first of theirs.
    """
    return {
        **{name: stored[name] if stored[name] != "" else None for name in _CONTACT},
        "email": _first(stored["emails"]),
        "phone": _first(stored["phones"]),
        "externalId": stored["externalIds"].get(namespace),
        **{name: fields.get(name) for name in (*ADDRESS, *CONSENT, *_REST)},
    }


def activity(stored: Mapping[str, Any], contacts: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """`contacts` are the views of all contacts by their ids: an activity's contact has all that they have."""
    person, unit, source = stored["contact"], stored["vehicle"], stored["source"]
    return {
        **stored["fields"],
        **{name: stored[name] for name in _ACTIVITY},
        "fields": stored["fields"],
        "contact": None if person is None else contacts.get(person["id"], person),
        "vehicle": None if unit is None else vehicle(unit),
        "delivery": source["delivery"],
        "line": source["line"],
    }


def vehicle(stored: Mapping[str, Any]) -> dict[str, Any]:
    return dict.fromkeys(VEHICLE) | {name: value for name, value in stored.items() if name != "id"}


def item(stored: Mapping[str, Any], activity: tuple[str, str] | None) -> dict[str, Any]:
    """What goes out, or was kept back. `text` is what was sent, `json` and `form` the same by their names."""
    payload, media = stored["payload"], stored["media"] or ""
    text = None if payload is None else bytes(payload).decode("utf-8", "replace")
    kind, key = activity or (None, None)
    return {
        "export": stored["export"].partition("/")[2],
        "type": kind,
        "key": key,
        "message": stored["message"] or None,
        "event": stored["happening"],
        **{name: stored[name] for name in ("state", "reason", "rule", "media")},
        "text": text,
        "json": orjson.loads(text) if text is not None and "json" in media else None,
        "form": dict(parse_qsl(text, True)) if text is not None and "form-urlencoded" in media else None,
    }


def row(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A quarantined row."""
    return {name: stored[name] for name in _ROW}


def _first(values: Any) -> Any:
    return values[0] if values else None
