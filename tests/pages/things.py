"""A feed of things from an API that a test makes up, and the dealer who has it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from engine.language.secrets import Secrets
from tests.store.shop import Shop
from tests.transports.http.room import Api

ACTIVITY = {
    **{"version": 1, "kind": "activity", "name": "thing", "label": "Thing", "category": "other"},
    **{"date": {"label": "Made"}, "states": ["recorded", "big"], "shows": ["timeline"]},
    "fields": {
        name: {"label": name, "type": kind}
        for name, kind in {
            **{"name": "string", "size": "integer", "price": "money", "parts": "list", "raw": "object"},
            **{"sold": "yesNo", "rate": "decimal"},
        }.items()
    },
}
ID = {"path": "id", "required": True}
NAMED = {"id": ID, "name": {"path": "name"}}
SECRET = "canary-7c41"


def definition(api: Api, **parts: Any) -> dict[str, Any]:
    """A feed of `/things`; the keys of a transport stand below `transport`, `fields` beside `id`."""
    transport = {"type": "http", "baseUrl": api.url, "allowPrivate": ["127.0.0.1"], "request": {"url": "/things"}}
    made = {
        **{"version": 1, "kind": "feed", "title": "Things", "decode": {"format": "json"}, "records": {"path": "data"}},
        **{"fields": NAMED, "activities": [{"type": "thing", "key": [["id"]], "state": "recorded"}]},
        **parts,
        "transport": {**transport, **parts.get("transport", {})},
    }
    return {name: part for name, part in made.items() if part is not None}


def dealer(home: Path, database: str, api: Api, entry: Mapping[str, Any] | None = None, **parts: Any) -> Shop:
    """The dealer who has it; `entry` is what his file says beside `uses`."""
    text, kind = (yaml.safe_dump(each, sort_keys=False) for each in (definition(api, **parts), ACTIVITY))
    shop = Shop(home, database, {"shop/things": text}, {"thing": kind})
    shop.world = replace(shop.world, secrets=Secrets({"FEEDS_SECRET_KEY": SECRET, "FEEDS_SECRET_OTHER": "other-9"}))
    if entry is not None:
        file = home / "feeds" / "dealers" / "shop.yaml"
        file.write_text(
            yaml.safe_dump(yaml.safe_load(file.read_text()) | {"feeds": [{"uses": "shop/things", **entry}]})
        )
    return shop


def things(shop: Shop, *names: str) -> dict[str, Any]:
    """What is stored: key -> the value of a field, or of several."""
    found = shop.activities()
    if len(names) == 1:
        return {key: each.get(names[0]) for key, each in found.items()}
    return {key: tuple(each.get(name) for name in names) for key, each in found.items()}
