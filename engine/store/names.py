"""Whether two names can be one person. Pure; never looks anything up.

Two customers must never be mixed up, so a doubt is a contradiction; a blank is no doubt.
"""

import re
import unicodedata
from functools import lru_cache

_WORDS = re.compile(r"[^\W\d_]+")
_APOSTROPHES = re.compile("['\u2019]")
_PREFIX = 3  # letters: "Rob" may be "Robin", "Jo" may not be "John"


@lru_cache(maxsize=20_000)
def folded(name: str) -> tuple[str, ...]:
    """The words of a name without case, accents and punctuation: "O'Neil-Día" is (oneil, dia)."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return tuple(_WORDS.findall(_APOSTROPHES.sub("", plain.casefold())))


def compatible(first: str, last: str, company: str, other_first: str, other_last: str, other_company: str) -> bool:
    """Whether both can name the same contact.

    Last names must share a word (a double name may be shortened), first names be equal, an
    initial, or the beginning of each other. Two companies must share their words where
    neither side names a person.
    """
    if (first == other_first and last == other_last) and (first or last):
        return True
    if not _last_names_meet(last, other_last) or not _first_names_meet(first, other_first):
        return False
    if company and other_company and not ((first or last) and (other_first or other_last)):
        return folded(company) == folded(other_company)
    return True


def same_last(last: str, other: str) -> bool:
    """Whether both are the same last name, neither blank."""
    return bool(last) and bool(other) and (last == other or folded(last) == folded(other))


def _last_names_meet(one: str, other: str) -> bool:
    mine, theirs = folded(one), folded(other)
    return not mine or not theirs or bool(set(mine) & set(theirs))


def _first_names_meet(one: str, other: str) -> bool:
    mine, theirs = folded(one), folded(other)
    if not mine or not theirs or set(mine) & set(theirs):
        return True
    short, long = sorted((mine[0], theirs[0]), key=len)
    return long.startswith(short) and (len(short) == 1 or len(short) >= _PREFIX)
