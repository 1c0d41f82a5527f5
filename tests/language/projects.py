"""Small folders of definitions for tests of the language: written, read, and looked at."""

from pathlib import Path

from engine.language import project
from engine.language.findings import Finding
from engine.language.project import Project

SALES = r"""version: 1
kind: feed
title: Units sold, through a file service
requires: {features: [l5], anyFeature: [gold, platinum]}
gates: {enable: [dealerPermission, fileNotice], retire: [contractFollowed]}
sealed: [fields, contact, activities]
params:
  folder: {type: string, required: true, not: [dealername], about: the dealer's folder on the server}
  filename: {type: regex, default: '_SL\.csv$'}
transport:
  type: sftp
  host: sftp.example.com
  username: ${secret.FILES_USER}
  auth: {type: password, password: '${secret.FILES_PASSWORD}'}
  hostKey: ${secret.FILES_HOSTKEY}
  directory: ${params.folder}/IDS/
  filename: ${params.filename}
  regex: true
  settle: 60s
  order: name
  deleteFromServer: true
decode:
  format: csv
  nullValues: ['', 'N/A', 'NULL']
records:
  unused: [Salesperson]
  onBad: quarantine
fields:
  customerNo: {column: CustomerNo}
  firstName: {column: First.Name, transforms: [trim]}
  lastName: {column: Last.Name, transforms: [trim]}
  email: {column: Email, type: email, onError: blank}
  phone: {column: [Phone, Home.Phone], type: phone, onError: blank}
  dealNumber: {column: DealNumber, optional: true}
  soldDate: {column: [SoldDate, Contract Signing Date], type: date, formats: ['%m/%d/%Y', '%m/%d/%y'], required: true}
  amountFinanced: {column: Amount.Financed, type: money}
  cashPurchase: {field: amountFinanced, transforms: [{isBlank: {zero: true}}], type: boolean}
  term: {column: Term, type: integer}
  vin: {column: VIN, type: vin, onError: warn}
  unit: {join: {columns: [mfg, make, model, type], with: ' '}}
contact: {fields: {externalId: customerNo}}
vehicle: {}
activities:
  - type: soldUnit
    key: [[dealNumber], [vin, soldDate], {hash: [customerNo, soldDate, vin]}]
    occurred: soldDate
    state: recorded
exports: {exclude: [leads]}
schedule: {every: 1h, jitter: 5m, timeout: 30m, catchUp: once}
guards: {maxBadPercent: 5, maxDropPercent: 60, warnAfter: 26h, errorAfter: 50h}
"""

SOLD_UNIT = """version: 1
kind: activity
name: soldUnit
label: Sold Unit
category: sale
date: {label: Sold Date}
states: [recorded, voided]
shows: [timeline]
fields:
  cashPurchase: {label: Cash Purchase, type: yesNo}
  term: {label: Term, type: integer, unit: months, greyIf: cashPurchase}
  unit: {label: Unit, type: string}
"""

DEALER = """version: 1
kind: dealer
name: acme-rv
title: Acme RV
timezone: America/New_York
features: [platinum, l5]
feeds:
  - uses: ids/sales
    params: {folder: acme}
    confirmed: {dealerPermission: 2022-01-12, fileNotice: 2022-01-20}
"""

# Several record shapes of one pushed source.
GLASS = """version: 1
kind: feed
title: A glass shop's events
params:
  hook: {type: secret, required: true}
  days: {type: integer, default: 30}
transport:
  type: webhook
  endpoint: glass/${dealer.name}
  method: POST
  verify: [{type: token, in: header, name: X-Token, token: '${params.hook}'}]
decode: {format: json}
streams:
  leads:
    records: {if: event == 'lead.ready' && choice == 'Ready' && phone && allowText}
    fields:
      event: {path: event}
      choice: {path: choice}
      orderId: {path: orderId, required: true}
      readyAt: {path: at, type: dateTime}
      phone: {path: soldTo.primaryPhone, type: phone}
      allowText: {path: soldTo.allowTexting, type: boolean}
      name: {path: soldTo.name}
      dueNote: {text: 'Order ${field.orderId} of ${dealer.title}'}
    contact: {fields: {allowText: allowText}}
    activities:
      - type: lead
        key: [[orderId]]
        occurred: readyAt
        state: open
        fields: {note: dueNote}
        set: {dueDate: '${run.date+30d}', later: '${run.date+${params.days}}'}
        keepFirst: [dueDate]
  appointments:
    records: {if: "starts_with(event, 'appointment.') && choice == 'OK'"}
    fields:
      event: {path: event}
      choice: {path: choice}
      orderId: {path: orderId, required: true}
      appointmentId: {path: appointmentId, required: true}
      start: {path: start, type: dateTime}
    contact: {from: {type: lead, key: [orderId]}}
    activities:
      - type: appointment
        key: [[appointmentId]]
        occurred: start
        state: {from: event, map: {appointment.created: booked, appointment.completed: completed}, else: quarantine}
        after: {type: lead, key: [orderId], onMissing: hold}
  voids:
    records: {if: event == 'order.voided'}
    fields:
      event: {path: event}
      orderId: {path: orderId, required: true}
      appointments:
        {path: appointments, type: list, by: id, keep: [start], fields: {id: {path: id}, start: {path: start}}}
    contact: {from: {type: lead, key: [orderId]}}
    activities:
      - {type: lead, key: [[orderId]], state: voided, onNone: ignore}
      - type: appointment
        each: appointments
        fields: {appointmentId: {path: id, required: true}, start: {path: start, type: dateTime}}
        if: start > run.now
        key: [[appointmentId]]
        state: cancelled
        onNone: ignore
"""

LEAD = """version: 1
kind: activity
name: lead
label: Lead
category: lead
date: {label: Ready}
states: [open, voided]
shows: [timeline]
fields:
  note: {label: Note, type: string}
  dueDate: {label: Due, type: date}
  later: {label: Later, type: date}
"""

APPOINTMENT = """version: 1
kind: activity
name: appointment
label: Appointment
category: appointment
date: {label: Start}
states: [booked, completed, cancelled]
shows: [timeline, calendar]
fields:
  start: {label: Start, type: dateTime}
"""

GLASS_DEALER = """version: 1
kind: dealer
name: clear-glass
title: Clear Glass
timezone: America/Denver
feeds:
  - uses: glass/events
    params: {hook: '${secret.CLEAR_HOOK}'}
"""

FILES = {
    "vendors/ids/sales.yaml": SALES,
    "activities/soldUnit.yaml": SOLD_UNIT,
    "dealers/acme-rv.yaml": DEALER,
}
PUSHED = {
    "vendors/glass/events.yaml": GLASS,
    "activities/lead.yaml": LEAD,
    "activities/appointment.yaml": APPOINTMENT,
    "dealers/clear-glass.yaml": GLASS_DEALER,
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def read(folder: Path, files: dict[str, str]) -> Project:
    return project.load(write(folder, files), None)


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
    return text.replace(old, new)


def place(text: str, fragment: str) -> tuple[int, int]:
    """Line and column of the only place where a fragment stands."""
    assert text.count(fragment) == 1, f"{fragment!r} stands {text.count(fragment)} times"
    before = text[: text.index(fragment)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def shown(findings: tuple[Finding, ...]) -> list[str]:
    return [f"{Path(each.file).name}:{each.line}:{each.column} {each.code} {each.message}" for each in findings]
