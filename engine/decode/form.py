"""A urlencoded body, as a browser or a webhook posts it (WHATWG URL, 5.1). Never reads a query out of an address."""

from collections.abc import Mapping
from itertools import chain
from urllib.parse import parse_qsl

from engine.decode.source import Bytes, opened
from engine.decode.text import character_faults, content, readable
from engine.errors import DecodeError
from engine.model import Batch, Decoded, Value

_LIMIT = 16 << 20  # bytes
_FIELDS = 10_000


def decode(path: Bytes, settings: Mapping[str, Value], batch: int) -> Decoded:
    """One record: name to text, or to a list of texts where a name stands several times.

    Raises DecodeError: `form.syntax` (a part without "=", or too many), `encoding.unreadable`.
    """
    text = readable(opened(path, settings, _LIMIT), settings)
    raw = content(text).decode()
    record: dict[str, Value] = {}
    pairs = _pairs(raw.strip(), text.encoding)
    for name, value in pairs:
        if name in record:
            record[name] = [*(record[name] if isinstance(record[name], list) else [record[name]]), value]
        else:
            record[name] = value
    faults = character_faults(["".join(chain.from_iterable(pairs))], [1])
    return Decoded(None, iter((Batch([record], [1], [raw], list(faults.values())),)), encoding=text.encoding)


def _pairs(raw: str, encoding: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            raw, keep_blank_values=True, strict_parsing=True, encoding=encoding, errors="strict", max_num_fields=_FIELDS
        )
    except UnicodeDecodeError as error:
        raise DecodeError("encoding.unreadable", f"the percent signs do not stand for text in {encoding}") from error
    except ValueError as error:
        raise DecodeError("form.syntax", f"expected name=value pairs joined by &, at most {_FIELDS}") from error
