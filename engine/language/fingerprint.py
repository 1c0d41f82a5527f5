"""What decides a raw record's fate, as a hash: two feeds with one hash make the same of the same row.

Line numbers, titles, schedules and transports take no part, so that moving a comment imports nothing again.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any
from zoneinfo import ZoneInfo

from engine.model import Value

# Where a field stands is for messages; the labels of an activity type for readers.
_LEFT_OUT = frozenset({"where", "label", "date_label", "about", "shows", "title"})


def digest(*parts: Any) -> str:
    """The sha256 of the canonical form of some values."""
    text = json.dumps([_canonical(part) for part in parts], separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Value:
    if is_dataclass(value) and not isinstance(value, type):
        named = {
            each.name: _canonical(getattr(value, each.name)) for each in fields(value) if each.name not in _LEFT_OUT
        }
        return {type(value).__name__: named}
    if isinstance(value, Mapping):
        # The order of columns in an alias list matters, the order of keys in a map does not.
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(_canonical(item) for item in value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return [type(value).__name__, *(_canonical(item) for item in value)]
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return value.key if isinstance(value, ZoneInfo) else value
