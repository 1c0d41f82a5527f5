"""Why a definition is refused, in the author's words. Judges nothing: that the schemas have done."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from engine.language import forms, words
from engine.language.faults import Fault, Verdict, inline, listed, name_of, offer, spoken, within
from engine.language.places import Place
from engine.language.yaml import Path

MAX_FAULTS = 50  # of one definition


def faults(verdicts: Iterable[Verdict]) -> list[Fault]:
    """The problems, one for each mistake, and no more than a person reads.

    A key that is missing because it is misspelt is reported once, as misspelt.
    """
    found: list[Fault] = []
    for verdict in verdicts:
        found += _EXPLAIN.get(verdict.keyword, forms.unexplained)(verdict)
        if len(found) > 4 * MAX_FAULTS:
            break
    misspelt = {(*fault.path[:-1], word) for fault in found if fault.code == "E020" for word in _offered(fault.help)}
    wrong = {fault.path for fault in found if fault.code == "E023"}
    if ("basedOn",) in misspelt:
        # Without it everything that the other definition gives is missing.
        return [fault for fault in found if fault.code == "E020" and "basedOn" in _offered(fault.help)]
    kept = list(dict.fromkeys(fault for fault in found if not {*misspelt, *wrong} & {*fault.excuses}))
    if len(kept) >= MAX_FAULTS:
        help = f"correct these {MAX_FAULTS - 1} first"
        kept[MAX_FAULTS - 1 :] = [Fault((), False, "E039", "there are more problems than are listed", help)]
    return kept


def _offered(help: str) -> list[str]:
    return re.findall(r"`(\w+)`", help) if help.startswith("did you mean") else []


_SOURCES = ("column", "path", "context", "const", "field", "firstOf", "join", "sum", "text")


# --- keys -----------------------------------------------------------------------------------


def _unknown_keys(verdict: Verdict) -> Iterator[Fault]:
    keys = verdict.places.legal_keys(verdict.node)
    for key in verdict.detail[:MAX_FAULTS]:
        yield _unknown_key(verdict, key, keys)


def _unknown_key(verdict: Verdict, key: str, keys: Sequence[str]) -> Fault:
    what = verdict.node.get("x-what")
    message = (
        f"unknown {what} `{words.clipped(key)}`"
        if what
        else f"unknown key `{words.clipped(key)}` {within(verdict.path)}"
    )
    block = verdict.instance if isinstance(verdict.instance, dict) else {}
    free = [word for word in keys if word not in block] or keys
    near = words.likely(key, free, edits=1) or words.synonym(key, free)
    here = verdict.path[verdict.base :]
    place = None if near else verdict.places.elsewhere(key, here)
    twice = () if near or place else words.likely(key, keys, edits=1)
    if place is not None:
        help = f"`{key}` {_belongs(key, place, verdict)}"
    elif twice:
        help = f"did you mean `{twice[0]}`? It is there already"
    else:
        near = near or words.likely(key, free)
        help = offer(near, keys, "keys here")
        meant = None if near else _meant_elsewhere(key, here, verdict)
        help = meant or help
        if not near and block.get(key, "") is None and not key.isidentifier():
            help = "a comma ends a value inside { } and [ ]: put quotes around the whole value"
    return Fault((*verdict.path, key), True, "E020", message, help)


def _meant_elsewhere(key: str, here: Path, verdict: Verdict) -> str | None:
    """Where the key belongs that is our word for this one."""
    for meant in words.synonyms(key):
        place = verdict.places.elsewhere(meant, here)
        if place is not None:
            return f"it is called `{meant}` and {_belongs(meant, place, verdict)}"
    return None


def _belongs(key: str, place: Place, verdict: Verdict) -> str:
    where = spoken(place.names)
    if not place.variant:
        return f"belongs {where}"
    by, word = place.variant.split(" ", 1)
    found = verdict.instance.get(by) if isinstance(verdict.instance, dict) else None
    if verdict.path and place.names[-1:] == verdict.path[-1:] and isinstance(found, str):
        return f"belongs to `{by}: {word}`; this is `{by}: {found}`"
    block = verdict.instance
    for name in place.names if not verdict.path else ():
        block = block.get(name) if isinstance(block, dict) else None
    own = block.get(by) if isinstance(block, dict) else None
    if own is not None and verdict.places.has(key, place.names, f"{by} {own}"):
        return f"belongs {where}"
    return f"belongs {where} with `{by}: {word}`"


def _missing_key(verdict: Verdict) -> Iterator[Fault]:
    """A required key; where it is what tells variants apart, the keys of any variant are right."""
    key, path = verdict.detail, verdict.path
    keys = verdict.places.legal_keys(verdict.block)
    if "x-by" in verdict.block and isinstance(verdict.instance, dict):
        for name in verdict.instance:
            if name not in keys:
                yield _unknown_key(verdict, name, keys)
    described = verdict.block.get("properties", {}).get(key, {})
    choices = described.get("enum")
    if choices:
        help = f"say which: {listed(choices)}"
    else:
        examples = described.get("examples", [])
        help = f"add `{key}: {inline(examples[0])}`, say" if examples else f"add `{key}`"
    message = f"{name_of(path)} lacks `{key}`" if path else f"the definition lacks `{key}`"
    others = tuple(verdict.block.get("properties", {})) if "x-by" in verdict.block else ("streams",)
    yield Fault(path, True, "E021", message, help, _beside(path, key, *others))


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
        near = words.likely(key, choices)
        yield Fault(
            (*verdict.path, key),
            True,
            "E020",
            f"unknown key `{key}` {within(verdict.path)}",
            offer(near, choices, "keys here"),
        )
    else:
        yield Fault(
            (*verdict.path, key), True, "E025", f"`{words.clipped(key)}` is no name", f"write {form}" if form else ""
        )


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
    present, path, name = _present(verdict), verdict.path, name_of(verdict.path)
    if not present:
        help = f"say where its value comes from: {listed(_SOURCES)}"
        yield Fault(path, True, "E028", f"{name} has no source", help, _beside(path, *_SOURCES))
    else:
        message = f"{name} has {len(present)} sources: " + " and ".join(f"`{key}`" for key in present)
        help = "keep one; `firstOf` takes the first of several fields that is not blank"
        yield Fault((*path, present[1]), True, "E028", message, help)


def _option(verdict: Verdict) -> Iterator[Fault]:
    for key in _present(verdict):
        message = f"`{key}` does not go with `type: {inline(verdict.instance.get('type', 'string'))}`"
        help = "it belongs to " + listed([f"`type: {name}`" for name in verdict.rule["x-types"]])
        yield Fault((*verdict.path, key), True, "E029", message, help, _beside(verdict.path, "type"))


def _map(verdict: Verdict) -> Iterator[Fault]:
    path = verdict.path
    if "map" in verdict.instance:
        help = "say what becomes of any other value: `else: quarantine`, `else: blank`, or a value"
        yield Fault((*path, "map"), True, "E021", "a `map` needs `else`", help, _beside(path, "else"))
    else:
        help = "add `map`, or use `default` for a value where there is none"
        yield Fault((*path, "else"), True, "E029", "`else` goes with a `map`", help, _beside(path, "map"))


def _pair(verdict: Verdict) -> Iterator[Fault]:
    (key,), partner = verdict.rule["x-keys"], verdict.rule["x-with"]
    if partner in _SOURCES and verdict.instance.keys().isdisjoint(_SOURCES):
        return  # it has no source at all
    message, help = f"`{key}` goes with `{partner}` only", f"add `{partner}`, or leave `{key}` out"
    yield Fault((*verdict.path, key), True, "E029", message, help, _beside(verdict.path, partner))


def _join(verdict: Verdict) -> Iterator[Fault]:
    help = "such as `join: {columns: [make, model]}`"
    excuses = _beside(verdict.path, "columns", "fields")
    yield Fault(verdict.path, True, "E021", "a join needs `columns` or `fields`", help, excuses)


def _when(verdict: Verdict) -> Iterator[Fault]:
    present, path = _present(verdict), verdict.path
    if present:
        message = f"{name_of(path)} has `every` and `cron`"
        yield Fault((*path, present[1]), True, "E029", message, "keep one of them")
    else:
        help = "add `every: 1h`, or `cron` with five fields"
        yield Fault(path, True, "E021", f"{name_of(path)} says no time", help, _beside(path, "every", "cron"))


def _beside(path: Path, *keys: str) -> tuple[Path, ...]:
    return tuple((*path, key) for key in keys)


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
