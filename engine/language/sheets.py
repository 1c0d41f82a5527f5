"""A capability sheet in words: sections of terms and texts, as plain text or Markdown. Adds nothing of its own."""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from engine.language.capabilities import Facts

_TERM = 22  # columns of a term before its text
_MATCH = {
    "externalId": "the sender's own number",
    "email": "e-mail",
    "name": "a compatible name",
    "lastName": "last name",
    "phone": "phone",
    "address": "address",
    "vin": "VIN",
}
_SEVERAL = {
    "review": "a new contact, and a note that they may be one",
    "ignore": "left without one",
    "each": "what is said counts for each",
}
_TYPES = {"yesNo": "yes or no", "dateTime": "time"}
_TRANSPORTS = {
    "sftp": "SFTP",
    "ftp": "FTPS",
    "file": "a folder",
    "http": "HTTP API",
    "webhook": "webhook: the sender calls us",
}
_GUARDS = {
    "maxBadPercent": "a file of which more than {} % of the rows are bad is refused whole (from 20 bad rows on)",
    "maxDropPercent": "a file that is smaller than usual by more than {} % is refused whole",
    "minRows": "a file of fewer than {} rows is refused whole",
    "warnAfter": "nothing for {}: a warning",
    "errorAfter": "nothing for {}: an error",
    "businessDays": "for these, only {} count",
}


class Section(NamedTuple):
    heading: str
    lines: tuple[tuple[str, str], ...]  # (term, text); a term may be empty


def sections(facts: Facts) -> list[Section]:
    """Everything that the facts say, in the order in which people ask."""
    brings = facts["brings"]
    several = len(brings) > 1
    made = []
    for stream in brings:
        suffix = f" ({stream['stream']})" if several else ""
        made += [
            Section(f"What comes in{suffix}", tuple(_activities(stream))),
            Section(f"Whose it is{suffix}", tuple(_people(stream))),
            Section(f"The same one again{suffix}", tuple(_keys(stream))),
            Section(f"What is kept back{suffix}", tuple(_kept_back(stream))),
        ]
    made += [
        Section("From where, and when", (*_origin(facts["from"], facts["format"]), *_when(facts["when"]))),
        Section("What it needs", tuple(_needs(facts["needs"]))),
        Section("What goes out", tuple(_going_out(facts))),
        Section(
            "Guards",
            tuple(
                ("", _GUARDS.get(name, f"{name} {{}}").format(", ".join(n) if isinstance(n, list) else n))
                for name, n in facts["guards"].items()
            ),
        ),
        Section("What does not come", tuple(_not_coming(facts))),
    ]
    return [section for section in made if section.lines]


def text(facts: Facts, width: int) -> str:
    """For a terminal."""
    told = [
        facts["title"],
        "=" * min(len(facts["title"]), width),
        *_filled("", f"{facts['definition']}. {facts['about']}", width, 0),
    ]
    for section in sections(facts):
        told += ["", section.heading]
        for term, line in section.lines:
            told += _filled(term, line, width, _TERM)
    return "\n".join(told)


def _filled(term: str, line: str, width: int, margin: int) -> list[str]:
    pad = "  " if margin else ""
    head = f"{pad}{term:<{margin}}" if term else pad
    inset = " " * (margin + len(pad)) if term else pad
    if term and len(term) >= margin:
        return [head.rstrip(), *textwrap.wrap(line, width, initial_indent=inset, subsequent_indent=inset)]
    return textwrap.wrap(line, width, initial_indent=head, subsequent_indent=inset, break_on_hyphens=False)


def markdown(facts: Facts) -> str:
    """For a page that dealers read."""
    told = [f"# {_escaped(facts['title'])}", "", _escaped(facts["about"]), "", f"Definition: `{facts['definition']}`"]
    for section in sections(facts):
        told += ["", f"## {_escaped(section.heading)}", ""]
        told += [
            f"- **{_escaped(term)}**: {_escaped(line)}" if term else f"- {_escaped(line)}"
            for term, line in section.lines
        ]
    return "\n".join(line.rstrip() for line in told)


def _escaped(line: str) -> str:
    return re.sub(r"([\\`*_<>\[\]|])", r"\\\1", line)


# --- sections -------------------------------------------------------------------------------


def _activities(stream: Facts) -> Iterator[tuple[str, str]]:
    if stream["needs"]:
        yield "All of this", f"only with {' and '.join(stream['needs'])}"
    for each in stream["activities"]:
        date = each["date"]
        is_known = each["onNone"] == "ignore"
        undated = "only where it is known already" if is_known else "undated"
        when = f"{date['label']} from {date['from']}" if date["from"] else undated
        one = f"one for each of {each['each']}; " if each["each"] else ""
        states = f"; {' or '.join(each['state'])}" if each["state"] else ""
        yield each["label"], f"{one}{_article(each['category'])} {each['category']} activity; {when}{states}"
        for field in each["fields"]:
            unit = f", {field['unit']}" if field["unit"] else ""
            source = field["from"]
            made = "made when it first comes" if source == "set" else source if " " in source[:8] else f"from {source}"
            yield f"  {field['label']}", f"{made} ({_TYPES.get(field['type'], field['type'])}{unit})"
        if each["needs"]:
            yield "", f"only with {' and '.join(each['needs'])}"
        if each["if"]:
            yield "", f"only where {each['if']}"
        if each["after"]:
            yield "", f"waits for its {each['after']['type']} ({each['after']['onMissing']} where there is none)"
        if is_known and date["from"]:
            yield "", undated
    if stream["employee"]:
        one = stream["employee"]
        yield "Employee", f"{' and '.join(map(_spaced, one['roles']))}; {' or '.join(one['state']) or 'no state'}"
        yield "", _fields(one["fields"])
    if stream["vehicle"]:
        yield "Vehicle", _fields(stream["vehicle"]["fields"])
    if stream["if"]:
        yield "Left out", f"rows where this is not so: {stream['if']}"
    if stream["unused"]:
        yield "Not taken", ", ".join(stream["unused"])


def _people(stream: Facts) -> Iterator[tuple[str, str]]:
    contact = stream["contact"]
    if stream["employee"]:
        return
    if contact is None:
        yield "Contact", "none"
        return
    if contact["from"]:
        yield "Contact", f"that of its {contact['from']}"
        return
    yield "Contact", _fields(contact["fields"])
    ways = [" and ".join(_MATCH.get(name, _spaced(name)) for name in names) for names in contact["match"]]
    yield "Found by", "; else by ".join(ways)
    nobody = "a new contact" if contact["onNone"] == "create" else "no contact"
    several = _SEVERAL[str(contact["onMany"])]
    yield "Nobody found", nobody
    yield "Several found", several


def _fields(fields: Sequence[Facts]) -> str:
    return (
        ", ".join(f"{_MATCH.get(each['name'], _spaced(each['name']))} ({each['from']})" for each in fields)
        or "no field"
    )


def _keys(stream: Facts) -> Iterator[tuple[str, str]]:
    told = [(each["label"], each["key"]) for each in stream["activities"]]
    if stream["employee"]:
        told.append(("Employee", stream["employee"]["key"]))
    for label, line in dict.fromkeys((label, "; else ".join(map(_key, key))) for label, key in told):
        yield label, f"{line}. Sent again, it is updated"
    if stream["activities"]:
        last = stream["onDuplicate"] == "last"
        yield (
            "Twice in one file",
            "the last one counts" if last else "equal rows count once; rows that differ are both kept back",
        )
    if stream["lapsed"]:
        yield "No longer wanted", f"a known one becomes {stream['lapsed']}"


def _key(way: Facts) -> str:
    if way["hash"]:
        return f"whatever there is of {', '.join(way['parts'])}"
    return f"the same {' and '.join(way['parts'])}"


def _kept_back(stream: Facts) -> Iterator[tuple[str, str]]:
    rules, lenient = stream["quarantined"], stream["cannotLose"]
    words = {"blank": "Blank", "unreadable": "Unreadable", "unknown": "Unknown word"}
    for name, term in words.items():
        if rules[name]:
            yield term, ", ".join(dict.fromkeys(rules[name]))
    if lenient["blank"]:
        yield "Comes in without", f"{', '.join(lenient['blank'])}, where that cannot be read"
    if lenient["warn"]:
        yield "Comes in as sent", f"{', '.join(lenient['warn'])}, where that cannot be read"


def _origin(origin: Facts, decode: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind = "FTP, unprotected" if origin.get("insecure") else _TRANSPORTS.get(origin["type"], origin["type"])
    at = origin.get("host") or origin.get("baseUrl") or origin.get("endpoint")
    yield "From", f"{kind}{', ' + str(at) if at else ''}"
    if "directory" in origin:
        yield "Folder", str(origin["directory"])
    if "filename" in origin:
        how = "names that match" if origin.get("regex") else "files named"
        yield "Files", f"{how} {origin['filename']}; {decode['format']}"
    if origin.get("ours"):
        ours = origin["ours"]
        has, lacks = ", ".join(ours.get("columns", ())), ", ".join(ours.get("without", ()))
        parts = [f"has {has}" if has else "", f"has no {lacks}" if lacks else ""]
        yield "Ours", f"only a file that {' and '.join(part for part in parts if part)}; any other is left alone"
    if "settle" in origin and origin["settle"] not in ("0s", None):
        yield "Taken", f"once a file has stood still for {origin['settle']}"
    if origin["type"] in ("sftp", "ftp", "file"):
        moved = f"moved to {origin['moveTo']}" if origin.get("moveTo") else "left where it is"
        yield "Afterwards", "deleted, once its rows are stored" if origin.get("deleteFromServer") else moved


def _when(when: Facts) -> Iterator[tuple[str, str]]:
    schedule = when["schedule"]
    if "every" in schedule:
        yield "When", f"every {schedule['every']}"
    elif "cron" in schedule:
        zone = f" ({schedule['timezone']})" if "timezone" in schedule else " (the dealer's time)"
        yield "When", f"cron {schedule['cron']}{zone}"
    elif not when["triggers"]:
        yield "When", "only when it is run"
    for trigger in when["triggers"]:
        yield (
            "At once",
            f"{trigger.get('type')} {trigger.get('endpoint', '')}: {_spaced(str(trigger.get('do', '')))}".strip(),
        )


def _needs(needs: Facts) -> Iterator[tuple[str, str]]:
    requires = needs["requires"]
    if requires.get("features"):
        yield "Features", " and ".join(requires["features"])
    if requires.get("anyFeature"):
        yield "One of", " or ".join(requires["anyFeature"])
    if requires.get("webhook"):
        yield "Webhook", "the sender has to call us"
    for name, version in (requires.get("versions") or {}).items():
        yield "Version", f"{_spaced(name)} {version} or newer"
    for when, names in needs["gates"].items():
        before = {"enable": "Before it runs", "retire": "Before it ends"}.get(when, when)
        yield before, f"{', then '.join(map(_spaced, names))}, each confirmed with its day"
    for param in needs["params"]:
        yield param["name"], _param(param)
    if needs["secrets"]:
        yield "Secrets", ", ".join(needs["secrets"])


def _param(param: Facts) -> str:
    about = param["about"] or f"a {param['type']}"
    choices = f", one of {', '.join(map(str, param['values']))}" if param["values"] else ""
    if param["required"]:
        return f"{about}{choices} (has to be given)"
    return (
        f"{about}{choices} ({param['default']} unless it is given)"
        if param["default"] is not None
        else f"{about}{choices}"
    )


def _going_out(facts: Facts) -> Iterator[tuple[str, str]]:
    if facts["excludedFrom"]:
        yield "", f"nothing of this goes to exports of the class {' or '.join(facts['excludedFrom'])}"


def _not_coming(facts: Facts) -> Iterator[tuple[str, str]]:
    for each in facts["notComing"]:
        direction = each.get("direction", "none")
        some = f" ({direction})" if direction != "none" else ""
        yield _spaced(str(each.get("data", ""))), f"{each.get('about', 'not offered')}{some}"
    if facts["sealed"]:
        yield "", f"a dealer cannot change {', '.join(facts['sealed'])}"


def _spaced(name: str) -> str:
    """camelCase as words: `dealerPermission` is "dealer permission"."""
    return (
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()
        if re.fullmatch(r"[a-z]+([A-Z0-9][a-z0-9]*)*", name)
        else name
    )


def _article(word: str) -> str:
    return "an" if word[:1] in "aeio" else "a"
