"""Requests that arrive in a test: taken in as the receiver takes them, and left in the inbox for the run.

A test has no secrets: whatever proves a sender by one counts as proven. All else is looked at: who listens
where, by which method, what has to stand in a request, and whether it has come before.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode

from engine.golden.agreement import Difference
from engine.intake.inbox import Entry
from engine.language.tree import Node
from engine.model import Feed, Value
from engine.visits.listening import Party, hooks, proof, taken
from engine.world import World
from transports import webhook
from transports.base import Settings
from transports.http_request import written


def arrived(node: Node | None, feeds: Sequence[Feed], world: World) -> list[Difference]:
    """Put what is given into the inbox, one second after the other, the last just before now; what nobody takes."""
    elements = node.elements() if node is not None else ()
    listeners = [(feed.id, settings) for feed in feeds for settings in hooks(feed)]
    told: list[Difference] = []
    for place, each in enumerate(elements):
        came = world.clock.now() - timedelta(seconds=len(elements) - place)
        found = _taken(each, listeners, world, came)
        if isinstance(found, str):
            told.append(Difference(("given", "hooks", place), found, each.plain, None, each.place))
        else:
            world.inbox.accept([found])
    return told


def _taken(node: Node, listeners: Sequence[tuple[str, Settings]], world: World, now: datetime) -> Entry | str:
    """The request as it is kept, or why nobody takes it."""
    known = sorted({str(settings["endpoint"]) for _, settings in listeners})
    endpoint = node.word("endpoint", known[0] if len(known) == 1 else "").strip("/")
    here = [(feed, settings) for feed, settings in listeners if settings["endpoint"] == endpoint]
    if not here:
        there = f"the feed listens at {', '.join(known)}" if known else "the feed listens nowhere"
        return f"nobody listens at {endpoint}; {there}" if endpoint else f"say its `endpoint`: {there}"
    methods = sorted({str(settings.get("method", "POST")) for _, settings in here})
    request = _request(node, endpoint, node.word("method", methods[0]).upper())
    here = [(feed, settings) for feed, settings in here if settings.get("method", "POST") == request.method]
    if not here:
        return f"nobody takes a {request.method} at {endpoint}; it is {' or '.join(methods)}"
    conditions = [_conditions(settings, world) for _, settings in here]
    admitted = [
        each for each, checks in zip(here, conditions, strict=True) if not webhook.refusal(request, checks, now)
    ]
    if not admitted:
        wanted = ", ".join(f"{path} is {text}" for check in conditions[0] for path, text in check["equals"].items())
        return f"it is turned away: what has to hold is that {wanted} (`verify`)"
    by, everyone = (
        [Party(feed, proof(each), each["verify"], each.get("dedupe")) for feed, each in some]
        for some in (admitted, here)
    )
    return taken(request, endpoint, by, everyone, now)


def _conditions(settings: Settings, world: World) -> Sequence[Settings]:
    """What has to stand in a request, beside the proof of who sent it."""
    checks = world.secrets.filled({"verify": [each for each in settings["verify"] if "equals" in each]})["verify"]
    return tuple(checks)


def _request(node: Node, endpoint: str, method: str) -> webhook.Request:
    headers = {name.lower(): str(written(each.value)) for name, each in node.entries("headers").items()}
    body, media = _body(node)
    query = {name: str(written(each.value)) for name, each in node.entries("query").items()}
    return webhook.Request(method, endpoint, query, {**media, **headers}, body)


def _body(node: Node) -> tuple[bytes, Mapping[str, str]]:
    document, form, text = node.child("json"), node.entries("form"), node.child("text")
    if document is not None:
        return json.dumps(document.plain).encode(), {"content-type": "application/json"}
    if form:
        pairs: Mapping[str, Value] = {name: written(each.value) for name, each in form.items()}
        return urlencode(pairs).encode(), {"content-type": "application/x-www-form-urlencoded"}
    return (b"" if text is None else str(text.value).encode()), {}
