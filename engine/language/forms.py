"""Values that are not what their place wants, in the author's words. Knows nothing of keys."""

import re
from collections.abc import Iterator, Sequence

from engine.language import masking, words
from engine.language.faults import Fault, Verdict, inline, name_of, offer
from engine.model import Value

QUOTE = "put quotes around it"
_NOUNS = {
    "string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "object": "a map of keys", "array": "a list", "null": "nothing",
}  # fmt: skip
_SPELT = {
    "duration": "a duration with its unit, such as 30s, 15m, 2h, 7d or 6mo",
    "size": "a size with its unit, such as 512KiB or 64MiB",
}
_UNITS = {
    "s": ("s", "sec", "secs", "second", "seconds"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
    "mo": ("mo", "mon", "month", "months"),
}
# The zones that people of one country write by three letters.
_ZONE = re.compile(r"[ECMP][SD]?T", re.IGNORECASE)
_ZONES = {"E": "America/New_York", "C": "America/Chicago", "M": "America/Denver", "P": "America/Los_Angeles"}
_AMOUNT = re.compile(r"\s*(\d{1,9})\s*([A-Za-z]*)\s*")


def _shown(verdict: Verdict, value: Value) -> str:
    """The value as a message may quote it: never one that stands under a secret's key."""
    if any(isinstance(step, str) and masking.may_name_secret(step) for step in verdict.path):
        return masking.MASK
    if isinstance(value, dict | list):
        return "a map" if isinstance(value, dict) else "a list"
    return masking.without_login(words.clipped(inline(value)))


def _found(verdict: Verdict) -> str:
    value = verdict.instance
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"`{inline(value)}`"
    if isinstance(value, int | float):
        return f"the number {_shown(verdict, value)}"
    if isinstance(value, str):
        return f"the text `{_shown(verdict, value)}`"
    return "a map of keys" if isinstance(value, dict) else "a list"


def wrong_type(verdict: Verdict) -> Iterator[Fault]:
    types, value = verdict.detail, verdict.instance
    if verdict.node.get("x-code") == "E030":
        yield _secret(verdict)
        return
    if "x-unit" in verdict.node and isinstance(value, int | float) and not isinstance(value, bool):
        yield _unit(verdict)
        return
    form = verdict.node.get("x-form") or _SPELT.get(verdict.node.get("x-unit", ""))
    expected = form or " or ".join(_NOUNS[name] for name in types if name != "null")
    yield Fault(
        verdict.path,
        False,
        "E022",
        f"{name_of(verdict.path)} has to be {expected}, found {_found(verdict)}",
        _retype(verdict, types),
    )


def _retype(verdict: Verdict, types: Sequence[str]) -> str:
    """How this value would be written in the type that is wanted."""
    value = verdict.instance
    if value is None:
        return "give it a value, or leave the key out"
    if "boolean" in types and isinstance(value, str):
        meant = words.nearest(value, ("true", "false"))
        return f"write `{meant}`" if meant else "only `true` and `false` are booleans"
    if (
        {"integer", "number"} & set(types)
        and isinstance(value, str)
        and re.fullmatch(r"-?\d{1,18}(\.\d{1,18})?", value)
    ):
        return f"take the quotes away: {value}" if not value.startswith("0") else "a number does not begin with 0"
    if "string" in types and isinstance(value, bool | int | float):
        return QUOTE
    if "array" in types and not isinstance(value, dict | list):
        return f"write a list: [{_shown(verdict, value)}]"
    if "object" in types and isinstance(value, list):
        return "write keys with values, not a list"
    return ""


def wrong_word(verdict: Verdict) -> Iterator[Fault]:
    choices, value = verdict.detail, verdict.instance
    what = verdict.node.get("x-what")
    if value in verdict.node.get("x-need-arguments", ()):
        yield Fault(verdict.path, False, "E021", f"`{value}` needs arguments", f"write it as a map: {{{value}: ...}}")
        return
    every = [*choices, *verdict.node.get("x-need-arguments", ())]
    near = words.likely(value, every) if isinstance(value, str) else ()
    if value is None:
        message = f"{name_of(verdict.path)} has no value"
    elif what:
        message = f"unknown {what} `{_shown(verdict, value)}`"
    else:
        message = f"{name_of(verdict.path)} cannot be `{_shown(verdict, value)}`"
    yield Fault(verdict.path, False, "E023", message, offer(near, every, "choices"))


def not_constant(verdict: Verdict) -> Iterator[Fault]:
    wanted = verdict.node["const"]
    yield Fault(
        verdict.path,
        False,
        "E023",
        f"{name_of(verdict.path)} has to be {inline(wanted)}, found {_found(verdict)}",
        f"write {inline(wanted)}",
    )


def wrong_form(verdict: Verdict) -> Iterator[Fault]:
    node = verdict.node
    if node.get("x-code") == "E030":
        yield _secret(verdict)
    elif "x-unit" in node:
        yield _unit(verdict)
    else:
        form = node.get("x-form") or f"text that matches {verdict.detail}"
        zone = _ZONES.get(str(verdict.instance).upper()[:1]) if _ZONE.fullmatch(str(verdict.instance)) else None
        yield Fault(
            verdict.path,
            False,
            "E025",
            f"{name_of(verdict.path)} has to be {form}, found `{_shown(verdict, verdict.instance)}`",
            f"write {zone}, say: a name that knows when clocks change" if zone and "IANA" in form else "",
        )


def _secret(verdict: Verdict) -> Fault:
    steps = [step for step in verdict.path if isinstance(step, str)]
    called = next((step for step in reversed(steps) if masking.names_secret(step)), None)
    called = called or next((step for step in reversed(steps) if step not in ("default", "example", "text")), "name")
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|\W+", "_", called).upper()
    key = name_of(verdict.path)
    whole = verdict.node.get("pattern", "").startswith("^")
    found = verdict.instance
    if isinstance(found, str) and "${" in found and whole:
        return Fault(
            verdict.path,
            False,
            "E030",
            f"{key} is one whole reference",
            f"write '${{secret.{name}}}', with nothing before or after it",
        )
    if found is None:
        return Fault(verdict.path, False, "E030", f"{key} names no secret", f"write '${{secret.{name}}}'")
    help = f"write '${{secret.{name}}}' and give the value outside of the definition, as FEEDS_SECRET_{name}"
    return Fault(verdict.path, False, "E030", f"{key} is a secret written out", help)


def _unit(verdict: Verdict) -> Fault:
    """A duration or a size that is not written as one."""
    value, is_size = verdict.instance, verdict.node["x-unit"] == "size"
    match = _AMOUNT.fullmatch(str(value)) if not isinstance(value, bool) else None
    expected = _SPELT[verdict.node["x-unit"]]
    if match and not match[2]:
        units = ("B", "KiB", "MiB") if is_size else ("s", "m", "h", "d")
        help = "write " + ", ".join(f"{match[1]}{unit}" for unit in units[:-1]) + f" or {match[1]}{units[-1]}"
        return Fault(verdict.path, False, "E024", f"{name_of(verdict.path)} lacks its unit", help)
    written = _respelt(match, is_size) if match else ""
    help = f"write {written}" if written else ""
    return Fault(
        verdict.path,
        False,
        "E025",
        f"{name_of(verdict.path)} has to be {expected}, found `{_shown(verdict, value)}`",
        help,
    )


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


def forbidden(verdict: Verdict) -> Iterator[Fault]:
    if verdict.node.get("x-secret-in-url"):
        yield Fault(
            verdict.path,
            False,
            "E030",
            f"{name_of(verdict.path)} holds a login",
            "take user and password out of the address and give them under `auth`",
        )
    else:
        yield from unexplained(verdict)


def out_of_range(verdict: Verdict) -> Iterator[Fault]:
    low, high = verdict.node.get("minimum"), verdict.node.get("maximum")
    limits = (
        f"from {low} to {high}"
        if low is not None and high is not None
        else f"at least {low}"
        if high is None
        else f"at most {high}"
    )
    yield Fault(verdict.path, False, "E026", f"{name_of(verdict.path)} has to be {limits}, found {_found(verdict)}")


def wrong_count(verdict: Verdict) -> Iterator[Fault]:
    name, keyword = name_of(verdict.path), verdict.keyword
    if keyword == "minLength":
        yield Fault(verdict.path, False, "E025", f"{name} is empty", "give it a value, or leave the key out")
    elif keyword == "maxLength":
        yield Fault(verdict.path, False, "E025", f"{name} has to be {verdict.node.get('x-form', 'shorter')}")
    elif verdict.node.get("x-what") == "transform":
        yield Fault(
            verdict.path,
            False,
            "E027",
            "an entry is one transform",
            "write each transform as an entry of its own: [trim, {remove: '-'}]",
        )
    elif keyword in ("minItems", "minProperties"):
        yield Fault(verdict.path, False, "E027", f"{name} is empty", "give at least one entry, or leave the key out")
    elif keyword == "uniqueItems":
        yield Fault(verdict.path, False, "E027", f"{name} has an entry twice", "keep one of them")
    else:
        yield Fault(verdict.path, False, "E027", f"{name} has too many entries", f"at most {verdict.detail}")


def unexplained(verdict: Verdict) -> Iterator[Fault]:
    yield Fault(verdict.path, False, "E025", f"{name_of(verdict.path)} is not as it should be ({verdict.keyword})")
