"""What was expected beside what came: every difference, with its path in the expectation. Pure.

What an expectation does not name is not looked at. A list of it names some of what is there, by key or
by the fields given, unless it is empty or the list's name stands under `complete`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from engine.golden.agreement import Difference, Path, agrees, compared, shown
from engine.golden.asked import requests_unlike
from engine.model import Value
from engine.report import COUNTS

Element: TypeAlias = Mapping[str, Value]

_SHOWN = 6  # of what is there, in place of what is missing
# By what an element of a list is known, the strongest first.
IDENTITY: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "activities": (("type", "key"), ("key",)),
    "held": (("type", "key"), ("key",)),
    "contacts": (("externalId",), ("firstName", "lastName"), ("lastName",), ("company",)),
    "vehicles": (("vin",), ("stockNumber",), ("plate",)),
    "quarantine": (("delivery", "line"), ("line",)),
    "exports": (("export", "message", "key"), ("message", "key"), ("key",), ("message",)),
    "suppressed": (("export", "message", "key"), ("message", "key"), ("key",), ("message",)),
}
NOUNS = {
    "activities": "activity",
    "held": "held activity",
    "contacts": "contact",
    "vehicles": "vehicle",
    "quarantine": "quarantined row",
    "exports": "item that goes out",
    "suppressed": "item that is kept back",
}


@dataclass(frozen=True, slots=True)
class Found:
    """What a test left, as plain values.

    `runs` are the reports by feed, one map for each run. The elements of the lists have every name that
    an expectation may use; one that it uses and they have not is a mistake of the test.
    """

    runs: Sequence[Mapping[str, Mapping[str, Any]]]
    activities: Sequence[Element] = ()
    contacts: Sequence[Element] = ()
    vehicles: Sequence[Element] = ()
    quarantine: Sequence[Element] = ()
    left: Sequence[str] = ()
    removed: Sequence[str] = ()
    state: Mapping[str, str | None] = field(default_factory=dict)
    requests: Sequence[Element] = ()
    exports: Sequence[Element] = ()
    suppressed: Sequence[Element] = ()

    @property
    def counts(self) -> Mapping[str, int]:
        feeds = [feed for run in self.runs for feed in run.values()]
        held = sum(feed.get("activities", {}).get("held", 0) for feed in feeds)
        return {**{name: sum(feed[name] for feed in feeds) for name in COUNTS}, "held": held}

    @property
    def held(self) -> Sequence[Element]:
        return [each for each in self.activities if each.get("state") == "held"]

    @property
    def issues(self) -> Sequence[Mapping[str, Any]]:
        return [issue for run in self.runs for feed in run.values() for issue in feed["issues"]]

    @property
    def failures(self) -> Sequence[Mapping[str, Any]]:
        """What ended a run, or kept a whole delivery out."""
        bad = [feed for run in self.runs for feed in run.values() if feed["outcome"] in ("failed", "refused")]
        return [issue for feed in bad for issue in feed["issues"] if issue["severity"] == "error"]


def differences(expected: Mapping[str, Value], found: Found) -> list[Difference]:
    """Everything that an expectation says and that is not so."""
    complete = expected.get("complete") or ()
    told: list[Difference] = []
    for name, wanted in expected.items():
        if name in SECTIONS:
            told += SECTIONS[name](wanted, found, (name,), name in complete)
    return told + _unexpected_ends(expected, found)


# --- lists ----------------------------------------------------------------------------------


class Pairs(NamedTuple):
    """For each expected element what it was taken to mean, and the found ones that nobody expected.

    `exact` agree; `near` are the same element by its key, or the likeliest one, and differ.
    """

    exact: Mapping[int, int]
    near: Mapping[int, int]
    rest: tuple[int, ...]


def paired(expected: Sequence[Element], found: Sequence[Element], section: str) -> Pairs:
    """As many exact pairs as there can be, then those of the same identity, then the likeliest."""
    fits = [[j for j, other in enumerate(found) if _fits(one, other)] for one in expected]
    taken: dict[int, int] = {}  # found -> expected
    for place in range(len(expected)):
        _placed(place, fits, taken, set())
    exact = {i: j for j, i in taken.items()}
    free = [j for j in range(len(found)) if j not in taken]
    near: dict[int, int] = {}
    for place in (i for i in range(len(expected)) if i not in exact):
        likely = _likeliest(expected[place], [(j, found[j]) for j in free], section)
        if likely is not None:
            near[place] = likely
            free.remove(likely)
    return Pairs(exact, near, tuple(free))


def _fits(expected: Element, found: Element) -> bool:
    return all(name in found for name in expected) and agrees(expected, found)


def _placed(place: int, fits: Sequence[Sequence[int]], taken: dict[int, int], tried: set[int]) -> bool:
    """Find a partner for one element, moving earlier ones to another of theirs where that is needed."""
    for candidate in fits[place]:
        if candidate in tried:
            continue
        tried.add(candidate)
        if candidate not in taken or _placed(taken[candidate], fits, taken, tried):
            taken[candidate] = place
            return True
    return False


def _likeliest(expected: Element, free: Sequence[tuple[int, Element]], section: str) -> int | None:
    for names in IDENTITY[section]:
        if all(name in expected for name in names):
            alike = (j for j, other in free if all(agrees(expected[name], other.get(name)) for name in names))
            found = next(alike, None)
            if found is not None or "key" in names:
                return found
    scores = [(sum(agrees(value, other.get(name)) for name, value in expected.items()), -j) for j, other in free]
    best = max(scores, default=(0, 0))
    return -best[1] if best[0] else None


def _listed(expected: Value, found: Sequence[Element], path: Path, complete: bool) -> list[Difference]:
    section = str(path[0])
    elements = [each for each in expected or () if isinstance(each, Mapping)]
    pairs = paired(elements, found, section)
    told: list[Difference] = []
    for place, element in enumerate(elements):
        at = (*path, place)
        if place in pairs.near:
            told += compared(element, found[pairs.near[place]], at)
        elif place not in pairs.exact:
            told.append(Difference(at, _missing(element, found, section), element))
    if complete or not elements:
        told += [
            Difference(path, f"not expected: {NOUNS[section]} {_name(found[j], section)}", None, found[j])
            for j in pairs.rest
        ]
    return told


def _missing(element: Element, found: Sequence[Element], section: str) -> str:
    names = [_name(each, section) for each in found]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    there = (
        f"there are {', '.join(names[:_SHOWN])}{more}" if len(names) > 1 else f"there is {names[0]}" if names else ""
    )
    return f"no {NOUNS[section]} {_asked(element, section)}; {there or 'there is none at all'}"


def _asked(element: Element, section: str) -> str:
    for names in IDENTITY[section]:
        if all(name in element for name in names):
            return "with " + ", ".join(f"{name} {shown(element[name])}" for name in names)
    return f"like {shown(element)}"


def _name(element: Element, section: str) -> str:
    """What an element is called in a message: the strongest of what tells it from others."""
    for names in reversed(IDENTITY[section]) if section in ("activities", "held") else IDENTITY[section]:
        if all(element.get(name) is not None for name in names):
            text = " ".join(shown(element[name]) for name in names)
            return f"line {text} ({element.get('code')})" if names == ("line",) else text
    return shown({name: value for name, value in element.items() if value not in (None, [], {})})


# --- sections -------------------------------------------------------------------------------


def _counts(expected: Value, found: Found, path: Path, complete: bool) -> list[Difference]:
    return compared(expected, found.counts, path)


def _runs(expected: Value, found: Found, path: Path, complete: bool) -> list[Difference]:
    """Run by run and feed by feed; a count that is not named is expected to be 0."""
    if len(expected) != len(found.runs):
        return [Difference(path, f"expected {len(expected)} runs, there were {len(found.runs)}")]
    told: list[Difference] = []
    for place, (wanted, run) in enumerate(zip(expected, found.runs, strict=True)):
        for feed, counts in wanted.items():
            if feed not in run:
                told.append(Difference((*path, place, feed), f"no such feed ran; there are {', '.join(run)}"))
                continue
            told += compared(dict.fromkeys(COUNTS, 0) | counts, run[feed], (*path, place, feed))
    return told


def _held(expected: Value, found: Found, path: Path, complete: bool) -> list[Difference]:
    if isinstance(expected, int):
        return compared(expected, len(found.held), path)
    return _listed(expected, found.held, path, complete)


def _left(expected: Value, found: Found, path: Path, complete: bool) -> list[Difference]:
    missing = [Difference(path, f"{name} is gone", name) for name in expected if name not in found.left]
    return missing + [
        Difference(path, f"{name} is still there", None, name) for name in found.left if name not in expected
    ]


def _removed(expected: Value, found: Found, path: Path, complete: bool) -> list[Difference]:
    told = []
    for place, name in enumerate(expected):
        if name not in found.removed:
            state = "is still there" if name in found.left else "never was there"
            told.append(Difference((*path, place), f"{name} {state}", name))
    return told


def _issues(expected: Value, found: Found, path: Path, complete: bool) -> list[Difference]:
    codes = sorted({issue["code"] for issue in found.issues})
    there = f"there were {', '.join(codes)}" if codes else "there was none"
    told = [
        Difference((*path, place), f"no issue {code}; {there}", code)
        for place, code in enumerate(expected)
        if code not in codes
    ]
    if complete or not expected:
        told += [Difference(path, f"not expected: issue {code}", None, code) for code in codes if code not in expected]
    return told


def _requests(expected: Value, found: Found, path: Path, complete: bool) -> list[Difference]:
    return requests_unlike(expected, found.requests, path)


def _state(expected: Value, found: Found, path: Path, complete: bool) -> list[Difference]:
    return compared(expected, found.state, path)


def _error(expected: Value, found: Found, path: Path, complete: bool) -> list[Difference]:
    codes = [issue["code"] for issue in found.failures]
    if expected in codes:
        return []
    there = f"it ended with {', '.join(dict.fromkeys(codes))}" if codes else "nothing ended the run"
    return [Difference(path, f"expected the error {expected}, {there}", expected, codes[0] if codes else None)]


_Section = Callable[[Value, Found, Path, bool], list[Difference]]


def _list_of(name: str) -> _Section:
    def section(expected: Value, found: Found, path: Path, complete: bool) -> list[Difference]:
        return _listed(expected, getattr(found, name), path, complete)

    return section


SECTIONS: Mapping[str, _Section] = {
    "counts": _counts,
    "runs": _runs,
    "activities": _list_of("activities"),
    "contacts": _list_of("contacts"),
    "vehicles": _list_of("vehicles"),
    "quarantine": _list_of("quarantine"),
    "exports": _list_of("exports"),
    "suppressed": _list_of("suppressed"),
    "held": _held,
    "left": _left,
    "removed": _removed,
    "issues": _issues,
    "requests": _requests,
    "state": _state,
    "error": _error,
}


def _unexpected_ends(expected: Mapping[str, Value], found: Found) -> list[Difference]:
    """A run that failed, or a file that was refused, is never passed over: some part of the test must name it."""
    named: Collection[Value] = {expected.get("error"), *(expected.get("issues") or ())}
    outcomes = {counts.get("outcome") for run in expected.get("runs") or () for counts in run.values()}
    if {"failed", "refused"} & outcomes:
        return []
    told = [issue for issue in found.failures if issue["code"] not in named]
    if "error" in expected or not told:
        return []
    help = f"error: {told[0]['code']} says that this is meant"
    return [Difference((), f"{told[0]['message']} [{told[0]['code']}]; {help}", None, told[0]["code"])]
