"""A JSON document, exact: no key twice, no NaN, no infinity, no rounded integer. Never reads a second document.

orjson reads it; what orjson would pass over is found by checks that cost a fraction of the
parse, and the standard library's parser has the last word where they cannot rule it out.
"""

import json
from collections.abc import Mapping

import orjson

from engine.decode.source import WHOLE, Bytes, opened
from engine.decode.text import content, readable
from engine.errors import DecodeError
from engine.model import Batch, Decoded, Value

DEPTH = 254  # levels; what orjson writes, and so what the rest of the house can store

_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
_NUL = b"\\u0000"
_QUOTE = b"\\u0022"
_LONG_INTEGER = b"0" * 19  # 2**63 has 19 digits; beyond 64 bits orjson makes a float of an integer


def decode(path: Bytes, settings: Mapping[str, Value], batch: int) -> Decoded:
    """The document as one row; `records.path` selects from it. Raises what `document` raises."""
    text = readable(opened(path, settings, WHOLE), settings)
    data = content(text)
    whole = Batch([document(data)], [1], [data.decode()], [])
    return Decoded(None, iter((whole,)), whole=True, encoding=text.encoding, notes=text.notes)


def document(data: bytes) -> Value:
    """Parse one JSON text (UTF-8) into an object or a list.

    Raises DecodeError: `json.syntax`, `json.duplicateKey`, `json.nul`, `json.depth`, `json.scalar`
    (the text is neither an object nor a list).
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        code = "json.depth" if "depth" in error.msg else "json.syntax"
        message = f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        raise DecodeError(code, message, error.lineno) from error
    if not isinstance(value, dict | list):
        raise DecodeError("json.scalar", "expected a JSON object or list, found a single value")
    return value if is_exact(data, value) else _slowly(data)


def is_exact(data: bytes, value: Value) -> bool:
    """Whether `value` certainly is all that `data` says. Raises DecodeError (`json.depth`).

    Written out again, the value has as many quotes as the text: a key that stood there twice would
    be missing, and nothing can make up for it, since a quote inside a string is `\\"` in both (a text
    with `\\u0022` is not certain). NULs and integers of more than 64 bits are looked for in the text.
    A text that is just as it is written again leaves only the NULs open.
    """
    try:
        written = orjson.dumps(value)
    except TypeError as error:  # orjson's JSONEncodeError is one
        raise DecodeError("json.depth", f"the document is nested deeper than {DEPTH} levels") from error
    if written == data:
        return _NUL not in data
    if written.count(b'"') != data.count(b'"') or _LONG_INTEGER in data.translate(_DIGITS):
        return False
    return b"\\u00" not in data or not (_QUOTE in data or _NUL in data)


def _slowly(data: bytes) -> Value:
    """The standard library's parser, with every object looked at."""
    if _NUL in data.replace(b"\\\\", b""):  # an escaped backslash before u0000 is no escape
        raise DecodeError("json.nul", "a text of the document holds a NUL character, which no database keeps")
    return json.loads(data, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise DecodeError("json.duplicateKey", "an object has the same key twice; which one counts is not known")
    return found
