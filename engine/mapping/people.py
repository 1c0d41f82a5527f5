"""Writes who and what a record is about: the contact and the vehicle, of mapped fields.

Fields that are blank are left out: a blank never takes away what is known of a person.
"""

import re
from collections import defaultdict
from collections.abc import Callable

from engine.errors import RecordError
from engine.mapping.fields import part
from engine.mapping.keys import text_of
from engine.mapping.scope import Scope, Var
from engine.mapping.source import literal
from engine.model import ContactSpec, MappedContact, MappedVehicle, Value, VehicleSpec
from engine.transforms import TYPES

_SUFFIX = re.compile(r"(?:jr|sr|ii|iii|iv)\.?", re.IGNORECASE)


def split_name(name: str) -> tuple[str, str, str]:
    """First name, last name and suffix: of "Vale, Robin" or "Robin Vale Jr."; a single word is a last name."""
    last, comma, first = name.partition(",")
    if comma and _SUFFIX.fullmatch(first.strip()):
        name, comma = f"{last} {first}", ""
    words = (f"{first} {last}" if comma else name).replace(",", " ").split()
    suffix = words.pop() if len(words) > 1 and _SUFFIX.fullmatch(words[-1]) else ""
    if comma:
        count = len(last.split()) - (1 if suffix and last.split()[-1:] == [suffix] else 0)
        count = max(count, 1)
        return " ".join(words[:-count]), " ".join(words[-count:]), suffix
    return " ".join(words[:-1]), " ".join(words[-1:]), suffix


def contact(scope: Scope, spec: ContactSpec) -> str:
    """Write the contact; the name of the variable that holds a MappedContact or None."""
    source = scope.source
    vars_: dict[str, list[Var]] = defaultdict(list)
    for name, field in spec.values:
        vars_[name].append(scope.var(field))
    found = _present(scope, {name: given[0].value for name, given in vars_.items()})
    for name, given in vars_.items():
        for var in given[1:]:
            with source.block(f"if {var.value} is not None"):
                source.line(f"{found}.setdefault({literal(name)}, {var.value})")
    values = {name: given[0].value for name, given in vars_.items()}
    first, last = _names(scope, values, found)
    emails = _several(scope, [*vars_["email"], *vars_["emails"]], "email", _emails)
    phones = _several(scope, [*vars_["phone"], *vars_["phones"]], "phone", _phones(scope.dealer.region))
    external = values.get("externalId", "None")
    if external != "None" and vars_["externalId"][0].type != "string":
        external = f"(None if {external} is None else {source.bind(text_of)}({external}))"
    company = values.get("company", "None")
    parts = f"{external}, {emails}, {phones}, {first}, {last}, {company} or ''"
    result = source.name()
    known = (external, emails, phones, first, last, company)
    usable = " or ".join(part for part in known if part not in {"None", "()", "''"})
    source.line(f"{result} = new({source.bind(MappedContact)}, ({parts}, {found})) if {usable or 'None'} else None")
    return result


def _present(scope: Scope, values: dict[str, str]) -> str:
    """The name of a new dict of those values that are not None. Most are not: made whole, then thinned out."""
    source = scope.source
    result = source.name("d")
    values = {name: value for name, value in values.items() if value != "None"}
    entries = ", ".join(f"{literal(name)}: {value}" for name, value in values.items())
    source.line(f"{result} = {{{entries}}}")
    for name, value in values.items():
        with source.block(f"if {value} is None"):
            source.line(f"del {result}[{literal(name)}]")
    return result


def _names(scope: Scope, values: dict[str, str], found: str) -> tuple[str, str]:
    """First and last name; those of `name` where neither stands on its own."""
    first, last, name = (values.get(word, "None") for word in ("firstName", "lastName", "name"))
    if name == "None":
        return _or_empty(first), _or_empty(last)
    source = scope.source
    one, two, suffix = source.name(), source.name(), source.name()
    source.line(f"{one} = {first}")
    source.line(f"{two} = {last}")
    with source.block(f"if {one} is None and {two} is None and {name} is not None"):
        source.line(f"{one}, {two}, {suffix} = {source.bind(split_name)}({name})")
        for word, part in (("firstName", one), ("lastName", two), ("suffix", suffix)):
            with source.block(f"if {part}"):
                source.line(f"{found}.setdefault({literal(word)}, {part})")
    return f"({one} or '')", f"({two} or '')"


def _or_empty(value: str) -> str:
    return "''" if value == "None" else f"({value} or '')"


def _several(scope: Scope, vars_: list[Var], type_: str, normalised: Callable[..., tuple[str, ...]]) -> str:
    """The distinct addresses of some fields, in order; a raw text that a warning kept is none."""
    vars_ = [var for var in vars_ if var.value != "None"]
    if not vars_:
        return "()"
    source = scope.source
    values = [f"(None if {var.warned} else {var.value})" if var.warned else var.value for var in vars_]
    result = source.name()
    if any(var.type != type_ for var in vars_):
        source.line(f"{result} = {source.bind(normalised)}({', '.join(values)})")
        return result
    source.line(f"{result} = () if {values[0]} is None else ({values[0]},)")
    for value in values[1:]:
        with source.block(f"if {value} is not None and {value} not in {result}"):
            source.line(f"{result} += ({value},)")
    return result


def _emails(*values: Value) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text_of(value).strip().casefold() for value in _flat(values)))


def _phones(region: str) -> Callable[..., tuple[str, ...]]:
    read = TYPES["phone"](region=region)

    def phones(*values: Value) -> tuple[str, ...]:
        """E.164 only: what is no number finds no one."""
        numbers: dict[str, None] = {}
        for value in _flat(values):
            try:
                numbers[read(value)] = None
            except RecordError:
                continue
        return tuple(numbers)

    return phones


def _flat(values: tuple[Value, ...]) -> list[Value]:
    flat: list[Value] = []
    for value in values:
        if isinstance(value, list):
            flat.extend(part for part in value if part is not None)
        elif value is not None:
            flat.append(value)
    return flat


def vehicle(scope: Scope, spec: VehicleSpec) -> str:
    """Write the vehicle; the name of the variable that holds a MappedVehicle or None."""
    source = scope.source
    vars_ = {name: scope.var(field) for name, field in spec.values}
    vars_ = {name: var for name, var in vars_.items() if var.value != "None"}
    found = _present(scope, {name: var.value for name, var in vars_.items()})
    keys, result = source.name(), source.name()
    source.line(f"{keys} = ()")
    for names in spec.match:
        if all(name in vars_ for name in names):
            parts = [f"{literal(name + '=')} + {part(scope, vars_[name])}" for name in names]
            with source.block("if " + " and ".join(f"{vars_[name].value} is not None" for name in names)):
                source.line(f"{keys} += ({_with_bars(parts)},)")
    source.line(f"{result} = new({source.bind(MappedVehicle)}, ({keys}, {found})) if {found} else None")
    return result


def _with_bars(parts: list[str]) -> str:
    return " + '|' + ".join(parts)
