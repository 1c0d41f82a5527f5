"""The nearest right word for a wrong one. Knows no schema and no file."""

import re
from collections.abc import Iterable
from functools import lru_cache

# What people write for what we call otherwise. Letter distance alone offers `oldest` for `latest`.
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "active": ("enabled",),
    "after": ("moveTo", "after"),
    "afterimport": ("deleteFromServer",),
    "amount": ("money",),
    "array": ("list",),
    "archive": ("moveTo",),
    "attempt": ("attempts",),
    "authentication": ("auth",),
    "body": ("json", "text"),
    "bool": ("boolean",),
    "capitalize": ("titleCase",),
    "cell": ("phone",),
    "charset": ("encoding",),
    "clientcredentials": ("oauth2",),
    "columns": ("fields",),
    "concat": ("join",),
    "condition": ("if",),
    "connection": ("transport",),
    "constant": ("const",),
    "credentials": ("auth",),
    "crontab": ("cron",),
    "currency": ("money",),
    "cursorfield": ("cursor",),
    "dateformat": ("formats", "format"),
    "datatype": ("type",),
    "dedup": ("dedupe",),
    "delete": ("deleteFromServer",),
    "deleteafter": ("deleteFromServer",),
    "description": ("about",),
    "dict": ("object",),
    "dir": ("directory",),
    "dob": ("birthDate",),
    "drop": ("ignore",),
    "else": ("else", "default"),
    "every": ("every", "interval"),
    "excel": ("xlsx",),
    "extends": ("basedOn",),
    "fallback": ("default",),
    "filter": ("if",),
    "fingerprint": ("hostKey", "fingerprint"),
    "float": ("decimal",),
    "folder": ("directory",),
    "format": ("formats", "type"),
    "formats": ("format",),
    "frequency": ("every",),
    "ftps": ("ftp",),
    "fullname": ("name",),
    "glob": ("filename",),
    "header": ("column", "headers"),
    "hostfingerprint": ("hostKey",),
    "hostname": ("host",),
    "https": ("http",),
    "id": ("key", "by"),
    "idfield": ("key",),
    "inherits": ("basedOn",),
    "input": ("transport",),
    "int": ("integer",),
    "interval": ("every",),
    "knownhosts": ("hostKey",),
    "latest": ("newestFirst", "newest"),
    "latin1": ("windows-1252",),
    "limit": ("size", "maxPages"),
    "local": ("file",),
    "login": ("username",),
    "lookup": ("map",),
    "lowercase": ("lower",),
    "mapping": ("fields", "map"),
    "mappings": ("fields", "map"),
    "mobile": ("phone",),
    "name": ("title", "name"),
    "ndjson": ("jsonl",),
    "nextlink": ("nextUrl",),
    "no": ("false",),
    "number": ("integer", "decimal"),
    "off": ("false",),
    "on": ("true",),
    "optionalcolumn": ("optional",),
    "otherwise": ("else",),
    "output": ("transport", "encode"),
    "pagesize": ("size",),
    "pagesizeparam": ("sizeParam",),
    "paginator": ("pagination",),
    "paging": ("pagination",),
    "parameters": ("params",),
    "parser": ("decode",),
    "path": ("directory", "column"),
    "pattern": ("filename",),
    "postcode": ("postalCode",),
    "primarykey": ("key",),
    "processors": ("transforms",),
    "pull": ("pollNow",),
    "queryparams": ("query",),
    "recordpath": ("path",),
    "regexp": ("regex", "pattern"),
    "remove": ("deleteFromServer",),
    "retries": ("attempts", "retry"),
    "root": ("path",),
    "separator": ("delimiter", "by"),
    "skip": ("ignore", "quarantine"),
    "skipheader": ("skipRows",),
    "skiplines": ("skipRows",),
    "source": ("transport", "column"),
    "sshkey": ("privateKey", "key"),
    "str": ("string",),
    "strip": ("trim",),
    "surname": ("lastName",),
    "template": ("basedOn",),
    "text": ("string",),
    "timestamp": ("dateTime",),
    "title": ("titleCase", "label"),
    "transform": ("transforms",),
    "triggertype": ("type",),
    "tz": ("timezone",),
    "uniquekey": ("key",),
    "uppercase": ("upper",),
    "url": ("baseUrl",),
    "user": ("username",),
    "value": ("const",),
    "when": ("if",),
    "where": ("if",),
    "xls": ("xlsx",),
    "yes": ("true",),
    "zip": ("postalCode",),
    "zone": ("timezone",),
}
_SHORT, _MEDIUM, _LONGEST = 3, 8, 60  # letters


def distance(left: str, right: str, limit: int = 1 << 10) -> int:
    """Edits between two words: a letter put in, left out, changed, or two neighbours swapped.

    Of words that are more than `limit` apart it is only known that they are.
    """
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        earlier, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        if min(row) > limit and min(before) > limit:
            return limit + 1
    return row[-1]


def nearest(word: str, choices: Iterable[str], edits: int | None = None) -> str | None:
    """The choice that was probably meant, or None; ties go to the first in the alphabet.

    With `edits`, only one that is at most so many letters away.
    """
    found = likely(word, choices, edits)
    return found[0] if found else None


def likely(word: str, choices: Iterable[str], edits: int | None = None) -> tuple[str, ...]:
    """The choices that were probably meant, equally likely: most often one, or none."""
    if len(word) > _LONGEST:
        return ()
    known, plain = sorted(set(choices)), folded(word)
    same = tuple(choice for choice in known if folded(choice) == plain)
    if same:
        return same
    limit = max(1, _tolerance(plain)) if edits is None else edits
    letters = set(plain)
    near = [
        choice
        for choice in known
        # An edit changes the length by one at most, and which letters there are by two.
        if abs(len(folded(choice)) - len(plain)) <= limit and len(letters ^ {*folded(choice)}) <= 2 * limit
    ]
    scores = {choice: distance(plain, folded(choice), limit) for choice in near}
    least = min(scores.values(), default=limit + 1)
    closest = tuple(choice for choice, score in scores.items() if score == least)
    if least == 1 or (edits is not None and least <= edits):
        return closest
    if edits is not None:
        return ()
    meant = synonym(word, known)
    if meant:
        return meant
    if least <= _tolerance(plain):
        return closest
    begun = tuple(choice for choice in known if _tolerance(plain) and folded(choice).startswith(plain))
    return begun if len(begun) == 1 else ()


def synonym(word: str, choices: Iterable[str]) -> tuple[str, ...]:
    """The choice that is our word for this one, alone, or nothing."""
    known = set(choices)
    return tuple(meant for meant in synonyms(word) if meant in known)[:1]


def synonyms(word: str) -> tuple[str, ...]:
    """Our words for this one, the likeliest first."""
    return _SYNONYMS.get(folded(word), ())


def _tolerance(word: str) -> int:
    """How many letters may be wrong: in a short word a second one makes another word of it."""
    if len(word) <= _SHORT:
        return 0
    return 2 if len(word) <= _MEDIUM else 3


def clipped(text: str) -> str:
    """The text as a message may hold it: its beginning, where it is long."""
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


@lru_cache(maxsize=4096)
def folded(word: str) -> str:
    """The word without case, dashes and underscores."""
    return re.sub(r"[-_\s]", "", word).lower()
