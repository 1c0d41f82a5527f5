"""A dealer whose feeds listen, and who sends to them: through the real receiver, without a socket."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.routing import Route

from engine.language import project
from engine.language.project import Project
from engine.language.secrets import Secrets
from engine.web.server import Receiver
from tests.pages.orders import ORDER as KIND
from tests.store.shop import Shop
from tests.transports.http.room import Api, Asked, Said

TOKEN = "canary-hook-token"
LISTENS = """\
  endpoint: shop/${dealer.name}
  verify: [{type: token, in: path, token: '${secret.HOOK}'}]
"""
ORDERS = """\
    version: changedAt
    fields:
      id: {path: id, required: true}
      changedAt: {path: changedAt, type: dateTime, required: true}
      status: {path: status}
      email: {path: customer.email, type: email}
      lastName: {path: customer.lastName}
      amount: {path: amount, type: money}
    contact: {}
    activities:
      - type: order
        key: [[id]]
        occurred: changedAt
        state: {from: status, map: {open: recorded, void: voided}, else: quarantine}
"""
PUSHED = f"""\
version: 1
kind: feed
title: Orders that are sent to us
transport:
  type: webhook
{LISTENS}  dedupe: {{by: [body.event], keepFor: 7d}}
  if: body.kind == 'order'
decode: {{format: json}}
streams:
  orders:
{ORDERS}"""
_INDENTED = LISTENS.replace("  endpoint", "    endpoint").replace("  verify", "    verify")
TOLD = f"""\
version: 1
kind: feed
title: Orders of which we are told
transport:
  type: http
  baseUrl: URL/v1
  allowPrivate: [127.0.0.1]
  retry: {{attempts: 1}}
  request: {{url: /orders}}
  byId: {{url: '/orders/${{trigger.id}}'}}
decode: {{format: json}}
streams:
  orders:
    records: {{path: 'not_null(orders, [@])'}}
{ORDERS}triggers:
  - type: webhook
    method: GET
{_INDENTED}    dedupe: {{by: [query.id, query.operation, query.n], keepFor: 60s}}
    if: query.type == 'Order' && query.operation == 'Delete'
    do: {{setState: {{state: voided, key: query.id}}}}
  - type: webhook
    method: GET
{_INDENTED}    if: query.type == 'Order'
    do: fetch
    id: query.id
  - type: webhook
    method: GET
{_INDENTED}    if: query.type == 'Everything'
    do: pollNow
    debounce: 30s
"""
ORDER = KIND.replace("[recorded]", "[recorded, voided]")


@dataclass
class Orders:
    """What an API has. `answers` is for an `Api`; `hidden` are ids that it does not show yet."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    status: int = 200
    bad: dict[str, int] = field(default_factory=dict)  # ids that are answered with an error

    def put(self, id: str, minute: int = 0, status: str = "open") -> None:
        changed = f"2026-03-01T10:{minute:02}:00Z"
        self.rows[id] = {"id": id, "changedAt": changed, "status": status, "amount": f"{minute}.00"}

    def answers(self, asked: Asked) -> Any:
        if self.status != 200:
            return Said({"error": "no"}, self.status)
        id = asked.path.partition("/orders/")[2]
        if not id:
            return {"orders": [row for row in self.rows.values() if row["id"] not in self.hidden]}
        if id in self.bad:
            return Said({"error": "no"}, self.bad[id])
        if id not in self.rows or id in self.hidden:
            return Said({"error": "not found"}, 404)
        return self.rows[id]


@dataclass(frozen=True)
class Sent:
    """One request to the receiver."""

    body: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    media: str = "application/json"
    path: str = f"shop/shop/{TOKEN}"
    headers: Mapping[str, str] = field(default_factory=dict)


def event(id: str, minute: int = 0, name: str = "", status: str = "open", **values: Any) -> Sent:
    """An order as it was at that minute, sent to a feed of PUSHED."""
    body = {"kind": "order", "event": name or f"{id}-{minute}", "id": id, "status": status, **values}
    body |= {"changedAt": f"2026-03-01T10:{minute:02}:00Z", "amount": f"{minute}.00"}
    return Sent(json.dumps(body).encode())


def nudge(id: str, operation: str = "Update", kind: str = "Order", **query: str) -> Sent:
    return Sent(query={"type": kind, "id": id, "operation": operation, **query}, method="GET")


class Room(Shop):
    """The dealer `shop` with these definitions; those of `URL` ask this API."""

    def __init__(self, home: Path, database: str, definitions: Mapping[str, str], api: Api | None = None) -> None:
        texts = {name: text.replace("URL", api.url if api is not None else "") for name, text in definitions.items()}
        super().__init__(home, database, texts, {"order": ORDER})
        self.secrets = Secrets({"FEEDS_SECRET_HOOK": TOKEN})
        self.world = replace(self.world, secrets=self.secrets)

    def send(self, *requests: Sent) -> list[int]:
        """Send them one after the other; the statuses."""
        made, told = self.project, list[Any]()

        def now() -> datetime:
            self.clock.sleep(0.001)  # no two come at the same time
            return self.clock.now()

        receiver = Receiver(self.world.inbox, lambda: made, lambda: self.secrets, now, lambda *note: told.append(note))
        assert receiver.look(), told
        return asyncio.run(answered(receiver, requests))

    @cached_property
    def project(self) -> Project:
        return project.load(self.home / "feeds", None)

    def waiting(self, name: str = "") -> list[str]:
        """The names of the requests that one feed has not dealt with."""
        feed = name or next(iter(self.project.feeds))
        return [entry.name for entry in self.world.inbox.waiting(feed, ["shop/shop"])]

    def settled(self, name: str = "") -> dict[str, int]:
        """How many requests of the feed are in each state."""
        feed = name or next(iter(self.project.feeds))
        found = self.world.inbox.counts(feed, ["shop/shop"])
        return {state: count for state, count in found.items() if count and state != "duplicates"}

    def states(self) -> dict[str, str]:
        return {key: each["state"] for key, each in self.activities().items()}


async def answered(receiver: Receiver, requests: Sequence[Sent]) -> list[int]:
    hooks, commits = receiver.hooks, asyncio.create_task(receiver.hooks._commits.run())
    app = Starlette(routes=[Route("/hooks/{path:path}", hooks.hook, methods=["GET", "POST"])])
    try:
        return [await _answer(app, each) for each in requests]
    finally:
        commits.cancel()


async def _answer(app: Starlette, sent: Sent) -> int:
    path, statuses = f"/hooks/{sent.path}", []
    scope = {
        **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http"},
        **{"method": sent.method, "path": path, "raw_path": path.encode(), "root_path": ""},
        "query_string": urlencode(sent.query).encode(),
        "headers": [
            *((b"host", b"example.com"), (b"content-type", sent.media.encode())),
            *((name.encode(), value.encode()) for name, value in sent.headers.items()),
        ],
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": sent.body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)  # type: ignore[arg-type]  # plain maps, as a server gives them
    return int(statuses[0])
