"""Projects with mistakes made at random, for tests of what is shared among feeds and kept between looks."""

import random
from collections.abc import Iterator
from pathlib import Path

from tests.language.projects import APPOINTMENT, GLASS, LEAD, SALES, SOLD_UNIT, write

# A definition whose parts of every kind hang on parameters and on the dealer.
ODD = r"""version: 1
kind: feed
title: Everything is a parameter
params:
  folder: {type: string, required: true, not: [dealername, xxx]}
  host: {type: string, default: files.example.com}
  port: {type: integer, default: 22}
  key: {type: secret, required: true}
  pattern: {type: string, default: 'odd-*.csv'}
  isRegex: {type: boolean, default: false}
  settle: {type: duration, default: 30s}
  cron: {type: cron, default: 0 6 * * *}
  format: {type: string, default: '%Y-%m-%d'}
  word: {type: enum, values: [recorded, voided], default: recorded}
  most: {type: decimal, default: 5}
  columns: {type: list, default: [Number]}
  hook: {type: boolean, default: false}
  pinned: {type: string, default: 'ssh-ed25519 SHA256:3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3'}
requires: {features: [l5]}
transport:
  type: sftp
  host: ${params.host}
  port: ${params.port}
  username: ${dealer.name}
  auth: {type: password, password: '${params.key}'}
  hostKey: ${params.pinned}
  directory: out/${params.folder}/${dealer.region}
  filename: ${params.pattern}
  regex: ${params.isRegex}
  order: name
  settle: ${params.settle}
  deleteFromServer: true
  ours: {columns: '${params.columns}'}
decode: {format: csv}
fields:
  number: {column: Number, required: true}
  day: {column: Day, type: date, formats: ['${params.format}']}
  note: {text: '${dealer.title} ${params.folder}'}
  state: {column: State}
activities:
  - type: soldUnit
    key: [[number]]
    occurred: day
    fields: {unit: note}
    state: {from: state, map: {a: '${params.word}'}, else: quarantine}
records: {if: "params.word == 'recorded'"}
schedule: {cron: '${params.cron}', timezone: '${dealer.timezone}'}
guards: {maxBadPercent: '${params.most}', warnAfter: 3d}
"""
BASED = """version: 1
kind: feed
title: Like the other
basedOn: odd/all
params: {pattern: {type: string, default: 'based-*.csv'}}
transport: {remove: [ours], filename: '${params.pattern}'}
"""
PARAMS = (
    *("folder: lot", "folder: dealername", "folder: ''", "folder: 7", "folder: '${dealer.name}'", "folder: a/../b"),
    *("host: other.example.com", "host: ''", "port: 2222", "port: 99999", "port: '22'", "key: '${secret.ODD_KEY}'"),
    *("key: plain", "key: '${secret.ODD_KEY}x'", "pattern: 'odd-(.csv'", "pattern: '*.csv'", "pattern: 'based-1.csv'"),
    *("isRegex: true", "isRegex: maybe", "settle: 5m", "settle: soon"),
    *("cron: 5 4 * * *", "cron: 61 * * * *", "format: '%m/%d/%Y'", "format: '%q'", "word: voided", "word: gone"),
    *("most: 7.5", "most: lots", "columns: [Number, Day]", "columns: []", "columns: [Number, Number]", "columns: x"),
    *("hook: true", "unknown: 1", "foldr: lot", "filename: '_SL[.]csv$'", "filename: '(_SL'", "days: 3", "days: many"),
    *("pinned: ''", "pinned: x"),
)
OVERRIDES = (
    *("{schedule: {every: 2h}}", "{schedule: {every: soon}}", "{transport: {filename: '*.csv', regex: false}}"),
    *("{fields: {number: {column: Receipt}}}", "{guards: {maxBadPercent: '${params.most}'}}", "{title: Ours}"),
    *("{transport: {remove: [ours, nothing]}}", "{transport: {shared: true}}", "{records: {if: 'nope'}}"),
    *("{transport: {directory: '${params.folder}', settle: '${params.settle}'}}", "{tags: [a]}", "{}", "7"),
    *("{decode: {format: csv, delimiter: ';'}}", "{schedule: {cron: '61 1 * * *'}}", "{transport: {typ: ftp}}"),
    "{transport: {hostKey: '${params.pinned}'}}",
)
LINES = (
    *("enabled: false", "reason: a rest", "name: other", "name: ids-sales", "tags: [nightly]", "enabeld: false"),
    *("confirmed: {dealerPermission: 2022-01-12, fileNotice: 2022-01-20}", "confirmed: {fileNotice: soon}"),
    *("confirmed: {fileNotic: 2022-01-20}", "title: A name"),
)
# Of any file: what is replaced by what, where it stands.
EDITS = (
    *(("features: [platinum, l5]", "features: [gold]"), ("features: [platinum, l5]", "features: [gold, l5]")),
    *(("timezone: America/Denver", "timezone: America/Denvr"), ("region: US", "region: GB"), ("title:", "titel:")),
    *(("settle: 60s", "settle: 60"), ("column: VIN", "colum: VIN"), ("type: soldUnit", "type: soldUnits")),
    *(("states: [recorded, voided]", "states: [recorded]"), ("kind: feed", "kind: fed"), ("unit: note", "unit: nope")),
    *(("version: 1", "version: 1\nversion: 1"), ("regex: true", "regex: false"), ("}", "")),
    *(("basedOn: odd/all", "basedOn: odd/al"), ("hostKey: ${params.pinned}\n  ", ""), ("each: app", "each: ap")),
    *(("host: sftp.example.com", "host: files.example.com"), ("state: recorded", "state: '${params.nothing}'")),
    ("uses: ids/sales", "uses: ids/sale"),
)


def project(rng: random.Random, dealers: int = 6) -> dict[str, str]:
    """A folder of definitions with a few mistakes in it."""
    files = {
        "vendors/ids/sales.yaml": SALES,
        "vendors/glass/events.yaml": GLASS,
        "vendors/odd/all.yaml": ODD,
        "vendors/odd/based.yaml": BASED,
        "activities/soldUnit.yaml": SOLD_UNIT,
        "activities/lead.yaml": LEAD,
        "activities/appointment.yaml": APPOINTMENT,
    }
    for number in range(dealers):
        files[f"dealers/dealer-{number}.yaml"] = dealer(rng, number)
    for _ in range(rng.choice((0, 0, 1, 2))):
        edited(rng, files)
    return files


def dealer(rng: random.Random, number: int) -> str:
    """A dealer's file; every third one has mistakes."""
    zone, region = rng.choice(("America/Denver", "Europe/London")), rng.choice(("US", "GB"))
    features = rng.choice(("platinum, l5", "gold, l5", "platinum, l5", "l5"))
    text = f"version: 1\nkind: dealer\nname: dealer-{number}\ntitle: Dealer {number}\ntimezone: {zone}\n"
    text += f"region: {region}\nfeatures: [{features}]\nfeeds:\n"
    is_odd = rng.random() < 0.3
    for uses in rng.sample(("ids/sales", "odd/all", "odd/based", "glass/events"), rng.randint(1, 4)):
        text += entry(rng, uses, number, is_odd)
    return text


def entry(rng: random.Random, uses: str, number: int, is_odd: bool) -> str:
    needed = {"ids/sales": (f"folder: lot-{number}",), "glass/events": ("hook: '${secret.HOOK}'",)}
    given = [*needed.get(uses, ("key: '${secret.ODD}'", f"folder: lot-{number}"))]
    if uses.startswith("odd"):
        given += rng.sample(
            ("port: 2222", "settle: 5m", "most: 7.5", "word: voided", "cron: 5 4 * * *"), rng.randint(0, 2)
        )
    if is_odd:
        given += rng.sample(PARAMS, rng.choice((0, 1, 2)))
    known: dict[str, str] = {each.partition(":")[0]: each for each in given}
    text = f"  - uses: {uses}\n    params:\n" + "".join(f"      {each}\n" for each in known.values())
    if uses == "ids/sales" and rng.random() < 0.9:
        text += "    confirmed: {dealerPermission: 2022-01-12, fileNotice: 2022-01-20}\n"
    elif is_odd and rng.random() < 0.3:
        text += f"    {rng.choice(LINES)}\n"
    if rng.random() < (0.4 if is_odd else 0.1):
        text += f"    override: {rng.choice(OVERRIDES if is_odd else OVERRIDES[:1])}\n"
    return text


def edited(rng: random.Random, files: dict[str, str]) -> str:
    """One more mistake, or one less, somewhere; returns the name of the file."""
    name = rng.choice(sorted(files))
    if name.startswith("dealers/") and rng.random() < 0.6:
        files[name] = dealer(rng, int(name.removesuffix(".yaml").rpartition("-")[2]))
    elif rng.random() < 0.1:
        del files[name]
    else:
        fitting = [(old, new) for old, new in EDITS if old in files[name]]
        old, new = rng.choice(fitting or [("\n", "\n\n")])
        files[name] = files[name].replace(old, new, 1)
    return name


def written(folder: Path, files: dict[str, str]) -> Path:
    """The folder with these files and no others; those that have not changed are not touched."""
    for path in folder.rglob("*.yaml"):
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()
    return write(folder, {name: text for name, text in files.items() if not _has(folder / name, text)})


def _has(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def projects(count: int, seed: int) -> Iterator[dict[str, str]]:
    for number in range(count):
        yield project(random.Random(seed * 10_000 + number))  # noqa: S311  (mistakes, no secrets)
