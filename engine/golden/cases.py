"""A test as it is to be run: its feeds, what each day brings, the clock, and what is expected of it.

Made of a definition's `tests:` or of a case folder; runs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.language import definition, files, schema, tree, values, yaml
from engine.language import outgoing as outgoing_of
from engine.language.dealers import Listed, listed
from engine.language.findings import Finding
from engine.language.folder import Sheet
from engine.language.problems import Problems
from engine.language.project import Project
from engine.language.resolution import Definition
from engine.language.shapes import Workshop
from engine.language.tree import Node, Place
from engine.model import Dealer, Export, Feed, Value
from transports.files import is_segment

_NOON = datetime(2024, 1, 1, 12)  # noqa: DTZ001  (in the dealer's zone; a test without `now` is the same every day)
SCRIPTS = ("http", "hooks")  # lists under `given`; files in the folder of a day
_HEAD = {"version": 1, "kind": "feed", "title": "a script", "basedOn": "any/feed"}  # what a definition begins with


@dataclass(frozen=True, slots=True)
class Case:
    """One test. `days` are the files that come before each run, by their path below the server's root; for each of
    them `http` is the script of an API, `hooks` the requests that arrive.

    `faults` say why it cannot be run. In a case folder a list that is given is complete, and quarantine
    and files that are left have to be named.
    """

    definition: str
    name: str
    place: Place
    expect: Node
    feeds: tuple[Feed, ...] = ()
    days: tuple[Mapping[str, bytes], ...] = ()
    http: tuple[Node | None, ...] = ()
    hooks: tuple[Node | None, ...] = ()
    now: datetime = _NOON
    cursors: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    folder: Path | None = None

    @property
    def expected(self) -> Mapping[str, Value]:
        """The expectation as plain values, with what a case folder says without words."""
        written: Mapping[str, Value] = self.expect.plain if self.expect.is_map else {}
        if self.folder is None:
            return written
        lists = ("activities", "contacts", "vehicles", "quarantine")
        return {"quarantine": [], "left": [], **written, "complete": lists}


# --- tests of a definition ------------------------------------------------------------------


def of_definition(source: Definition, found: Project, workshop: Workshop) -> list[Case]:
    """The tests that stand in a definition, in order; one that says why where it has errors."""
    tests = [node for node in source.root.elements("tests") if node.is_map]
    if broken := _broken(source, found):
        many = f"{len(tests)} test{'' if len(tests) == 1 else 's'} not run: the definition has errors"
        return [unread(source.name, source.files[0], broken, many)]
    return [_case(source, node, workshop, found.outgoing) for node in tests]


def _case(source: Definition, node: Node, workshop: Workshop, outgoing: Mapping[str, Node]) -> Case:
    name = node.word("name", "a test without a name")
    expect = node.child("expect") or node
    given = node.child("given") or node
    problems = Problems()
    zone = _zone(given)
    dealer = Dealer("test-dealer", "Test Dealer", zone, given.word("region", "US"), _features(given, source.root))
    feed, _ = definition.feed(source, dealer, _entry(source, given), workshop, problems, samples=True)
    exports = _exports(given.elements("exports"), outgoing, dealer, workshop, problems)
    faults = [_told(each) for each in problems.findings if each.severity == "error"]
    faults += _unready(given, expect)
    return Case(
        source.name,
        name,
        node.place,
        expect,
        feeds=(replace(feed, exports=exports),) if feed is not None else (),
        days=(_given_files(given),),
        http=(given.child("http"),),
        hooks=(given.child("hooks"),),
        now=_now(given, zone),
        cursors=_cursors(given),
        faults=tuple(faults),
    )


def _broken(source: Definition, found: Project) -> list[str]:
    """Mistakes in the files that a definition is made of; its tests say nothing while there are any."""
    types = {node.value for node in _types(source.root)}
    names = {*source.files, *(path for path in found.sources if Path(path).stem in types and _is_type(path))}
    return [_told(each) for each in found.findings if each.severity == "error" and each.file in names]


def _types(root: Node) -> list[Node]:
    streams = [root, *root.entries("streams").values()]
    return [kind for stream in streams for each in stream.elements("activities") if (kind := each.child("type"))]


def _is_type(path: str) -> bool:
    return Path(path).parent.name == "activities"


def _told(finding: Finding) -> str:
    return f"{finding.file}:{finding.line}: {finding.message} [{finding.code}]"


def _features(given: Node, root: Node) -> frozenset[str]:
    """Those of the test; without them a dealer has what the definition requires."""
    if given.child("features") is not None:
        return frozenset(given.texts("features"))
    requires = root.child("requires")
    return (
        frozenset((*requires.texts("features"), *requires.texts("anyFeature"))) if requires is not None else frozenset()
    )


def _entry(source: Definition, given: Node) -> Node:
    """What the test's dealer says of this feed: the given parameters, all gates confirmed."""
    here = given.place
    params = given.child("params")
    entries = {"uses": Node(source.name, here, here)}
    return Node(entries | ({"params": params} if params is not None else {}), here, here)


def _unready(given: Node, expect: Node) -> list[str]:
    """What the test asks for and this release, or any, cannot do."""
    told = [f"{name!r} is not one file name" for name in given.entries("files") if not is_segment(name)]
    if not expect.entries():
        told.append("it expects nothing: --update writes what comes of it")
    return told


def _given_files(given: Node) -> Mapping[str, bytes]:
    return {name: str(each.value).encode() for name, each in given.entries("files").items() if is_segment(name)}


def _zone(given: Node) -> ZoneInfo:
    return values.zone(given.word("timezone", "UTC"))


def _now(given: Node, zone: ZoneInfo) -> datetime:
    text = given.text("now")
    return _NOON.replace(tzinfo=zone) if text is None else datetime.fromisoformat(text)


def _cursors(given: Node) -> Mapping[str, str]:
    """`{cursor: value}`, or a value for each slice: `{cursor: {north: value}}`."""
    cursor = given.child("state", "cursor")
    if cursor is None:
        return {}
    entries = cursor.entries()
    return {name: str(each.value) for name, each in entries.items()} if entries else {"": str(cursor.value)}


# --- case folders ---------------------------------------------------------------------------


def of_folder(
    folder: Path, definitions: Mapping[str, Definition], workshop: Workshop, outgoing: Mapping[str, Node] | None = None
) -> Case:
    """A case: `dealer.yaml`, `day1/...`, `day2/...`, `expected.json`; it belongs to `<vendor>/<product>` above it.

    `http.yaml` and `hooks.yaml` in the folder of a day are what an API answers and what arrives on that day.
    """
    product = "/".join(folder.parts[-3:-1])
    expected, faults = _read(folder / "expected.json")
    place = Place(expected or _nothing(folder / "expected.json"), ())
    expect = tree.tree(place.document)
    try:
        sheet = Sheet("dealers/dealer.yaml", str(folder / "dealer.yaml"), b"", (folder / "dealer.yaml").read_bytes())
    except OSError as error:
        faults = [*faults, f"{folder / 'dealer.yaml'}: {error.strerror}"]
    if faults:
        return Case(product, folder.name, place, expect, faults=tuple(faults), folder=folder)
    problems = Problems()
    dealer = files.file(sheet)
    found = listed(dealer, Problems()) if dealer.kind == "dealer" else None
    feeds = _feeds(found, definitions, workshop, problems) if found is not None else []
    if found is not None:
        sent = _exports(dealer.tree.elements("exports"), outgoing or {}, found.dealer, workshop, problems)
        feeds = [replace(feed, exports=sent) for feed in feeds]
    days = [day for day in sorted(folder.glob("day*")) if day.is_dir()]
    scripts = {name: tuple(_script(day, name, problems) for day in days) for name in SCRIPTS}
    wrong = [_told(each) for each in (*dealer.errors, *problems.findings) if each.severity == "error"]
    if not feeds and not wrong:
        wrong = [f"{dealer.path}: no dealer with feeds"]
    return Case(
        product,
        folder.name,
        place,
        expect,
        feeds=tuple(feeds),
        days=tuple(map(_day, days)),
        http=scripts["http"],
        hooks=scripts["hooks"],
        now=_now(expect, found.dealer.timezone if found is not None else ZoneInfo("UTC")),
        faults=tuple(wrong),
        folder=folder,
    )


def _feeds(found: Listed, definitions: Mapping[str, Definition], workshop: Workshop, problems: Problems) -> list[Feed]:
    feeds = []
    for entry in map(found.entry, found.entries):
        uses = entry.child("uses")
        source = definitions.get(str(uses.value)) if uses is not None else None
        if source is None:
            problems.unknown(uses or entry, "E048", "definition", definitions)
            continue
        feed, _ = definition.feed(source, found.dealer, entry, workshop, problems)
        if feed is not None:
            feeds.append(feed)
    return feeds


def _exports(
    entries: Sequence[Node], known: Mapping[str, Node], dealer: Dealer, workshop: Workshop, problems: Problems
) -> tuple[Export, ...]:
    """What goes out: the dealer's enabled exports."""
    made = []
    for entry in entries:
        uses = entry.child("uses")
        root = known.get(str(uses.value)) if uses is not None else None
        if root is None:
            problems.unknown(uses or entry, "E048", "export", known)
        elif entry.flag("enabled", default=True):
            made.append(outgoing_of.export(root, dealer, entry, workshop.types, problems))
    return tuple(made)


def _read(path: Path) -> tuple[yaml.Document | None, list[str]]:
    """JSON is YAML: both are read by the one loader, which knows where everything stands."""
    try:
        document, findings = yaml.parse(str(path), path.read_bytes())
    except OSError as error:
        return None, [f"{path}: {error.strerror}"]
    return document, [_told(each) for each in findings if each.severity == "error"]


def _script(day: Path, name: str, problems: Problems) -> Node | None:
    """What an API answers on a day, or what arrives: the same list as under `given`, by the same rules."""
    path = day / f"{name}.yaml"
    if not path.is_file():
        return None
    document, findings = yaml.parse(str(path), path.read_bytes())
    problems.take(findings)
    if document is None:
        return None
    test = {"name": day.name, "given": {name: document.value}, "expect": {}}
    for fault in schema.problems("feed", {**_HEAD, "tests": [test]}, "based"):
        place = Place(document, fault.path[len(("tests", 0, "given", name)) :], fault.on_key)
        problems.add(place, fault.code, fault.message, fault.help)
    return tree.tree(document)


def _nothing(path: Path) -> yaml.Document:
    document, _ = yaml.parse(str(path), "{}")
    assert document is not None  # noqa: S101  (an empty map is YAML)
    return document


def _day(folder: Path) -> Mapping[str, bytes]:
    scripts = [folder / f"{name}.yaml" for name in SCRIPTS]
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path not in scripts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def unread(name: str, path: str, faults: Sequence[str], why: str = "the definition cannot be read") -> Case:
    """What stands for the tests of a definition that has errors."""
    place = Place(_nothing(Path(path)), ())
    return Case(name, why, place, tree.tree(place.document), faults=tuple(faults))
