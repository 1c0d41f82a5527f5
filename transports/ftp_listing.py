"""What an FTP server says about its files, read: MLSD facts (RFC 3659), LIST lines in the two forms that exist.

Pure: bytes in, entries out. Never trusts a time out of LIST, which has no zone and often no year.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple


class Entry(NamedTuple):
    """One line of a listing. `is_plain` is False for folders, links and whatever else is no file."""

    name: str
    is_plain: bool
    size: int | None
    modified: float | None


_MOMENT = re.compile(r"(\d{14})(\.\d{1,9})?")

# "-rw-r--r--   1 owner group   1234 Dec 31 23:59 name" and with "2021", "31 Dec" or "2021-12-31" for the date.
# Owners may have spaces in them: the size is the last number before the date. One space ends the date, more belong
# to the name.
_UNIX = re.compile(
    r"(?P<kind>[-a-zA-Z])[-rwxsStTlL]{9}\S*\s+\d+\s+(?:.*?\s)?(?P<size>\d+)\s+"
    r"(?:\S{3,}\s+\d{1,2}|\d{1,2}\s+\S{3,}|\d{4}-\d\d-\d\d)\s+(?:\d{4}|\d{1,2}:\d\d)\s(?P<name>.+)",
    re.DOTALL,
)

# "12-31-21  11:59PM   1234 name" and "12-31-2021  11:59PM   <DIR>   name".
_DOS = re.compile(
    r"\d\d-\d\d-\d{2,4}\s+\d{1,2}:\d\d\s*(?:[AaPp][Mm])?\s+(?:(?P<size>[\d,.]+)|<[A-Z]+>)\s(?P<name>.+)", re.DOTALL
)


def lines(listing: bytes) -> list[str]:
    """The lines of a listing, names in UTF-8 or else as surrogate escapes. Raises EOFError when the last is cut.

    Only CRLF and LF end a line: a lone CR may stand in a name.
    """
    if listing and not listing.endswith(b"\n"):
        raise EOFError("the listing breaks off in the middle of a line")
    told = (line.removesuffix(b"\r") for line in listing.split(b"\n"))
    return [line.decode("utf-8", "surrogateescape") for line in told if line.strip()]


def moment(text: str) -> float | None:
    """`20211231235959.123`, UTC, as seconds since 1970; None when it is anything else."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    try:
        whole = datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return whole.timestamp() + float(match[2] or 0)


def facts(line: str) -> Entry | None:
    """A line of MLSD or MLST: `type=file;size=5;modify=20211231235959; name`. None when it is no such line."""
    head, space, name = line.partition(" ")
    told = dict(fact.lower().split("=", 1) for fact in head.split(";") if "=" in fact)
    if not space or not name or "type" not in told:
        return None
    size = told.get("size", "")
    return Entry(name, told["type"] == "file", int(size) if size.isdecimal() else None, moment(told.get("modify", "")))


def listed(line: str) -> Entry | None:
    """A line of LIST in the form of Unix or DOS, without its time. None when it is in neither."""
    match = _UNIX.fullmatch(line)
    if match is not None:
        return Entry(match["name"], match["kind"] == "-", int(match["size"]), None)
    match = _DOS.fullmatch(line)
    if match is None:
        return None
    if match["size"] is None:
        return Entry(match["name"].lstrip(), False, None, None)
    return Entry(match["name"], True, int(re.sub(r"\D", "", match["size"])), None)
