"""What transports of files have to decide: which names are safe, and whether a file is still the one we saw.

Pure. Never takes a remote name for a local path.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from transports.base import Refused, RemoteFile

# Far more than anyone's archive holds of one name; it bounds the search for a free one.
_MOST_OF_ONE_NAME = 10_000


def is_segment(name: str) -> bool:
    """Whether `name` is one path segment wherever it may be read: a backslash is a separator on Windows servers."""
    return name not in ("", ".", "..") and not any(character in name for character in "/\\\0")


def segments(folder: str) -> list[str]:
    """The segments of a folder below the directory. Raises Refused for one that leads out of it."""
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    if folder.startswith("/") or not parts or not all(is_segment(part) for part in parts):
        raise Refused(f"{folder!r} is no folder below the directory: give a relative one without '..', such as `done/`")
    return parts


def free_names(name: str) -> Iterator[str]:
    """`a.csv`, `a-2.csv`, `a-3.csv` ..."""
    if not is_segment(name):
        raise Refused(f"{name!r} is not one file name")
    yield name
    path = PurePosixPath(name)
    for number in range(2, _MOST_OF_ONE_NAME):
        yield f"{path.stem}-{number}{path.suffix}"
    raise Refused(f"{_MOST_OF_ONE_NAME} files named {name!r} are there already: clear that folder")


def is_same(seen: RemoteFile, now: RemoteFile) -> bool:
    """Whether size and time agree, as far as both are known. Names are not compared: a claim changes them."""
    return all(
        before is None or after is None or before == after
        for before, after in ((seen.size, now.size), (seen.modified, now.modified))
    )
