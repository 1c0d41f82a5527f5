"""Lines of definitions as they may be shown: without the value of any key that names a secret.

Knows keys by their names alone, and in doubt hides more. Reads no secret.
"""

import re
from collections.abc import Sequence

from engine.language.words import distance, folded

# The end of a key that names a secret. What the key `nextToken` holds is a place, not a secret.
_SECRET = re.compile(
    r"(?:^pass|pass(?:word|phrase|wd|code)|pwd|secret|token|(?:api|private|access|signing|secret)key|authorization|credentials?)s?$"
)
_PLACE = re.compile(r"(?:next|page|cursor|continuation|refresh)tokens?$")
_SECRET_WORDS = ("password", "passphrase", "passwd", "secret", "token", "apikey", "privatekey", "credentials")

_PAIR = re.compile(r"""(?P<key>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[\w.-]+)\s*:(?=\s|$)\s*""")
_LOGIN_IN_URL = re.compile(r"(?<=://)[^\s/@:'\"]+:[^\s/@'\"]+(?=@)")
_KEY_TEXT = re.compile(r"-----(?:BEGIN|END)|^\s*[A-Za-z0-9+/=]{40,}\s*$")
_QUOTED = re.compile(r"""(?:'(?:[^']|'')*'|"(?:[^"\\]|\\.)*")""")
_REFERENCE_ALONE = re.compile(r"\$\{[^{}]*\}(?=\s*(?:[,}\]]|#|$))")
_FLOW_SCALAR = re.compile(r"[^,\[\]{}]*")
_WHOLE_REFERENCE = re.compile(r"""\s*(['"]?)\$\{[^{}]*\}\1\s*""")
# Within a map or list under a secret's key these hold the secret; the others say what it is like.
_HOLDERS = frozenset({"default", "value", "const", "text", "example", "values"})
_SHORT = 7  # letters; a longer word is known with two of them wrong
LONGEST = 2_000  # characters of a line that can be judged
_NEAR = 200  # lines above one that can be its beginning
MASK = "***"


def names_secret(key: str) -> bool:
    """Whether what stands under this key has to be a reference."""
    name = folded(key)
    return bool(_SECRET.search(name)) and not _PLACE.search(name)


def may_name_secret(key: str) -> bool:
    """Whether this key names a secret, or is a misspelling of one that does: its value is not shown."""
    name = folded(key)
    if _SECRET.search(name) or name == "key":
        return True
    return any(distance(name[-len(word) :], word) <= 1 + (len(word) > _SHORT) for word in _SECRET_WORDS)


def without_login(text: str) -> str:
    """The text without user and password in an address."""
    return _LOGIN_IN_URL.sub(MASK, text)


def hidden(lines: Sequence[str], number: int) -> list[tuple[int, int]]:
    """The spans of line `number` (from 1) that are not to be shown, in order: offsets of characters.

    Hidden is the value of any key that names a secret; references stay readable. A line that goes on
    with a value begun further up is judged by the key of that value.
    """
    line = lines[number - 1]
    if _KEY_TEXT.search(line) or _continues_secret(lines, number):
        return [(len(line) - len(line.lstrip()), len(line))]
    spans, at, within = [match.span() for match in _LOGIN_IN_URL.finditer(line)], 0, False
    for pair in _PAIR.finditer(line):
        name = pair["key"].strip("'\"")
        names = may_name_secret(name)
        if pair.start() < at or not (names or (within and name in _HOLDERS)):
            continue
        within = within or names
        at = value_end(line, pair.end())
        value = line[pair.end() : at]
        if line[pair.end() : pair.end() + 1] == "[" and folded(name) != "key":
            at = len(line)
            spans.append((pair.end(), at))
        elif value.strip() and value[0] not in "{[|>#" and not _WHOLE_REFERENCE.fullmatch(value):
            spans.append((pair.end(), at))
    return sorted(spans)


def value_end(line: str, start: int) -> int:
    """Where the value that begins at `start` ends; in block style, and in doubt, at the line's end."""
    quoted = _QUOTED.match(line, start)
    if quoted:
        return quoted.end()
    reference = _REFERENCE_ALONE.match(line, start)
    if reference:
        return reference.end()
    before = _QUOTED.sub("", line[:start])
    if before.count("{") + before.count("[") > before.count("}") + before.count("]"):
        return start + len(_FLOW_SCALAR.match(line[start:])[0])  # type: ignore[index]  # it matches nothing, too
    return len(line)


def _continues_secret(lines: Sequence[str], number: int) -> bool:
    """Whether a line is part of the value of a secret's key that stands above it."""
    line = lines[number - 1]
    indent = len(line) - len(line.lstrip()) if line.strip() else 1 << 20
    for above in reversed(lines[max(0, number - 1 - _NEAR) : number - 1]):
        text = above.lstrip()[:LONGEST]
        outer = len(above) - len(text)
        if not text or text.startswith("#") or outer >= indent:
            continue
        indent = outer
        pairs = [pair for pair in _PAIR.finditer(text) if may_name_secret(pair["key"].strip("'\""))]
        if pairs:
            value = text[pairs[-1].end() :].strip()
            # A list or map that begins there is shown: what it holds is told by keys of its own.
            begun = value == "" or value[0] in "|>" or (value[0] in "'\"" and value.count(value[0]) % 2 == 1)
            plain = value != "" and value[0] not in "{[|>'\"$"
            return plain or (begun and not _PAIR.match(line.lstrip("- ")))
        if indent == 0:
            break
    return False
