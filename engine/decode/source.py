"""The bytes of a delivery, unpacked under caps. Never writes a file and never uses a name from an archive as a path.

Refusals: `compression.wrong` (not the declared packing), `compression.cut` (it ends too early),
`compression.damaged`, `compression.encrypted`, `compression.method`, `compression.nested`,
`zip.member` (none or several fit), `zip.bomb`, `file.tooLarge`.
"""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, TypeAlias, cast

from engine.errors import DecodeError
from engine.model import Value

CHUNK = 1 << 17  # bytes; small enough that what is made of a chunk stays in the processor's cache
STREAMED = 4 << 30  # bytes: the cap of formats that are read row by row
WHOLE = 256 << 20  # bytes: the cap of formats whose document is in memory as a whole

# What zipfile raises for an archive that is none, was changed or is encrypted.
DAMAGED = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, struct.error)

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_RATIO = 100  # unpacked bytes per packed byte; deflate reaches 1032, tables of people about 20
_RATIO_FROM = 16 << 20  # bytes: below this no ratio is a danger
_DIRECTORY = 1 << 20  # bytes: the table of contents of a zip, about 10,000 members
_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second is an archive without members
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # lzma may ask for 4 GiB before its first byte


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes that are in memory already, such as the body of a reply; opened as a file is."""

    content: bytes

    def open(self, mode: str) -> IO[bytes]:
        return io.BytesIO(self.content)


Bytes: TypeAlias = Path | Held


@dataclass(frozen=True, slots=True)
class Source:
    """Where the bytes of a delivery are, and how they are packed: "none", "gzip" or "zip"."""

    path: Bytes
    packing: str
    limit: int  # bytes, unpacked
    member: zipfile.ZipInfo | None = None


def size(value: Value) -> int:
    """Bytes, from a number or from text with a unit ("64MiB")."""
    if isinstance(value, int):
        return value
    digits = value.rstrip("BKMGTi")
    return int(digits) * _UNITS[value[len(digits) :]]


def opened(path: Bytes, settings: Mapping[str, Value], limit: int = STREAMED, container: bool = False) -> Source:
    """Look at the first bytes and decide how the delivery is packed.

    `container` says that the format itself is a zip (xlsx), so that `auto` leaves a zip alone.
    """
    limit = size(settings.get("maxBytes", limit))
    with path.open("rb") as file:
        magic = file.read(4)
    found = "gzip" if magic.startswith(_GZIP) else "zip" if magic in _ZIP else "none"
    wanted = settings.get("compression", "auto")
    if wanted == "auto":
        wanted = "none" if container and found == "zip" else found
    if wanted not in ("none", found):
        raise DecodeError("compression.wrong", f"expected {wanted}, but the first bytes of the file are no {wanted}")
    member = _member(path, settings.get("member")) if wanted == "zip" else None
    source = Source(path, wanted, limit, member)
    if wanted != "none" and not container:
        _refuse_nesting(source)
    return source


def chunks(source: Source, size: int = CHUNK) -> Iterator[bytes]:
    """The unpacked bytes, `size` at a time; only the last piece is shorter, and none is empty."""
    with source.path.open("rb") as file, closing(_unpacked(source, file)) as stream:
        packed = None if source.packing == "none" else _length(source.path)
        yield from capped(stream, packed, source.limit, size)


def capped(stream: IO[bytes], packed: int | None, limit: int, size: int = CHUNK) -> Iterator[bytes]:
    """What a stream gives, as long as it stays under the caps; `packed` is its size when it is compressed."""
    produced = 0
    while chunk := _read(stream, size):
        produced += len(chunk)
        if packed is not None and produced > _RATIO_FROM and produced > packed * _RATIO:
            raise DecodeError("zip.bomb", f"{packed} bytes unpack to more than {_RATIO} times as many")
        if produced > limit:
            code = "file.tooLarge" if packed is None else "zip.bomb"
            raise DecodeError(code, f"expected at most {limit} bytes of content (decode.maxBytes), found more")
        yield chunk


def _length(path: Bytes) -> int:
    return len(path.content) if isinstance(path, Held) else path.stat().st_size


def content(source: Source) -> bytes:
    """All unpacked bytes."""
    return b"".join(chunks(source))


def _unpacked(source: Source, file: IO[bytes]) -> IO[bytes]:
    if source.packing == "gzip":
        return cast(IO[bytes], gzip.open(file))
    if source.member is not None:
        try:
            return zipfile.ZipFile(file).open(source.member)
        except DAMAGED as error:
            raise DecodeError("compression.damaged", "the zip archive is damaged; it has to be sent again") from error
    return file


def _read(stream: IO[bytes], size: int) -> bytes:
    """Exactly `size` bytes, fewer only at the end."""
    pieces = io.BytesIO()
    try:
        while (missing := size - pieces.tell()) and (piece := stream.read(missing)):
            pieces.write(piece)
    except EOFError as error:
        raise DecodeError("compression.cut", "the compressed file ends too early: it was cut short") from error
    except (zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise DecodeError("compression.damaged", "the file does not unpack: its coding or checksum is wrong") from error
    return pieces.getvalue()


def _refuse_nesting(source: Source) -> None:
    """An archive in an archive is refused: the caps hold for one level."""
    magic = next(chunks(source, 4), b"")
    if magic.startswith(_GZIP) or magic in _ZIP:
        raise DecodeError("compression.nested", "found an archive inside the archive; expected the data itself")


def _member(path: Bytes, wanted: str | None) -> zipfile.ZipInfo:
    """The one member that `wanted` (a glob on its name) fits; without it the only one there is."""
    members = [member for member in _members(path) if wanted is None or _fits(member.filename, wanted)]
    if len(members) != 1:
        which = "in the archive" if wanted is None else f"that decode.member ({wanted!r}) fits"
        raise DecodeError("zip.member", f"expected one file {which}, found {len(members)}; name it by decode.member")
    (member,) = members
    if member.flag_bits & 1:
        raise DecodeError("compression.encrypted", "the zip archive is encrypted; expected one without a password")
    if member.compress_type not in _METHODS:
        raise DecodeError("compression.method", f"zip method {member.compress_type}; expected stored or deflate")
    return member


def _members(path: Bytes) -> list[zipfile.ZipInfo]:
    """The files of the archive, without folders and without what macOS adds."""
    with path.open("rb") as file:
        return [m for m in members(file) if not m.is_dir() and not m.filename.startswith("__MACOSX/")]


def members(file: IO[bytes]) -> list[zipfile.ZipInfo]:
    """What a zip says it holds. Raises DecodeError: `zip.bomb`, `compression.cut`."""
    try:
        if _directory_size(file) > _DIRECTORY:
            raise DecodeError("zip.bomb", f"the archive's table of contents is larger than {_DIRECTORY} bytes")
        with zipfile.ZipFile(file) as archive:
            found = archive.infolist()
        if any(member.header_offset < 0 for member in found):  # it would be sought before the file begins
            raise zipfile.BadZipFile
        return found
    except DAMAGED as error:
        # A zip has its table of contents at the end, so a cut one shows as having none.
        raise DecodeError("compression.cut", "the zip archive has no table of contents: was it cut?") from error


def _fits(name: str, wanted: str) -> bool:
    return fnmatchcase(name, wanted) or fnmatchcase(name.rpartition("/")[2], wanted)


def _directory_size(file: IO[bytes]) -> int:
    """Bytes of the table of contents, read before zipfile makes an object of every entry (APPNOTE 4.3.14-16)."""
    file.seek(max(0, file.seek(0, io.SEEK_END) - (1 << 16) - 42))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0:
        raise zipfile.BadZipFile
    if tail[max(0, end - 20) : end].startswith(b"PK\x06\x07"):  # the zip64 one stands in its place
        file.seek(struct.unpack_from("<Q", tail, end - 12)[0])
        return int(struct.unpack_from("<Q", file.read(56), 40)[0])
    return int(struct.unpack_from("<L", tail, end + 12)[0])
