"""Names in capitals as people write them."""

import re

_WORD = re.compile(r"[^\W\d_]+", re.UNICODE)


def transform(value: str) -> str:
    """Each word with one capital: O'NEIL-SMITH is O'Neil-Smith, and a possessive 'S stays small.

    McDonald becomes Mcdonald: what a person's name looks like cannot be derived from its letters.
    """
    return _WORD.sub(_capitalized, value)


def _capitalized(match: re.Match[str]) -> str:
    word = match[0]
    before = match.string[max(match.start() - 1, 0) : match.start()]
    if len(word) == 1 and before in {"'", "\u2019"}:
        return word.lower()
    return word[0].upper() + word[1:].lower()
