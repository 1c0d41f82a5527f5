"""Writes the check of what version the other side has, where a definition requires one.

Versions are compared number by number, never as text: 3.6.0.100 is newer than 3.6.0.56, 3.6.0 older than 3.6.0.13.
"""

from collections.abc import Iterable

from engine.errors import RecordError
from engine.mapping.paths import parsed
from engine.mapping.scope import Scope
from engine.model import Minimum, Value
from engine.transforms.version import numbers, reader


def lacking(scope: Scope, minima: Iterable[Minimum]) -> str:
    """Write the checks; a variable that then holds the error of the first that fails, or None. "None" without any."""
    result = "None"
    for minimum in minima:
        value = scope.paths.value(parsed(minimum.path), scope.row, scope.known)
        said = f"{scope.source.bind(Check(minimum.product, minimum.version))}({value})"
        before, result = result, scope.source.name()
        scope.source.line(f"{result} = {said if before == 'None' else f'{before} or {said}'}")
    return result


class Check:
    """Says what is wrong with the version of one product; None where it is new enough."""

    def __init__(self, product: str, version: str) -> None:
        self.product, self.version = product, version
        self._least, self._read = numbers(version), reader()

    def __call__(self, found: Value) -> RecordError | None:
        needed = f"{self.product} {self.version} or newer is needed"
        if found is None or found == "":
            return RecordError("version.missing", f"{needed}, and nothing says which one it is")
        try:
            text = self._read(found)
        except RecordError as error:
            return RecordError(error.code, f"{needed}, and what is said is no version: {error.message}")
        if numbers(text) >= self._least:
            return None
        return RecordError("version.tooOld", f"{needed}, found {text}")
