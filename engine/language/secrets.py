"""Values for `${secret.NAME}`: from the environment, from a file that only we can read, from a keyring.

Looked up when a transport is opened and never before; no value is written anywhere, and no message shows one.
"""

import json
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from engine.deferred import Reference, SecretRef, Template
from engine.errors import SecretMissing
from engine.language import yaml
from engine.model import Feed, Value
from transports.base import Secret, Settings

PREFIX = "FEEDS_SECRET_"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

# Gives the value of a name, or None: `keyring.get_password` with its service already given.
Keyring = Callable[[str], str | None]


class Secrets:
    """Where secrets are looked for, in this order: `environment`, `file`, `keyring`.

    The environment's names begin with FEEDS_SECRET_. The file holds NAME=value lines, or by its
    ending a flat map in JSON or YAML; it is read when the environment has not got a name.
    """

    def __init__(
        self, environment: Mapping[str, str], file: Path | None = None, keyring: Keyring | None = None
    ) -> None:
        self._environment = environment
        self._file = file
        self._keyring = keyring
        self._filed: Mapping[str, str] | None = None
        self._known: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Secrets({len(self._known)} known)"

    @property
    def known(self) -> tuple[str, ...]:
        """Every value that was looked up so far, for what hides them in logs."""
        return tuple(self._known.values())

    def value(self, name: str) -> Secret:
        """The secret of this name. Raises SecretMissing where it has no value, or an empty one."""
        if name not in self._known:
            value = self._looked_up(name)
            if not value:
                places = [f"the environment ({PREFIX}{name})"]
                places += [f"the secrets file ({self._file})"] if self._file else []
                places += ["the keyring"] if self._keyring else []
                raise SecretMissing(f"the secret {name} has no value in {', '.join(places)}")
            self._known[name] = value
        return Secret(name, self._known[name])

    def missing(self, feed: Feed) -> tuple[str, ...]:
        """The names that a feed uses and that have no value."""
        return self.lacking(names(feed))

    def lacking(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of these names that have no value."""
        return tuple(name for name in names if name not in self._known and not self._looked_up(name))

    def filled(self, settings: Settings) -> Settings:
        """Settings with each reference to a secret replaced by the Secret, inside a text as well.

        A text that holds a secret is a Secret as a whole. What else is left for the run stays.
        Raises SecretMissing.
        """
        return {key: self._filled(value) for key, value in settings.items()}

    def _filled(self, value: Value) -> Value:
        if isinstance(value, SecretRef):
            return self.value(value.name)
        if isinstance(value, Template) and any(_is_secret(part) for part in value.parts):
            return self._text(value)
        if isinstance(value, Mapping):
            return {key: self._filled(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._filled(item) for item in value]
        return value

    def _text(self, template: Template) -> Secret:
        parts: list[str] = []
        used: list[str] = []
        for part in template.parts:
            if isinstance(part, str):
                parts.append(part)
            elif _is_secret(part):
                used.append(part.path[1])
                parts.append(self.value(part.path[1]).reveal())
            else:
                # Refused when the definition is read (E042); here it would leave a secret unmasked.
                raise SecretMissing(f"a text mixes the secret {', '.join(used)} with ${{{'.'.join(part.path)}}}")
        return Secret("+".join(used), "".join(parts))

    def _looked_up(self, name: str) -> str | None:
        value = self._environment.get(PREFIX + name)
        if not value and self._file is not None:
            if self._filed is None:
                self._filed = _read(self._file)
            value = self._filed.get(name)
        if not value and self._keyring is not None:
            value = self._keyring(name)
        return value


def named(settings: Settings) -> tuple[str, ...]:
    """The secrets that settings use, such as the transport of an export."""
    found: dict[str, None] = {}
    _note(settings, found)
    return tuple(found)


def names(feed: Feed) -> tuple[str, ...]:
    """The secrets that a feed uses, in the order of its settings; those of a trigger that is off it does not."""
    found: dict[str, None] = {}
    for part in (feed.transport, *(trigger for trigger in feed.triggers if trigger.get("enabled", True))):
        _note(part, found)
    return tuple(found)


def _note(value: Value, found: dict[str, None]) -> None:
    if isinstance(value, SecretRef):
        found[value.name] = None
    elif isinstance(value, Template):
        found.update((part.path[1], None) for part in value.parts if isinstance(part, Reference) and _is_secret(part))
    elif isinstance(value, Mapping):
        for item in value.values():
            _note(item, found)
    elif isinstance(value, list | tuple):
        for item in value:
            _note(item, found)


def _is_secret(part: str | Reference) -> bool:
    return isinstance(part, Reference) and part.path[0] == "secret" and len(part.path) > 1


def _read(file: Path) -> Mapping[str, str]:
    """What the file holds. Raises SecretMissing where it cannot be read, or where others can read it."""
    try:
        with file.open("rb") as stream:
            # The opened file is asked, not the name: it cannot be changed for another in between.
            mode = os.fstat(stream.fileno()).st_mode
            if os.name == "posix" and mode & _OTHERS:
                raise SecretMissing(f"others may read the secrets file {file}: run `chmod 600 {file}`")
            text = stream.read().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SecretMissing(f"the secrets file {file} cannot be read: {reason}") from None
    if file.suffix == ".json":
        return _texts(file, _json(file, text))
    if file.suffix in {".yaml", ".yml"}:
        return _texts(file, _yaml(file, text))
    return _lines(file, text)


def _json(file: Path, text: str) -> Value:
    try:
        return json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise SecretMissing(f"the secrets file {file} is not JSON, at line {line}") from None


def _yaml(file: Path, text: str) -> Value:
    document, findings = yaml.parse(str(file), text)
    if document is None or findings:
        first = findings[0]
        raise SecretMissing(f"the secrets file {file} is not good YAML, at line {first.line}")
    return document.value


def _texts(file: Path, value: Value) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise SecretMissing(f"the secrets file {file} is no map of names and texts")
    for name, item in value.items():
        if not isinstance(item, str):
            raise SecretMissing(f"the secrets file {file}: {name} is no text; put quotes around its value")
    return value


def _lines(file: Path, text: str) -> Mapping[str, str]:
    """NAME=value; `#` begins a comment line, `export` may stand before, quotes around are taken off."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        name, equals, value = bare.removeprefix("export ").partition("=")
        if not equals or not name.strip().replace("_", "").isalnum():
            raise SecretMissing(f"the secrets file {file}: line {number} is not NAME=value")
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        found[name.strip().removeprefix(PREFIX)] = value
    return found
