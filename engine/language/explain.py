"""Why a definition is refused, in the author's words. Judges nothing: that the schemas have done."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from engine.language import words
from engine.language.places import elsewhere, legal_keys
from engine.language.yaml import Path
from engine.model import Value

Schema: TypeAlias = dict[str, Any]


class Fault(NamedTuple):
    """One structural problem: where it is by its path, at the key or at the value."""

    path: Path
    on_key: bool
    code: str
    message: str
    help: str = ""

    def under(self, path: Path) -> "Fault":
        """The same fault, seen from the document that holds the value at `path`."""
        return self._replace(path=(*path, *self.path))


@dataclass(frozen=True, slots=True)
class Verdict:
    """One error of the validator: what stands at `path` breaks `keyword` of the schema `node`."""

    path: Path
    keyword: str
    detail: Any  # what the validator adds: the keys, the pattern, the choices
    node: Schema  # the schema with that keyword
    rule: Schema | None  # the nearest one around it that carries a rule of ours
    instance: Value  # what stands at `path`
    root: Schema
    document: Value


_NOUNS = {
    "string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "object": "a map of keys", "array": "a list", "null": "nothing",
}  # fmt: skip
_UNITS = {
    "s": ("s", "sec", "secs", "second", "seconds"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
    "mo": ("mo", "mon", "month", "months"),
}
_AMOUNT = re.compile(r"\s*(\d{1,9})\s*([A-Za-z]*)\s*")


def faults(verdicts: Sequence[Verdict]) -> list[Fault]:
    """The problems in the order of the document's paths, one for each mistake.

    A key that is missing because it is misspelt is reported once, as misspelt.
    """
    found = [fault for verdict in verdicts for fault in _EXPLAIN.get(verdict.keyword, _other)(verdict)]
    misspelt = {(fault.path[:-1], _offered(fault.help)) for fault in found if fault.code == "E020"}
    kept: dict[tuple[Any, ...], Fault] = {}
    for fault in found:
        parent, wanted = fault.path, _wanted(fault)
        if wanted and any((parent, word) in misspelt for word in wanted):
            continue
        kept.setdefault((fault.path, fault.on_key, fault.code, fault.message), fault)
    return list(kept.values())


def _offered(help: str) -> str:
    found = re.match(r"did you mean `(.+?)`", help)
    return found[1] if found else ""


def _wanted(fault: Fault) -> tuple[str, ...]:
    """The keys whose misspelling explains this fault."""
    if fault.code == "E021":
        found = re.search(r"lacks `(\w+)`|needs `(\w+)`", fault.message)
        return tuple(word for word in found.groups() if word) if found else ()
    if fault.code == "E028" and "no source" in fault.message:
        return _SOURCES
    if fault.code == "E029" and fault.message.startswith("`"):
        return ()
    return ()


_SOURCES = ("column", "path", "context", "const", "field", "firstOf", "join", "sum", "text")


# --- keys -----------------------------------------------------------------------------------


def _unknown_keys(verdict: Verdict) -> Iterator[Fault]:
    keys = legal_keys(verdict.node, verdict.root)
    for key in verdict.detail:
        yield _unknown_key(verdict, key, keys)


def _unknown_key(verdict: Verdict, key: str, keys: Sequence[str]) -> Fault:
    what = verdict.node.get("x-what")
    message = f"unknown {what} `{key}`" if what else f"unknown key `{key}` {_in(verdict.path)}"
    near = words.nearest(key, keys, edits=1)
    if near is None:
        place = elsewhere(key, verdict.path, verdict.root)
        if place is not None:
            return Fault((*verdict.path, key), True, "E020", message, _belongs(key, place, verdict))
        near = words.nearest(key, keys)
    return Fault((*verdict.path, key), True, "E020", message, _did_you_mean(near, keys, "keys here"))


def _belongs(key: str, place: Any, verdict: Verdict) -> str:
    where = _spoken(place.names)
    if not place.variant:
        return f"`{key}` belongs {where}"
    by, word = place.variant.split(" ", 1)
    found = verdict.instance.get(by) if isinstance(verdict.instance, dict) else None
    if verdict.path and place.names[-1:] == verdict.path[-1:] and isinstance(found, str):
        return f"`{key}` belongs to `{by}: {word}`; this is `{by}: {found}`"
    return f"`{key}` belongs {where} with `{by}: {word}`"


def _missing_key(verdict: Verdict) -> Iterator[Fault]:
    """A required key; where it is what tells variants apart, their keys are all that is looked at."""
    key = verdict.detail
    if "x-by" in verdict.node and isinstance(verdict.instance, dict):
        keys = legal_keys(verdict.node, verdict.root)
        for name in verdict.instance:
            if name not in keys:
                yield _unknown_key(verdict, name, keys)
    described = verdict.node.get("properties", {}).get(key, {})
    choices = described.get("enum")
    if choices:
        help = f"say which: {_words(choices)}"
    else:
        examples = described.get("examples", [])
        example = f", such as `{key}: {_inline(examples[0])}`" if examples else ""
        help = f"add `{key}`{example}"
    where = f"{_name(verdict.path)} lacks `{key}`" if verdict.path else f"the definition lacks `{key}`"
    yield Fault(verdict.path, True, "E021", where, help)


def _bad_name(verdict: Verdict) -> Iterator[Fault]:
    """A key of the author's own choosing that is no name."""
    form = verdict.node.get("x-form")
    choices = verdict.node.get("enum")
    key = verdict.detail
    if choices:
        near = words.nearest(key, choices)
        yield Fault((*verdict.path, key), True, "E020", f"unknown key `{key}` {_in(verdict.path)}", _did_you_mean(near, choices, "keys here"))
    else:
        yield Fault((*verdict.path, key), True, "E025", f"`{key}` is no name", f"write {form}" if form else "")


# --- values ---------------------------------------------------------------------------------


def _shown(verdict: Verdict, value: Value) -> str:
    """The value as a message may quote it: never one that stands under a secret's key."""
    if any(isinstance(step, str) and words.may_name_secret(step) for step in verdict.path):
        return words.MASK
    text = _inline(value)
    return words.without_login(text if len(text) <= 60 else text[:57] + "...")


def _found(verdict: Verdict) -> str:
    value = verdict.instance
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"`{_inline(value)}`"
    if isinstance(value, int | float):
        return f"the number {_shown(verdict, value)}"
    if isinstance(value, str):
        return f"the text `{_shown(verdict, value)}`"
    return "a map of keys" if isinstance(value, dict) else "a list"


def _wrong_type(verdict: Verdict) -> Iterator[Fault]:
    types, value = verdict.detail, verdict.instance
    if verdict.node.get("x-code") == "E030":
        yield _secret(verdict)
        return
    if "x-unit" in verdict.node and isinstance(value, int | float) and not isinstance(value, bool):
        yield _unit(verdict)
        return
    form = verdict.node.get("x-form") if types == ["null"] else None
    expected = form or " or ".join(_NOUNS[name] for name in types if name != "null")
    yield Fault(verdict.path, False, "E022", f"{_name(verdict.path)} is {expected}, found {_found(verdict)}", _retype(verdict, types))


def _retype(verdict: Verdict, types: Sequence[str]) -> str:
    """How this value would be written in the type that is wanted."""
    value = verdict.instance
    if value is None:
        return "give it a value, or leave the key out"
    if "boolean" in types and isinstance(value, str):
        meant = words.nearest(value, ("true", "false"))
        return f"write `{meant}`" if meant else "only `true` and `false` are booleans"
    if {"integer", "number"} & set(types) and isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return f"take the quotes away: {value}" if not value.startswith("0") else "a number does not begin with 0"
    if "string" in types and isinstance(value, bool | int | float):
        return "put quotes around it"
    if "array" in types and not isinstance(value, dict | list):
        return f"write a list: [{_shown(verdict, value)}]"
    if "object" in types and isinstance(value, list):
        return "write keys with values, not a list"
    return ""


def _wrong_word(verdict: Verdict) -> Iterator[Fault]:
    choices, value = verdict.detail, verdict.instance
    what = verdict.node.get("x-what")
    if value in verdict.node.get("x-need-arguments", ()):
        yield Fault(verdict.path, False, "E021", f"`{value}` needs arguments", f"write it as a map: {{{value}: ...}}")
        return
    every = [*choices, *verdict.node.get("x-need-arguments", ())]
    near = words.nearest(value, every) if isinstance(value, str) else None
    if value is None:
        message = f"{_name(verdict.path)} has no value"
    elif what:
        message = f"unknown {what} `{_shown(verdict, value)}`"
    else:
        message = f"{_name(verdict.path)} cannot be `{_shown(verdict, value)}`"
    yield Fault(verdict.path, False, "E023", message, _did_you_mean(near, every, "choices"))


def _not_constant(verdict: Verdict) -> Iterator[Fault]:
    wanted = verdict.node["const"]
    yield Fault(verdict.path, False, "E023", f"{_name(verdict.path)} is {_inline(wanted)}, found {_found(verdict)}", f"write {_inline(wanted)}")


def _wrong_form(verdict: Verdict) -> Iterator[Fault]:
    node = verdict.node
    if node.get("x-code") == "E030":
        yield _secret(verdict)
    elif "x-unit" in node:
        yield _unit(verdict)
    else:
        form = node.get("x-form") or f"text that matches {verdict.detail}"
        yield Fault(verdict.path, False, "E025", f"{_name(verdict.path)} is {form}, found `{_shown(verdict, verdict.instance)}`", "")


def _secret(verdict: Verdict) -> Fault:
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|\W+", "_", str(next((s for s in reversed(verdict.path) if isinstance(s, str)), "name"))).upper()
    key = _name(verdict.path)
    whole = verdict.node.get("pattern", "").startswith("^")
    found = verdict.instance
    if isinstance(found, str) and "${" in found and whole:
        return Fault(verdict.path, False, "E030", f"{key} is one whole reference", f"write '${{secret.{name}}}', with nothing before or after it")
    if found is None:
        return Fault(verdict.path, False, "E030", f"{key} names no secret", f"write '${{secret.{name}}}'")
    help = f"write '${{secret.{name}}}' and give the value outside of the definition, as FEEDS_SECRET_{name}"
    return Fault(verdict.path, False, "E030", f"{key} is a secret written out", help)


def _unit(verdict: Verdict) -> Fault:
    """A duration or a size that is not written as one."""
    value, is_size = verdict.instance, verdict.node["x-unit"] == "size"
    match = _AMOUNT.fullmatch(str(value)) if not isinstance(value, bool) else None
    expected = "a size with its unit, such as 512KiB or 64MiB" if is_size else "a duration with its unit, such as 30s, 15m, 2h, 7d or 6mo"
    if match and not match[2]:
        units = ("B", "KiB", "MiB") if is_size else ("s", "m", "h", "d")
        help = "write " + ", ".join(f"{match[1]}{unit}" for unit in units[:-1]) + f" or {match[1]}{units[-1]}"
        return Fault(verdict.path, False, "E024", f"{_name(verdict.path)} lacks its unit", help)
    written = _respelt(match, is_size) if match else ""
    help = f"write {written}" if written else ""
    return Fault(verdict.path, False, "E025", f"{_name(verdict.path)} is {expected}, found `{_shown(verdict, value)}`", help)


def _respelt(match: re.Match[str], is_size: bool) -> str:
    count, unit = match[1], match[2]
    if is_size:
        for known in ("B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"):
            if unit.lower() in (known.lower(), known.lower().rstrip("b")):
                return f"{count}{known}"
        return ""
    if unit.lower() in ("w", "week", "weeks"):
        return f"{int(count) * 7}d"
    if unit.lower() in ("y", "year", "years"):
        return f"{int(count) * 12}mo"
    return next((f"{count}{ours}" for ours, theirs in _UNITS.items() if unit.lower() in theirs), "")


def _forbidden(verdict: Verdict) -> Iterator[Fault]:
    if verdict.node.get("x-secret-in-url"):
        yield Fault(verdict.path, False, "E030", f"{_name(verdict.path)} holds a login", "take user and password out of the address and give them under `auth`")
    else:
        yield from _other(verdict)


def _out_of_range(verdict: Verdict) -> Iterator[Fault]:
    low, high = verdict.node.get("minimum"), verdict.node.get("maximum")
    limits = f"from {low} to {high}" if low is not None and high is not None else f"at least {low}" if high is None else f"at most {high}"
    yield Fault(verdict.path, False, "E026", f"{_name(verdict.path)} is {limits}, found {_found(verdict)}")


def _wrong_count(verdict: Verdict) -> Iterator[Fault]:
    name, keyword = _name(verdict.path), verdict.keyword
    if keyword == "minLength":
        yield Fault(verdict.path, False, "E025", f"{name} is empty", "give it a value, or leave the key out")
    elif keyword == "maxLength":
        yield Fault(verdict.path, False, "E025", f"{name} is {verdict.node.get('x-form', 'too long')}, found more")
    elif verdict.node.get("x-what") == "transform":
        yield Fault(verdict.path, False, "E027", "an entry is one transform", "write each transform as an entry of its own: [trim, {remove: '-'}]")
    elif keyword in ("minItems", "minProperties"):
        yield Fault(verdict.path, False, "E027", f"{name} is empty", "give at least one entry, or leave the key out")
    else:
        yield Fault(verdict.path, False, "E027", f"{name} has too many entries", f"at most {verdict.detail}")


# --- rules of ours --------------------------------------------------------------------------


def _ruled(verdict: Verdict) -> Iterator[Fault]:
    """Keys that go together, or do not: what stands beside what decides the words."""
    rule = verdict.rule or {}
    yield from _RULES.get(rule.get("x-rule", ""), _other)(verdict)


def _present(verdict: Verdict) -> list[str]:
    block = verdict.instance if isinstance(verdict.instance, dict) else {}
    wanted = (verdict.rule or {}).get("x-keys", ())
    return [key for key in block if key in wanted]


def _source(verdict: Verdict) -> Iterator[Fault]:
    present = _present(verdict)
    name = _name(verdict.path)
    if not present:
        yield Fault(verdict.path, True, "E028", f"{name} has no source", f"say where its value comes from: {_words(_SOURCES)}")
    else:
        listed = " and ".join(f"`{key}`" for key in present)
        yield Fault((*verdict.path, present[1]), True, "E028", f"{name} has {len(present)} sources: {listed}", "keep one; `firstOf` takes the first of several fields that is not blank")


def _option(verdict: Verdict) -> Iterator[Fault]:
    rule = verdict.rule or {}
    block: Mapping[str, Value] = verdict.instance if isinstance(verdict.instance, dict) else {}
    kind = block.get("type", "string")
    for key in rule["x-keys"]:
        if key in block:
            types = _words([f"type: {name}" for name in rule["x-types"]])
            yield Fault((*verdict.path, key), True, "E029", f"`{key}` does not go with `type: {_inline(kind)}`", f"it belongs to {types}")


def _map(verdict: Verdict) -> Iterator[Fault]:
    block = verdict.instance if isinstance(verdict.instance, dict) else {}
    if "map" in block:
        yield Fault((*verdict.path, "map"), True, "E021", "a `map` needs `else`", "say what becomes of any other value: `else: quarantine`, `else: blank`, or a value")
    else:
        yield Fault((*verdict.path, "else"), True, "E029", "`else` goes with a `map`", "add `map`, or use `default` for a value where there is none")


def _pair(verdict: Verdict) -> Iterator[Fault]:
    rule = verdict.rule or {}
    (key,), partner = rule["x-keys"], rule["x-with"]
    yield Fault((*verdict.path, key), True, "E029", f"`{key}` goes with `{partner}` only", f"add `{partner}`, or leave `{key}` out")


def _join(verdict: Verdict) -> Iterator[Fault]:
    yield Fault(verdict.path, True, "E021", "a join needs `columns` or `fields`", "such as `join: {columns: [make, model]}`")


def _when(verdict: Verdict) -> Iterator[Fault]:
    present = _present(verdict)
    if present:
        yield Fault((*verdict.path, present[1]), True, "E029", "a schedule has `every` or `cron`, not both", "keep one of them")
    else:
        yield Fault(verdict.path, True, "E021", f"{_name(verdict.path)} says no time", "add `every: 1h`, or `cron` with five fields")


def _streams(verdict: Verdict) -> Iterator[Fault]:
    for key in _present(verdict):
        yield Fault((key,), True, "E029", f"`{key}` stands beside `streams`", "move it into the stream it belongs to")


def _other(verdict: Verdict) -> Iterator[Fault]:
    yield Fault(verdict.path, False, "E025", f"{_name(verdict.path)} is not as it should be ({verdict.keyword})")


# --- words ----------------------------------------------------------------------------------


def _name(path: Path) -> str:
    if not path:
        return "the definition"
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return f"`{text}`"


def _in(path: Path) -> str:
    return f"in {_name(path)}" if path else "at the top level"


def _spoken(names: tuple[str, ...]) -> str:
    """Where a block stands, for a reader: `fields.*.join` is "under `join` of an entry of `fields`"."""
    if not names:
        return "at the top level"
    if names[-1] != "*":
        above = "".join(f" of {'an entry of ' if names[i + 1 : i + 2] == ('*',) else ''}`{name}`" for i, name in reversed([*enumerate(names[:-1])]) if name != "*")
        return f"under `{names[-1]}`{above}"
    return f"to an entry of `{next(name for name in reversed(names) if name != '*')}`"


def _words(choices: Sequence[Any]) -> str:
    shown = [str(choice) for choice in choices]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def _did_you_mean(near: str | None, choices: Sequence[Any], noun: str) -> str:
    if near is not None:
        return f"did you mean `{near}`?"
    return f"{noun}: {', '.join(str(choice) for choice in choices)}" if choices else ""


def _inline(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_inline(item)}" for key, item in value.items()) + "}"
    return "null" if value is None else str(value)


_Explained: TypeAlias = Callable[[Verdict], Iterator[Fault]]

_RULES: dict[str, _Explained] = {
    "source": _source,
    "option": _option,
    "map": _map,
    "pair": _pair,
    "join": _join,
    "when": _when,
    "streams": _streams,
}

_EXPLAIN: dict[str, _Explained] = {
    "rule": _ruled,
    "additionalProperties": _unknown_keys,
    "required": _missing_key,
    "propertyNames": _bad_name,
    "type": _wrong_type,
    "enum": _wrong_word,
    "const": _not_constant,
    "pattern": _wrong_form,
    "not": _forbidden,
    "minimum": _out_of_range,
    "maximum": _out_of_range,
    "minLength": _wrong_count,
    "maxLength": _wrong_count,
    "minItems": _wrong_count,
    "maxItems": _wrong_count,
    "minProperties": _wrong_count,
    "maxProperties": _wrong_count,
}
