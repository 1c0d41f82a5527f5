"""The part of a text that a regular expression finds."""

import re2

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False  # RE2 would write its own errors to stderr


def transform(value: str, pattern: str) -> str | None:
    """The first group of the first match, the whole match where there is no group, None where none matches.

    RE2: the pattern comes from a definition and may not stall a run. Compiled patterns are cached by re2.
    """
    match = re2.compile(pattern, _OPTIONS).search(value)
    if match is None:
        return None
    found: str | None = match.group(1) if match.re.groups else match.group(0)
    return found
