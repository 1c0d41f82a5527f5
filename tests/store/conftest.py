from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.shop import Shop

SALES = """version: 1
kind: feed
title: Sales
transport: {type: file, directory: DROP, filename: '*.csv', settle: 0s, deleteFromServer: true}
decode: {format: csv}
fields:
  number:     {column: Customer, optional: true}
  firstName:  {column: First}
  lastName:   {column: Last}
  email:      {column: Email, type: email, onError: blank}
  phone:      {column: Phone, type: phone, onError: blank}
  birthDate:  {column: Born, type: date, formats: ['%Y-%m-%d'], optional: true}
  vin:        {column: VIN, optional: true}
  deal:       {column: Deal}
  sold:       {column: Sold, type: date, formats: ['%Y-%m-%d'], required: true}
  amount:     {column: Amount, type: money, optional: true}
contact: {fields: {externalId: number}}
vehicle: {}
activities:
  - {type: sale, key: [[deal], [vin, sold]], occurred: sold, state: recorded}
"""
SALE = """version: 1
kind: activity
name: sale
label: Sale
category: sale
date: {label: Sold}
states: [recorded, voided]
shows: [timeline]
fields:
  amount: {label: Amount, type: money}
"""

EVENTS = """version: 1
kind: feed
title: Events
transport: {type: file, directory: DROP, filename: '*.jsonl', settle: 0s, deleteFromServer: true}
decode: {format: jsonl}
streams:
  leads:
    records: {if: event == 'lead', onDuplicate: last}
    version: at
    fields:
      event: {path: event}
      order: {path: order, required: true}
      at:    {path: at, type: dateTime}
      first: {path: name.first}
      last:  {path: name.last}
      email: {path: name.email, type: email, onError: blank}
      note:  {path: note}
      days:  {const: 1}
      jobs:
        path: jobs
        type: list
        by: id
        keep: [technician]
        fields: {id: {path: id}, technician: {path: technician}}
    contact: {fields: {firstName: first, lastName: last}}
    activities:
      - {type: lead, key: [[order]], occurred: at, state: open, fields: {count: days},
         set: {due: '${run.date+30d}'}, keepFirst: [due]}
      - type: job
        each: jobs
        fields: {id: {path: id, required: true}}
        key: [[order, id]]
        occurred: at
        state: open
        gone: withdrawn
  visits:
    records: {if: "starts_with(event, 'visit.')", onDuplicate: last}
    version: at
    fields:
      event: {path: event}
      order: {path: order}
      visit: {path: visit, required: true}
      at:    {path: at, type: dateTime}
      start: {path: start, type: dateTime}
    contact: {from: {type: lead, key: [order]}}
    activities:
      - type: visit
        key: [[visit]]
        occurred: start
        state: {from: event, map: {visit.made: booked, visit.done: completed}, else: quarantine}
        after: {type: lead, key: [order], onMissing: hold}
  voids:
    records: {if: event == 'void', onDuplicate: last}
    fields:
      event: {path: event}
      order: {path: order}
    activities:
      - {type: lead, key: [[order]], state: voided, onNone: ignore}
"""
STATES = {"lead": "open, voided", "job": "open, withdrawn", "visit": "booked, completed, cancelled"}
ACTIVITY = """version: 1
kind: activity
name: {name}
label: A {name}
category: other
date: {{label: Day}}
states: [{states}]
shows: [timeline]
fields:
  note: {{label: Note, type: string}}
  jobs: {{label: Jobs, type: list}}
  due: {{label: Due, type: date}}
  count: {{label: Count, type: integer}}
"""


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Iterator[Shop]:
    opened = Shop(tmp_path, database_url, {"north/sales": SALES}, {"sale": SALE})
    yield opened
    opened.world.engine.dispose()


@pytest.fixture
def glass(tmp_path: Path, database_url: str) -> Iterator[Shop]:
    types = {name: ACTIVITY.format(name=name, states=states) for name, states in STATES.items()}
    opened = Shop(tmp_path, database_url, {"west/events": EVENTS}, types)
    yield opened
    opened.world.engine.dispose()
