"""The files of a draft as YAML: the definition and, where none fits, its activity type. Decides nothing.

Every line that is a guess says so, and why.
"""

from collections.abc import Iterator
from pathlib import Path

from engine.model import Value
from engine.scaffold import headings
from engine.scaffold.draft import Draft
from engine.scaffold.invented import invented
from engine.scaffold.keys import Field
from engine.scaffold.rendering import rendered
from engine.scaffold.writing import Line, flow, literal, page, quoted, text_of

_STATES = ("recorded", "voided")
_GUESSED = "guessed"


def definition(draft: Draft, directory: str, title: str) -> str:
    """The file of the feed's definition."""
    sample = draft.sample
    read = f"{sample.rows:,} rows" if sample.is_whole else f"the first {sample.rows:,} rows"
    bad = f", without {sample.bad} that a run would keep back" if sample.bad else ""
    head = [
        Line(f"# A draft from {_plain(sample.file.name)} ({read}{bad}). What is marked `guessed` is what the sample"),
        Line("# suggests: look at each such line, put it right, and take its mark away."),
        Line("version: 1"),
        Line("kind: feed"),
        Line(f"title: {text_of(title)}", _why("from its name")),
        Line(""),
        *_transport(draft, directory),
        Line(""),
        *_decode(draft),
        *_records(draft),
        Line(""),
        *_fields(draft),
        Line(""),
        *_targets(draft),
        *_tests(draft),
    ]
    return page(head)


def activity_type(draft: Draft) -> str:
    """The file of an activity type that has the draft's fields."""
    fields = [each for each in draft.fields if each.target == "activity"]
    lines = [
        Line(f"# A draft from {_plain(draft.sample.file.name)}: what is known of one {draft.activity}."),
        Line("# The shell, the console and the search are drawn from it."),
        Line("version: 1"),
        Line("kind: activity"),
        Line(f"name: {quoted(draft.activity)}", _why("from the name of the feed")),
        Line(f"label: {text_of(headings.label_of(draft.activity))}", _why("its name on the screen")),
        Line(f"category: {draft.category}", _why("lead, sale, service, appointment or other: what exports go by")),
        Line(f"date: {{label: {text_of(_date_label(draft))}}}", _why("the date that the timeline shows")),
        Line(f"states: {flow(list(_STATES))}", _why("the words for what may become of it")),
        Line("shows: [timeline]"),
    ]
    if fields:
        lines.append(Line("fields:"))
    width = max((len(each.name) for each in fields), default=0) + 1
    for each in fields:
        named = f"{each.name}:"
        label = text_of(headings.label_of(each.column.title))
        lines.append(
            Line(f"  {named:<{width}} {{label: {label}, type: {each.guess.type}}}", _why("a column of the sample"))
        )
    return page(lines)


def _why(reason: str) -> str:
    return f"{_GUESSED}: {reason}" if reason else _GUESSED


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _date_label(draft: Draft) -> str:
    return headings.label_of(draft.occurred.column.title) if draft.occurred else "Date"


def _transport(draft: Draft, directory: str) -> Iterator[Line]:
    name = draft.sample.file.name
    pattern = filename(name)
    reason = "every file of this name" if pattern == name else "the sample's name, its digits left open"
    yield Line("transport:")
    yield Line("  type: file", _why("where the sample lies; sftp and ftp are said the same way"))
    yield Line(f"  directory: {text_of(directory)}", _why("the sample's folder"))
    yield Line(f"  filename: {text_of(pattern)}", _why(reason))
    yield Line("  settle: 0s", _why("files are put there whole; say 60s where a program writes them slowly"))


def filename(name: str) -> str:
    """A glob for files like this one: each run of digits is `*`; what a glob would not take literally is `?`."""
    found: list[str] = []
    for character in name:
        if character.isdigit() and character.isascii():
            if found[-1:] != ["*"]:
                found.append("*")
        else:
            found.append("?" if character in "[]*?!" or not character.isprintable() else character)
    return "".join(found)


def _decode(draft: Draft) -> Iterator[Line]:
    sample = draft.sample
    yield Line("decode:")
    why = sample.why
    for key, value in sample.decode.items():
        reason = why.get(key, "")
        if key == "format":
            reason = "; ".join(
                filter(
                    None,
                    [
                        why.get("format", ""),
                        why.get("delimiter", "") if value == "csv" and "delimiter" not in sample.decode else "",
                    ],
                )
            )
            yield Line(f"  format: {value}", _why(reason or "by its first bytes"))
        elif key == "columns" and isinstance(value[0], dict):
            yield Line("  columns:", _why(reason))
            yield from (Line(f"    - {flow(column)}") for column in value)
        else:
            yield Line(f"  {key}: {flow(value)}", _why(reason))
    if draft.nulls:
        yield Line(f"  nullValues: {flow(['', *draft.nulls])}", _why("these stand where a value is missing"))


def _records(draft: Draft) -> Iterator[Line]:
    sample = draft.sample
    columns = [column for column, _ in draft.left if column.source == "column"]
    path = ".".join(_key(key) for key in sample.path)
    if not (columns or path):
        return
    yield Line("")
    yield Line("records:")
    if path:
        yield Line(f"  path: {text_of(path)}", _why(f"the largest list of the document: {sample.rows:,} records"))
    if columns:
        names = flow([column.place for column in columns])
        yield Line(f"  unused: {names}", _why("; ".join(dict.fromkeys(reason for _, reason in draft.left))))


def _key(key: str) -> str:
    is_plain = key.isascii() and key.replace("_", "a").isalnum() and not key[:1].isdigit()
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return key if is_plain else f'"{escaped}"'


def _fields(draft: Draft) -> Iterator[Line]:
    yield Line("fields:")
    width = max(len(each.name) for each in draft.fields) + 1
    for each in draft.fields:
        named = f"{each.name}:"
        yield Line(f"  {named:<{width}} {_field(draft, each)}", _why(_reason(draft, each)))
    for note in draft.sample.notes:
        yield Line(f"  # {_plain(note)}")
    for column, reason in draft.left:
        if column.source == "path":
            yield Line(f"  # left out: {_plain(column.place)}: {reason}")


def _field(draft: Draft, field: Field) -> str:
    guess = field.guess
    parts = [f"{field.column.source}: {text_of(field.column.place)}"]
    if field.column.source == "column" and not field.column.place.strip():
        parts = [f"column: {quoted(field.column.place)}"]
    if guess.transforms:
        parts.append(f"transforms: {flow(list(guess.transforms))}")
    if guess.type != "string":
        parts.append(f"type: {guess.type}")
    for key, value in guess.options.items():
        # The one reference that a draft has.
        parts.append(f"{key}: {quoted(value) if isinstance(value, str) else flow(value)}")
    if draft.is_required(field):
        parts.append("required: true")
    if guess.on_error and not draft.is_required(field):
        parts.append(f"onError: {guess.on_error}")
    return "{" + ", ".join(parts) + "}"


def _reason(draft: Draft, field: Field) -> str:
    """Why it is what it is: its name, then its values."""
    reasons = []
    if field.target == "contact":
        reasons.append(f"the contact's {field.into or field.name}")
    elif field.target == "vehicle":
        reasons.append(f"the vehicle's {field.name}")
    reasons.append(field.guess.why)
    if draft.sample.is_whole and not any(field.values()):
        reasons.append("no value in the sample")
    return "; ".join(dict.fromkeys(filter(None, reasons))) or "text"


def _targets(draft: Draft) -> Iterator[Line]:
    people, units = draft.of("contact"), draft.of("vehicle")
    if people:
        yield Line(f"contact: {_renamed(people)}", _why(f"it is the person of {_few(people)}"))
    if units:
        known = next(name for name in ("vin", "plate", "stockNumber") if any(each.name == name for each in units))
        match = "" if known == "vin" else f"match: [[{known}]]"
        yield Line("vehicle: {" + match + "}", _why(f"it is known by its {known}"))
    key = draft.key
    made = f"[{{hash: {flow(list(key.names))}}}]" if key.is_hash else f"[{flow(list(key.names))}]"
    yield Line("activities:")
    kind = draft.kind
    reason = "a type that is there already" if kind else f"a new type: activities/{draft.activity}.yaml"
    yield Line(f"  - type: {quoted(draft.activity)}", _why(reason))
    yield Line(f"    key: {made}", _why(key.why))
    if draft.occurred is not None:
        late = "" if draft.is_required(draft.occurred) else "; some records have none, and come in undated"
        yield Line(f"    occurred: {draft.occurred.name}", _why(f"the date that sounds most like it{late}"))
    else:
        yield Line("    # occurred: no column is a date, so what comes in is undated")
    states = kind.states if kind else _STATES
    yield Line(f"    state: {quoted(states[0])}", _why("the same for all; `from:` and `map:` take it from a field"))
    renames = {each.into: each.name for each in draft.of("activity") if each.into}
    if renames:
        yield Line(f"    fields: {flow(renames)}", _why("the type calls them so"))


def _renamed(fields: tuple[Field, ...]) -> str:
    renames = {each.into: each.name for each in fields if each.into}
    return f"{{fields: {flow(renames)}}}" if renames else "{}"


def _few(fields: tuple[Field, ...]) -> str:
    names = [each.name for each in fields[:4]]
    return ", ".join(names) + (" ..." if len(fields) > len(names) else "")


def _tests(draft: Draft) -> Iterator[Line]:
    sample = draft.sample
    yield Line("")
    if not sample.has_text:
        what = "a workbook" if sample.decode["format"] == "xlsx" else "a file in this encoding"
        yield Line(f"# No test yet: {what} cannot be written here. A case folder can hold one:")
        yield Line("# tests/feeds/<vendor>/<product>/<case>/day1/, with dealer.yaml and expected.json.")
        return
    made = invented(draft)
    count = len(made.rows)
    name = _plain(sample.file.name).removesuffix(".gz").removesuffix(".zip")
    content = rendered(sample, made.rows)
    yield Line("tests:")
    yield Line("  - name: rows in the shape of the sample come in", "with invented names and numbers")
    yield Line("    given:")
    yield Line("      files:")
    first, *rest = literal(content, 10)
    yield Line(f"        {text_of(test_file(draft, name))}: {first}")
    yield from (Line(line) for line in rest)
    yield Line("    expect:")
    yield Line(f"      counts: {{read: {count}, inserted: {count}, quarantined: 0}}")
    yield from _expected("activities", [dict(each) for each in made.activities if each])
    yield from _expected("contacts", [dict(each) for each in made.contacts if each])


def test_file(draft: Draft, name: str) -> str:
    """A name that the definition's pattern takes."""
    return filename(draft.sample.file.name).replace("*", "1").replace("?", "_")


def _expected(section: str, elements: list[dict[str, Value]]) -> Iterator[Line]:
    if elements:
        yield Line(f"      {section}:")
        yield from (Line(f"        - {flow(each)}") for each in elements)


def folder(file: Path, here: Path) -> str:
    """The folder of a file as a definition names it: relative where the file lies below `here`."""
    parent = file.resolve().parent
    return parent.relative_to(here.resolve()).as_posix() if parent.is_relative_to(here.resolve()) else str(parent)
