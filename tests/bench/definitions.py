"""S8: `feeds validate` over 10,000 feeds in 1,000 dealers' files, beside CSafeLoader alone on the same files.

    python -m tests.bench.definitions [--dealers 1000] [--rounds 3]

`cold` and `warm` are whole processes, as an author starts them, and so is the loader that only makes plain
values of the same files; `within` is the same without the start of a process and of its modules, on both
sides. A changed file is read again by a process that runs on, as a scheduler does. The variants take turns
in each round; printed are medians of processor time, and of the ratios to the loader in the same round.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple

from engine.language.project import Loader
from tests.bench.load import scratch

FEEDS = 10  # of each dealer
_COMMAND = [sys.executable, "-c", "import sys; from engine.cli import main; sys.exit(main())", "validate"]
# What CSafeLoader alone makes of the same files: values, without places, rules or meaning.
_ALONE = """
import pathlib, sys, time, yaml
began = time.process_time()
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.yaml")):
    yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
print(time.process_time() - began)
"""
_WITHIN = """
import pathlib, sys, time
from engine.language.findings import render
from engine.language.project import load
began = time.process_time()
found = load(pathlib.Path(sys.argv[1]))
render(found.findings, found.sources)
print(time.process_time() - began)
"""
_ZONES = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Phoenix")
_FEATURES = ("platinum, l5", "gold, l5", "gold, l5, crm", "platinum, l5, crm, workflowManagement")

_ACTIVITY = """version: 1
kind: activity
name: {name}
label: {name}
category: {category}
date: {{label: Date}}
states: [recorded, voided]
shows: [timeline]
fields:
  number: {{label: Number, type: string}}
  amount: {{label: Amount, type: money}}
  term: {{label: Term, type: integer, unit: months, greyIf: cashPurchase}}
  cashPurchase: {{label: Cash Purchase, type: yesNo}}
  unit: {{label: Unit, type: string}}
"""
_HEAD = """# yaml-language-server: $schema=../../../schemas/feed.json
version: 1
kind: feed
title: {title}
about: What the dealer's system exports every night becomes activities of its customers.
requires: {{features: [l5], anyFeature: [gold, platinum]}}
gates: {{enable: [dealerPermission, fileNotice], retire: [contractFollowed]}}
sealed: [fields, contact, vehicle, activities]
capabilities:
  - {{data: leads, direction: none, about: none of this makes a lead}}
params:
  folder: {{type: string, required: true, not: [dealername], about: the dealer's folder on the server}}
  filename: {{type: regex, default: '_{suffix}\\.csv$', about: which files are ours}}
  every: {{type: duration, default: 1h, about: how often it runs}}
  port: {{type: integer, default: 22, about: the server's port}}
transport:
"""
_SFTP = """  type: sftp
  host: {vendor}.example.com
  port: ${{params.port}}
  username: ${{secret.{NAME}_USER}}
  auth: {{type: password, password: '${{secret.{NAME}_PASSWORD}}'}}
  hostKey: ${{secret.{NAME}_HOSTKEY}}
"""
_FTP = """  type: ftp
  host: {vendor}.example.com
  port: ${{params.port}}
  username: ${{secret.{NAME}_USER}}
  auth: {{type: password, password: '${{secret.{NAME}_PASSWORD}}'}}
"""
_BODY = """  directory: ${{params.folder}}/out/
  filename: ${{params.filename}}
  regex: true                  # searched: the sender puts the day before the suffix
  settle: 60s
  order: name
  deleteFromServer: true
  ours: {{columns: [Number{suffix}]}}
decode:
  format: csv
  encoding: [utf-8, windows-1252]
  nullValues: ['', 'N/A', 'NULL']
records:
  unused: [Salesperson]
fields:
  customerNo: {{column: CustomerNo, transforms: [trim]}}
  firstName: {{column: First.Name, transforms: [trim]}}
  lastName: {{column: Last.Name, transforms: [trim]}}
  email: {{column: Email, type: email, onError: blank}}        # a bad address does not lose the row
  phone: {{column: [Phone, Home.Phone], type: phone, onError: blank}}
  postalCode: {{column: Zip, transforms: [trim], optional: true}}
  number: {{column: Number{suffix}, transforms: [trim], optional: true}}
  day: {{column: Day, type: date, formats: ['%m/%d/%Y', '%m/%d/%y'], required: true}}
  amount: {{column: Amount, type: money}}
  cashPurchase: {{field: amount, transforms: [{{isBlank: {{zero: true}}}}], type: boolean}}
  term: {{column: Term, type: integer}}
  vin: {{column: VIN, type: vin, onError: warn}}
  make: {{column: make, transforms: [trim]}}
  model: {{column: model, transforms: [trim]}}
  unit: {{join: {{columns: [mfg, make, model, type], with: ' '}}}}
contact: {{fields: {{externalId: customerNo}}}}
vehicle: {{}}
activities:
  - type: {activity}
    key: [[number], [vin, day], {{hash: [customerNo, day, vin]}}]
    occurred: day
    state: recorded
exports: {{exclude: [leads]}}
schedule: {{every: '${{params.every}}', jitter: 5m, timeout: 30m, catchUp: once}}
guards: {{maxBadPercent: 5, warnAfter: 3d, errorAfter: 8d}}
"""
_BASED = """version: 1
kind: feed
title: {title}
basedOn: {base}
params:
  filename: {{type: regex, default: '_{suffix}\\.csv$'}}
transport: {{ours: {{columns: [Number{suffix}]}}}}
fields:
  number: {{column: Number{suffix}, transforms: [trim], optional: true}}
"""
_DEALER = """# yaml-language-server: $schema=../../schemas/dealer.json
version: 1
kind: dealer
name: {name}
title: Dealer {number}
timezone: {zone}
region: US
features: [{features}]
contact:
  name: Robin Vale
  phone: '+1 555-555-0199'
  email: office{number}@example.com
feeds:
"""
_PRODUCTS = ("sales", "service", "parts", "rentals")
_VENDORS = ("alder", "birch", "cedar")


def project(folder: Path, dealers: int) -> None:
    """Twelve definitions of three vendors, two activity types, and `dealers` files with ten feeds each."""
    for name, category in (("unitSold", "sale"), ("orderClosed", "service")):
        _write(folder / "activities" / f"{name}.yaml", _ACTIVITY.format(name=name, category=category))
    for vendor in _VENDORS:
        for index, product in enumerate(_PRODUCTS):
            words = {"vendor": vendor, "NAME": vendor.upper(), "suffix": product[:2].upper()}
            words |= {"title": f"{vendor} {product}", "base": f"{vendor}/parts"}
            words["activity"] = "unitSold" if index % 2 else "orderClosed"
            server = _FTP if vendor == _VENDORS[-1] else _SFTP
            text = _BASED if product == "rentals" else _HEAD + server + _BODY
            _write(folder / "vendors" / vendor / f"{product}.yaml", text.format(**words))
    for number in range(dealers):
        _write(folder / "dealers" / f"dealer-{number:04}.yaml", dealer(number))


def dealer(number: int) -> str:
    """One dealer's file: each of its feeds differs from the others by a little, as they do."""
    name = f"dealer-{number:04}"
    zone, features = _ZONES[number % len(_ZONES)], _FEATURES[number % len(_FEATURES)]
    text = _DEALER.format(name=name, number=number, zone=zone, features=features)
    used = [f"{vendor}/{product}" for vendor in _VENDORS for product in _PRODUCTS]
    for index in range(FEEDS):
        text += f"  - uses: {used[(number + index) % len(used)]}\n    params:\n      folder: lot-{number}\n"
        if index % 3 == 0:
            text += f"      every: {1 + (number + index) % 6}h\n"
        text += "    confirmed: {dealerPermission: 2022-01-12, fileNotice: 2022-01-20}\n"
        if index == 4:
            text += f"    override:\n      guards: {{warnAfter: {1 + number % 5}d}}\n"
        if index == FEEDS - 1:
            text += "    enabled: false\n    reason: the system is replaced in December\n"
    return text


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


class Spent(NamedTuple):
    """Seconds of processor time; `within` is what the process says of its own work."""

    whole: float
    within: float


def _process(command: list[str], environment: Mapping[str, str] | None = None) -> Spent:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    whole = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(whole, float(done.stdout) if command[-1] != "validate" else 0.0)


def _here(work: Callable[[], object]) -> Spent:
    began = time.process_time()
    work()
    return Spent(0.0, time.process_time() - began)


def measure(home: Path, dealers: int, rounds: int) -> dict[str, list[Spent]]:
    """What every variant took, one of each a round."""
    feeds, state = home / "feeds", home / "var"
    project(feeds, dealers)
    settings = {**os.environ, "FEEDS_DIR": str(feeds), "FEEDS_STATE_DIR": str(state)}
    running = Loader(feeds)
    running.load()
    used: dict[str, list[Spent]] = {name: [] for name in ("alone", "cold", "within", "warm", "changed", "same")}
    for turn in range(rounds):
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()
        used["alone"].append(_process([sys.executable, "-c", _ALONE, str(feeds)]))
        used["cold"].append(_process(_COMMAND, settings))
        used["within"].append(_process([sys.executable, "-c", _WITHIN, str(feeds)]))
        used["warm"].append(_process(_COMMAND, settings))
        _write(feeds / "dealers" / f"dealer-{turn:04}.yaml", dealer(turn).replace("Robin", f"Robin {turn}"))
        used["changed"].append(_here(running.load))
        used["same"].append(_here(running.load))
    return used


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dealers", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)  # what `make bench` hands to all parts
    given = parser.parse_args()
    with scratch() as home:
        used = measure(home, given.dealers, given.rounds)
    titles = {
        "alone": ("CSafeLoader alone, a whole process", "whole"),
        "cold": ("feeds validate, a whole process", "whole"),
        "warm": ("the same, nothing changed", "whole"),
        "within": ("feeds validate, without its start", "within"),
        "changed": ("one changed file, while running", "within"),
        "same": ("no changed file, while running", "within"),
    }
    sys.stdout.write(f"{given.dealers * FEEDS:,} feeds in {given.dealers:,} files, medians of {given.rounds}\n")
    for name, (title, part) in titles.items():
        seconds = [getattr(each, part) for each in used[name]]
        ratios = [one / getattr(base, part) for one, base in zip(seconds, used["alone"], strict=True)]
        sys.stdout.write(f"{title:36}{median(seconds):8.3f} s{median(ratios):8.2f} x\n")


if __name__ == "__main__":
    main()
