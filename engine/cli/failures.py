"""Errors as the shell tells them: what happened, what to do next, which exit code. No traceback, no secret."""

import traceback
from collections.abc import Iterable
from pathlib import Path

from engine.errors import DefinitionError, FeedError, LeaseHeld, SecretMissing, StoreError
from engine.language.findings import Finding
from engine.log import Redactor
from engine.surface import ERROR, LOCKED, UNREACHABLE
from transports.base import HostKeyChanged, LoginRefused, TransportError, Unreachable

_NEXT: tuple[tuple[type[Exception], str], ...] = (
    (SecretMissing, "`feeds secrets check` lists every secret without a value"),
    (LeaseHeld, "`feeds status` shows what runs"),
    (StoreError, "look at --database-url (FEEDS_DATABASE_URL), and whether the database is up"),
    (LoginRefused, "look at the user and the secret; `feeds state reset ID --login` ends the wait"),
    (HostKeyChanged, "ask the server's owner for the new key before you pin it"),
    (Unreachable, "try again later; `feeds check ID` says how far it gets"),
)


def told(error: Exception, *, debug: bool = False, secrets: Iterable[str] = ()) -> tuple[str, int]:
    """The text for stderr and the exit code. `secrets` are taken out of it, traceback and all."""
    text, code = _words(error)
    trace = "".join(traceback.format_exception(error)) if debug else ""
    return Redactor(secrets).text(trace + text), code


def _words(error: Exception) -> tuple[str, int]:
    if isinstance(error, FeedError | TransportError):
        return _text(error), _code(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"error: {where}{error.strerror or error}", ERROR
    last = traceback.extract_tb(error.__traceback__)[-1]
    # The text of an unforeseen error may hold anything, so only its kind and place are told.
    place = f"{Path(last.filename).name}:{last.lineno}"
    return f"error: a fault in the engine: {type(error).__name__} at {place}; --debug shows more", ERROR


def _text(error: Exception) -> str:
    lines = [f"error: {error}"]
    if isinstance(error, DefinitionError):
        lines += [f"  {_finding(each)}" for each in error.findings]
    help_text = next((text for kind, text in _NEXT if isinstance(error, kind)), "")
    if help_text and help_text not in str(error) and not _says_what_to_do(str(error)):
        lines.append(f"  {help_text}")
    return "\n".join(lines)


def _says_what_to_do(text: str) -> bool:
    return "`feeds " in text


def _finding(finding: object) -> str:
    if isinstance(finding, Finding):
        return f"{finding.file}:{finding.line}:{finding.column}: {finding.message} [{finding.code}]"
    return str(finding)


def _code(error: Exception) -> int:
    if isinstance(error, LeaseHeld):
        return LOCKED
    return UNREACHABLE if isinstance(error, Unreachable | LoginRefused) else ERROR
