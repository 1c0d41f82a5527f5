"""C5: fields from 1 KB to 64 MB, in a line, in quotes and over many lines."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine.decode.source import CHUNK

KB = 1024
LADDER = {
    "1KB": KB,
    "4KB": 4 * KB,
    "16KB": 16 * KB,
    "64KB": 64 * KB,
    "128KB": 128 * KB,  # the csv module's own limit is 131,072 characters
    "256KB": 256 * KB,
    "1MB": KB * KB,  # the default cap
    "1MB+1": KB * KB + 1,
    "4MB": 4 * KB * KB,  # the highest cap there is
    "4MB+1": 4 * KB * KB + 1,
    "8MB": 8 * KB * KB,  # the longest record that is kept in memory
    "9MB": 9 * KB * KB,
    "16MB": 16 * KB * KB,
    "64MB": 64 * KB * KB,
}
SHAPES: dict[str, Callable[[int], bytes]] = {
    "plain": lambda size: b"x" * size,
    "quoted": lambda size: b'"' + b"x" * size + b'"',
    "many-lines": lambda size: b'"' + (b"x" * 1023 + b"\n") * (size // KB) + b"x" * (size % KB) + b'"',
}


def files() -> Iterator[tuple[str, Callable[[], bytes], Mapping[str, Any]]]:
    for word, size in LADDER.items():
        for shape, field in SHAPES.items():
            yield f"{shape}-{word}", lambda size=size, field=field: table(field(size)), {"format": "csv"}  # type: ignore[misc]
    letters = "é" * (KB * KB // 2)
    yield "bytes-not-characters", lambda: table(letters.encode()), {"format": "csv"}
    yield "bytes-not-characters-over", lambda: table(letters.encode() + b"x"), {"format": "csv"}
    yield "many-large", lambda: table(b"x" * 500_000) + b"1,2," + b"y" * 500_000, {"format": "csv"}
    yield "unclosed-16MB", lambda: table(b'"' + b"x" * (16 * KB * KB)), {"format": "csv"}
    yield "many-unclosed-lines-16MB", lambda: table(b'"' + (b"x" * 1023 + b"\n") * 16 * KB), {"format": "csv"}
    yield "small-cap", lambda: table(b"x" * 65), {"format": "csv", "maxFieldBytes": "64B"}
    yield "small-cap-kept", lambda: table(b"x" * 64), {"format": "csv", "maxFieldBytes": "64B"}
    yield "lines-9MB", lambda: b"a\n" + b"x" * (9 * KB * KB) + b"\nb\n", {"format": "lines"}
    yield "jsonl-9MB", lambda: b'{"a": 1}\n{"a": "' + b"x" * (9 * KB * KB) + b'"}\n{"a": 2}\n', {"format": "jsonl"}
    yield "9MB-behind-a-chunk-that-ends-with-cr", behind_a_chunk, {"format": "csv"}
    yield "9MB-line-that-opens-a-quote", lambda: table(b'"' + b"x" * (9 * KB * KB) + b'\ny"'), {"format": "csv"}
    yield "9MB-line-that-closes-a-quote", lambda: table(b'"y\n' + b"x" * (9 * KB * KB) + b'"'), {"format": "csv"}
    yield "9MB-line-inside-quotes", lambda: table(b'"y\n' + b"x" * (9 * KB * KB) + b'\ny"'), {"format": "csv"}
    yield "too-many-bytes", lambda: table(b"x" * 2000), {"format": "csv", "maxBytes": "1KiB"}
    names = ",".join(f"c{number}" for number in range(5000))
    yield "many-columns", lambda: f"{names}\n{',' * 4999}\n".encode(), {"format": "csv"}


def behind_a_chunk() -> bytes:
    """A line that ends with CR where a chunk ends, and a long one behind it."""
    first = b"a,b,c\r1,2," + b"x" * (CHUNK - 11) + b"\r"
    return first + b"4," + b"y" * (9 * KB * KB) + b",5\r6,7,8\r"


def table(field: bytes) -> bytes:
    return b"a,b,c\n1,2,3\n4," + field + b",5\n6,7,8\n"
