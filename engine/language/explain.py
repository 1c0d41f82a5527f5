"""Why a definition is refused, in the author's words. Judges nothing: that the schemas have done."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from engine.language import forms, words
from engine.language.faults import Fault, Verdict, inline, listed, name_of, offer, spoken, within
from engine.language.places import Place

MAX_FAULTS = 100  # of one definition


def faults(verdicts: Iterable[Verdict]) -> list[Fault]:
    """The problems, one for each mistake, and no more than a person reads.

    A key that is missing because it is misspelt is reported once, as misspelt.
    """
    found: list[Fault] = []
    for verdict in verdicts:
        found += _EXPLAIN.get(verdict.keyword, forms.unexplained)(verdict)
        if len(found) >= MAX_FAULTS:
            help = f"correct these {MAX_FAULTS} first"
            found[MAX_FAULTS - 1 :] = [Fault((), False, "E039", "there are more problems than are listed", help)]
            break
    misspelt = {(fault.path[:-1], _offered(fault.help)) for fault in found if fault.code == "E020"}
    kept: dict[Fault, None] = {}
    for fault in found:
        if not any((fault.path, word) in misspelt for word in _wanted(fault)):
            kept[fault] = None
    return list(kept)


def _offered(help: str) -> str:
    found = re.match(r"did you mean `(.+?)`", help)
    return found[1] if found else ""


def _wanted(fault: Fault) -> tuple[str, ...]:
    """The keys whose misspelling explains this fault."""
    if fault.code == "E028":
        return _SOURCES
    found = re.search(r"(?:lacks|needs) `(\w+)`|goes with `(\w+)` only|says no time", fault.message)
    if found is None:
        return ()
    return tuple(word for word in found.groups() if word) or ("every", "cron")


_SOURCES = ("column", "path", "context", "const", "field", "firstOf", "join", "sum", "text")


# --- keys -----------------------------------------------------------------------------------


def _unknown_keys(verdict: Verdict) -> Iterator[Fault]:
    keys = verdict.places.legal_keys(verdict.node)
    for key in verdict.detail[:MAX_FAULTS]:
        yield _unknown_key(verdict, key, keys)


def _unknown_key(verdict: Verdict, key: str, keys: Sequence[str]) -> Fault:
    what = verdict.node.get("x-what")
    message = f"unknown {what} `{key}`" if what else f"unknown key `{key}` {within(verdict.path)}"
    near = words.nearest(key, keys, edits=1)
    if near is None:
        place = verdict.places.elsewhere(key, verdict.path[verdict.base :])
        if place is not None:
            return Fault((*verdict.path, key), True, "E020", message, _belongs(key, place, verdict))
        near = words.nearest(key, keys)
    if near is None and isinstance(verdict.instance, dict) and verdict.instance[key] is None and not key.isidentifier():
        help = "a comma ends a value inside { } and [ ]: put quotes around the whole value"
        return Fault((*verdict.path, key), True, "E020", message, help)
    return Fault((*verdict.path, key), True, "E020", message, offer(near, keys, "keys here"))


def _belongs(key: str, place: Place, verdict: Verdict) -> str:
    where = spoken(place.names)
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
        keys = verdict.places.legal_keys(verdict.node)
        for name in verdict.instance:
            if name not in keys:
                yield _unknown_key(verdict, name, keys)
    described = verdict.node.get("properties", {}).get(key, {})
    choices = described.get("enum")
    if choices:
        help = f"say which: {listed(choices)}"
    else:
        examples = described.get("examples", [])
        example = f", such as `{key}: {inline(examples[0])}`" if examples else ""
        help = f"add `{key}`{example}"
    where = f"{name_of(verdict.path)} lacks `{key}`" if verdict.path else f"the definition lacks `{key}`"
    yield Fault(verdict.path, True, "E021", where, help)


def _forbidden_key(verdict: Verdict) -> Iterator[Fault]:
    key = verdict.path[-1] if verdict.path else ""
    message = f"`{key}` does not go with the other keys of {name_of(verdict.path[:-1])}"
    yield Fault(verdict.path, True, "E029", message, f"leave `{key}` out, or change what it contradicts")


def _bad_name(verdict: Verdict) -> Iterator[Fault]:
    """A key of the author's own choosing that is no name."""
    form = verdict.node.get("x-form")
    choices = verdict.node.get("enum")
    key = verdict.detail
    if choices:
        near = words.nearest(key, choices)
        yield Fault(
            (*verdict.path, key),
            True,
            "E020",
            f"unknown key `{key}` {within(verdict.path)}",
            offer(near, choices, "keys here"),
        )
    else:
        yield Fault((*verdict.path, key), True, "E025", f"`{key}` is no name", f"write {form}" if form else "")


# --- rules of ours --------------------------------------------------------------------------


def _ruled(verdict: Verdict) -> Iterator[Fault]:
    """Keys that go together, or do not: what stands beside what decides the words."""
    rule = verdict.rule
    yield from _RULES.get(rule.get("x-rule", ""), forms.unexplained)(verdict)


def _present(verdict: Verdict) -> list[str]:
    block = verdict.instance if isinstance(verdict.instance, dict) else {}
    wanted = verdict.rule.get("x-keys", ())
    return [key for key in block if key in wanted]


def _source(verdict: Verdict) -> Iterator[Fault]:
    present = _present(verdict)
    name = name_of(verdict.path)
    if not present:
        yield Fault(
            verdict.path, True, "E028", f"{name} has no source", f"say where its value comes from: {listed(_SOURCES)}"
        )
    else:
        both = " and ".join(f"`{key}`" for key in present)
        yield Fault(
            (*verdict.path, present[1]),
            True,
            "E028",
            f"{name} has {len(present)} sources: {both}",
            "keep one; `firstOf` takes the first of several fields that is not blank",
        )


def _option(verdict: Verdict) -> Iterator[Fault]:
    for key in _present(verdict):
        kind = verdict.instance.get("type", "string")
        types = listed([f"type: {name}" for name in verdict.rule["x-types"]])
        message = f"`{key}` does not go with `type: {inline(kind)}`"
        yield Fault((*verdict.path, key), True, "E029", message, f"it belongs to {types}")


def _map(verdict: Verdict) -> Iterator[Fault]:
    block = verdict.instance if isinstance(verdict.instance, dict) else {}
    if "map" in block:
        yield Fault(
            (*verdict.path, "map"),
            True,
            "E021",
            "a `map` needs `else`",
            "say what becomes of any other value: `else: quarantine`, `else: blank`, or a value",
        )
    else:
        yield Fault(
            (*verdict.path, "else"),
            True,
            "E029",
            "`else` goes with a `map`",
            "add `map`, or use `default` for a value where there is none",
        )


def _pair(verdict: Verdict) -> Iterator[Fault]:
    rule = verdict.rule
    (key,), partner = rule["x-keys"], rule["x-with"]
    yield Fault(
        (*verdict.path, key),
        True,
        "E029",
        f"`{key}` goes with `{partner}` only",
        f"add `{partner}`, or leave `{key}` out",
    )


def _join(verdict: Verdict) -> Iterator[Fault]:
    yield Fault(
        verdict.path, True, "E021", "a join needs `columns` or `fields`", "such as `join: {columns: [make, model]}`"
    )


def _when(verdict: Verdict) -> Iterator[Fault]:
    present = _present(verdict)
    if present:
        yield Fault(
            (*verdict.path, present[1]), True, "E029", "a schedule has `every` or `cron`, not both", "keep one of them"
        )
    else:
        yield Fault(
            verdict.path,
            True,
            "E021",
            f"{name_of(verdict.path)} says no time",
            "add `every: 1h`, or `cron` with five fields",
        )


def _streams(verdict: Verdict) -> Iterator[Fault]:
    for key in _present(verdict):
        yield Fault((key,), True, "E029", f"`{key}` stands beside `streams`", "move it into the stream it belongs to")


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
    "falseSchema": _forbidden_key,
    "type": forms.wrong_type,
    "enum": forms.wrong_word,
    "const": forms.not_constant,
    "pattern": forms.wrong_form,
    "not": forms.forbidden,
    "minimum": forms.out_of_range,
    "maximum": forms.out_of_range,
    "minLength": forms.wrong_count,
    "maxLength": forms.wrong_count,
    "uniqueItems": forms.wrong_count,
    "minItems": forms.wrong_count,
    "maxItems": forms.wrong_count,
    "minProperties": forms.wrong_count,
    "maxProperties": forms.wrong_count,
}
