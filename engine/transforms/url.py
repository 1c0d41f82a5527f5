"""Web addresses."""

from collections.abc import Callable
from urllib.parse import urlsplit

from engine.errors import RecordError
from engine.model import Value


def reader() -> Callable[[Value], str]:
    """An absolute http or https address as it was sent, without blanks around it.

    Raises RecordError ("url.unreadable"): another scheme, no host, a login in it, or blanks inside.
    """
    return _read


def _read(value: Value) -> str:
    text = value.strip() if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
        good = good and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or any(character.isspace() or not character.isprintable() for character in text):
        raise RecordError("url.unreadable", "expected an address such as https://example.com/page")
    return text
