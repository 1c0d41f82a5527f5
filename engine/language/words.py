"""Words: the nearest right one, and those that name a secret. Knows no schema and no file."""

import re
from collections.abc import Iterable, Sequence

# What people write for what we call otherwise. Letter distance alone offers `oldest` for `latest`.
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "after": ("moveTo", "after"),
    "archive": ("moveTo",),
    "attempt": ("attempts",),
    "bool": ("boolean",),
    "charset": ("encoding",),
    "condition": ("if",),
    "delete": ("deleteFromServer",),
    "description": ("about",),
    "dir": ("directory",),
    "else": ("else", "default"),
    "every": ("every", "interval"),
    "extends": ("basedOn",),
    "filter": ("if",),
    "float": ("decimal",),
    "folder": ("directory",),
    "format": ("formats", "type"),
    "formats": ("format",),
    "header": ("column", "headers"),
    "hostname": ("host",),
    "id": ("key", "by"),
    "int": ("integer",),
    "interval": ("every",),
    "latest": ("newestFirst", "newest"),
    "login": ("username",),
    "name": ("title", "name"),
    "no": ("false",),
    "number": ("integer", "decimal"),
    "off": ("false",),
    "on": ("true",),
    "parameters": ("params",),
    "path": ("directory", "column"),
    "pattern": ("filename",),
    "remove": ("deleteFromServer",),
    "skip": ("filtered", "ignore"),
    "str": ("string",),
    "text": ("string",),
    "transform": ("transforms",),
    "url": ("baseUrl",),
    "user": ("username",),
    "when": ("if",),
    "where": ("if",),
    "yes": ("true",),
}

# The end of a key that names a secret. What the key `nextToken` holds is a place, not a secret.
_SECRET = re.compile(
    r"(?:pass(?:word|phrase|wd|code)|pwd|secret|token|(?:api|private|access|signing|secret)key|authorization|credentials?)s?$"
)
_PLACE = re.compile(r"(?:next|page|cursor|continuation|refresh)tokens?$")
_SECRET_WORDS = ("password", "passphrase", "passwd", "secret", "token", "apikey", "privatekey", "clientsecret", "hooktoken")

_PAIR = re.compile(r"""(?P<key>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[\w.-]+)\s*:(?=\s)\s*""")
_LOGIN_IN_URL = re.compile(r"(?<=://)[^\s/@:'\"]+:[^\s/@'\"]+(?=@)")
_KEY_LINE = re.compile(r"-----BEGIN|-----END|^\s*[A-Za-z0-9+/=]{40,}\s*$")
MASK = "***"


def distance(left: str, right: str) -> int:
    """Edits between two words: a letter put in, left out, changed, or two neighbours swapped."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        earlier, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]


def nearest(word: str, choices: Iterable[str], edits: int | None = None) -> str | None:
    """The choice that was probably meant, or None; ties go to the first in the alphabet.

    With `edits`, only one that is at most so many letters away.
    """
    known = sorted(set(choices))
    folded = _folded(word)
    for choice in known:
        if _folded(choice) == folded:
            return choice
    scored = sorted((distance(folded, _folded(choice)), choice) for choice in known)
    if scored and scored[0][0] == 1:
        return scored[0][1]
    if edits is not None:
        return None
    for meant in _SYNONYMS.get(word.lower(), ()):
        if meant in known:
            return meant
    allowed = 0 if len(folded) < 4 else 2 if len(folded) < 9 else 3
    if scored and scored[0][0] <= allowed:
        return scored[0][1]
    longer = [choice for choice in known if len(folded) > 3 and (_folded(choice).startswith(folded))]
    return longer[0] if len(longer) == 1 else None


def _folded(word: str) -> str:
    return re.sub(r"[-_\s]", "", word).lower()


def names_secret(key: str) -> bool:
    """Whether what stands under this key has to be a reference."""
    folded = _folded(key)
    return bool(_SECRET.search(folded)) and not _PLACE.search(folded)


def may_name_secret(key: str) -> bool:
    """Whether this key names a secret, or is a misspelling of one that does: its value is not shown."""
    folded = _folded(key)
    return (
        bool(_SECRET.search(folded))
        or folded == "key"
        or any(distance(folded[-len(word) - 1 :], word) <= 2 for word in _SECRET_WORDS)
    )


def masked(lines: Sequence[str], number: int) -> str:
    """Line `number` (from 1) as it may be shown: no value of a key that names a secret in it.

    A reference stays readable. A line that belongs to a value begun further up is judged by the
    key of that value.
    """
    line = lines[number - 1]
    if _KEY_LINE.search(line) or _inside_secret(lines, number):
        indent = len(line) - len(line.lstrip())
        return " " * indent + MASK
    pieces, at = [], 0
    for pair in _PAIR.finditer(line):
        if pair.start() < at or not may_name_secret(pair["key"].strip("'\"")):
            continue
        end = _value_end(line, pair.end())
        if _is_shown(line[pair.end() : end]):
            continue
        pieces += [line[at : pair.end()], MASK]
        at = end
    return _LOGIN_IN_URL.sub(MASK, "".join([*pieces, line[at:]]))


def _is_shown(value: str) -> bool:
    """References, maps, lists, anchors of blocks and nothing at all hold no secret themselves."""
    bare = value.strip().strip("'\"").strip()
    return bare in ("", "|", ">", "|-", ">-", "{", "[") or bool(re.fullmatch(r"\$\{[^{}]*\}", bare)) or value[:1] in "{["


def without_login(text: str) -> str:
    """The text without user and password in an address."""
    return _LOGIN_IN_URL.sub(MASK, text)


def _value_end(line: str, start: int) -> int:
    """Where the value that begins at `start` ends; the line's end where that is unclear."""
    if line[start : start + 1] in ("'", '"'):
        quote = line[start]
        closed = line.find(quote, start + 1)
        while quote == "'" and closed >= 0 and line[closed + 1 : closed + 2] == "'":
            closed = line.find(quote, closed + 2)
        return closed + 1 if closed >= 0 else len(line)
    if line[start : start + 2] == "${":
        closed = line.find("}", start)
        return closed + 1 if closed >= 0 else len(line)
    # In block style a comma belongs to the value; in doubt more is hidden, never less.
    return len(line)


def _inside_secret(lines: Sequence[str], number: int) -> bool:
    """Whether line `number` continues the value of a secret's key on a line above it."""
    line = lines[number - 1]
    indent = len(line) - len(line.lstrip())
    for above in range(number - 1, 0, -1):
        text = lines[above - 1]
        if not text.strip():
            continue
        outer = len(text) - len(text.lstrip())
        if outer < indent or not line.strip():
            pair = _PAIR.match(text.lstrip().removeprefix("- "))
            if pair is None:
                indent = min(indent, outer)
                continue
            value = text.lstrip().removeprefix("- ")[pair.end() :].strip()
            opened = value == "" or value[:1] in "|>" or (value[:1] in "'\"" and value.count(value[0]) % 2 == 1)
            return opened and may_name_secret(pair["key"].strip("'\"")) and ":" not in line.split(" #")[0]
    return False
