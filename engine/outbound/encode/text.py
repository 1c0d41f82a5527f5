"""The text of a message, and nothing beside it. Puts no text together itself."""

from collections.abc import Mapping
from typing import Any

from engine.errors import EncodeError
from engine.outbound.encode.encoded import Encoded, Fields, leaves, written


def encode(fields: Fields, settings: Mapping[str, Any]) -> Encoded:
    """The field `text`, or the only field there is. Raises EncodeError ("encode.text") for any other."""
    found = {"text": fields["text"]} if "text" in fields else dict(leaves(fields))
    texts = [value for value in found.values() if value is not None]
    if len(texts) != 1 or isinstance(texts[0], list | Mapping):
        names = ", ".join(found) or "none"
        raise EncodeError("encode.text", f"expected one field, or one that is called text; found {names}", "text")
    return Encoded(written(texts[0]).encode("utf-8"), "text/plain; charset=utf-8", ".txt")
