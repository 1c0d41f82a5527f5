"""An API of orders that change while they are read, and a dealer who has a feed of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.store.shop import Shop
from tests.transports.http.room import Api, Asked, Said

FEED = """version: 1
kind: feed
title: Orders
transport:
  type: http
  baseUrl: URL/v1
  allowPrivate: [127.0.0.1]
  request: {url: /orders, query: {since: '${window.from}'}}
  pagination: {type: offset, param: skip, size: 3, sizeParam: limit, total: total}
  incremental: {cursor: updatedAt, start: '2026-01-01', lookback: 1h}
  include:
    customer: {url: '/customers/${record.customerId}', if: customerId}
decode: {format: json}
records: {path: orders, onDuplicate: last, check: updatedAt >= window.from}
fields:
  id: {path: id, required: true}
  customerId: {path: customerId}
  email: {path: customer.email, type: email}
  lastName: {path: customer.lastName}
  updatedAt: {path: updatedAt, type: dateTime, required: true}
  amount: {path: amount, type: money}
contact: {fields: {externalId: customerId}}
activities:
  - {type: order, key: [[id]], occurred: updatedAt, state: recorded}
"""
ORDER = """version: 1
kind: activity
name: order
label: Order
category: sale
date: {label: Ordered}
states: [recorded, voided]
shows: [timeline]
fields:
  amount: {label: Amount, type: money}
"""


@dataclass
class Orders:
    """What the other side has, and how it misbehaves. `answers` is for an `Api`."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    broken_from: int | None = None  # skip from which on a page is no page
    status: int = 200

    def add(self, number: int, minute: int) -> None:
        """Order `number`, changed at this minute; at the end of the list, which is in the order of changes."""
        self.rows = [row for row in self.rows if row["id"] != f"O{number}"]
        moment = f"2026-02-0{1 + minute // 1440}T{minute % 1440 // 60:02}:{minute % 60:02}:00Z"
        customer = f"C{number % 4}"
        row = {"id": f"O{number}", "customerId": customer, "updatedAt": moment, "amount": f"{number}.50"}
        self.rows.append(row)

    def answers(self, asked: Asked) -> Any:
        if self.status != 200:
            return Said({"error": "no"}, self.status)
        if "/customers/" in asked.path:
            number = asked.path.rpartition("/")[2]
            return {"email": f"{number.lower()}@example.com", "lastName": f"Doe{number}"}
        skip, limit = int(asked.query.get("skip", 0)), int(asked.query["limit"])
        found = [row for row in self.rows if row["updatedAt"] >= asked.query["since"]]
        if self.broken_from is not None and skip >= self.broken_from:
            return {"items": []}
        return {"total": len(found), "orders": found[skip : skip + limit]}


def shop(home: Path, database: str, api: Api, changes: Mapping[str, str] | None = None) -> Shop:
    """The dealer; `changes` are replaced in the definition."""
    text = FEED.replace("URL", api.url)
    for old, new in (changes or {}).items():
        assert old in text, old
        text = text.replace(old, new)
    return Shop(home, database, {"orders/all": text}, {"order": ORDER})
