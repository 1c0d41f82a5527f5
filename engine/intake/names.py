"""File names of the far side as text that can be stored and shown; never used as a local path."""

import re

_ESCAPED = re.compile(r"\\x([0-9a-f]{2})|\\\\")
# Where Python puts bytes that are no UTF-8 (PEP 383).
_BYTES, _FIRST_BYTE, _LAST_BYTE = 0xDC00, 0xDC80, 0xDCFF
CLAIM_PREFIX = ".feeds-claim-"
_LONGEST = 255  # bytes of a name on the file systems that matter


def escaped(name: str) -> str:
    r"""The name with control characters, bytes that are no UTF-8, and backslashes as `\xNN`.

    One to one, so that a name can be found again; safe in a terminal, a log and a database.
    """
    parts = []
    for character in name:
        code = ord(character)
        if character == "\\":
            parts.append("\\\\")
        elif _FIRST_BYTE <= code <= _LAST_BYTE:
            parts.append(f"\\x{code - _BYTES:02x}")
        elif not character.isprintable():
            parts.append("".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogatepass")))
        else:
            parts.append(character)
    return "".join(parts)


def unescaped(text: str) -> str:
    """The name that `escaped` was given."""
    raw = bytearray()
    at = 0
    for match in _ESCAPED.finditer(text):
        raw += text[at : match.start()].encode()
        raw += bytes([int(match[1], 16)]) if match[1] else b"\\"
        at = match.end()
    raw += text[at:].encode()
    return raw.decode("utf-8", "surrogateescape")


def claim_name(tag: str, delivery: int, name: str) -> str | None:
    """What a file is called on the far side while it is ours; None where that would be too long."""
    claim = f"{CLAIM_PREFIX}{tag}-{delivery}-{name}"
    return claim if len(claim.encode("utf-8", "surrogateescape")) <= _LONGEST else None


def claimed(name: str) -> tuple[str, int, str] | None:
    """(installation, delivery, original name) of a claim, None for any other name."""
    if not name.startswith(CLAIM_PREFIX):
        return None
    tag, _, rest = name[len(CLAIM_PREFIX) :].partition("-")
    number, _, original = rest.partition("-")
    return (tag, int(number), original) if number.isdecimal() and number.isascii() and original else None
