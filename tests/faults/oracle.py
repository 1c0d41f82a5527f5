"""The one judge of every fault test: what must hold at any moment, and what once all is quiet.

    expected = oracle.picture(scene)        of a scene that nothing disturbed
    oracle.check_any_moment(scene)          right after a kill
    oracle.check_quiet(scene, expected)     after restarts have brought nothing new

It reads the database, the folders and the log from outside, with SQL of its own, and compares
content: names instead of ids, files instead of deliveries' numbers, no times of ours.
"""

import hashlib
import json
import sqlite3
import stat
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import psycopg
from sqlalchemy import make_url

from tests.conftest import Canary
from tests.faults.scene import DONE, Scene

CLAIM = ".feeds-claim-"
COMMITTED = ("stored", "done")
FINAL = ("done", "refused", "notMine", "vanished")
SUM = ("inserted", "updated", "unchanged", "filtered", "quarantined")

Row: TypeAlias = dict[str, Any]
Picture: TypeAlias = Mapping[str, list[str]]


class _Store(NamedTuple):
    """All rows of all tables, and names for what ids stand for."""

    rows: Mapping[str, list[Row]]

    def by_id(self, table: str, number: int | None) -> Row | None:
        return next((row for row in self.rows[table] if row["id"] == number), None)

    def delivery(self, number: int | None) -> str:
        row = self.by_id("deliveries", number)
        return "" if row is None else f"{row['kind']} {row['name']}"

    def contact(self, number: int | None) -> str | None:
        row = self.by_id("contacts", number)
        if row is None:
            return None if number is None else f"no contact {number}"
        keys = [
            f"{k['kind']}={k['namespace']}/{k['value']}" for k in self.rows["contact_keys"] if k["contact_id"] == number
        ]
        return f"{row['first_name']} {row['last_name']} {row['company']} {sorted(keys)}"

    def vehicle(self, number: int | None) -> str | None:
        row = self.by_id("vehicles", number)
        return None if row is None else str(row["key"])

    def activity(self, number: int) -> str:
        row = self.by_id("activities", number)
        return f"no activity {number}" if row is None else f"{row['namespace']} {row['type']} {row['key']}"


def picture(scene: Scene) -> Picture:
    """What is stored, as sorted texts by table, with nothing in them that may differ from run to run."""
    return _picture(_read(scene))


def _picture(store: _Store) -> Picture:
    describe = {
        "contacts": _contact,
        "vehicles": _vehicle,
        "activities": _activity,
        "activity_changes": _change,
        "quarantine": _quarantined,
        "reviews": _review,
        "deliveries": _delivery,
    }
    return {table: sorted(_text(**row(store, r)) for r in store.rows[table]) for table, row in describe.items()}


def check_any_moment(scene: Scene) -> None:
    """What no kill may break even for an instant: a file that is gone is committed and sealed."""
    _check_any_moment(scene, _read(scene))


def _check_any_moment(scene: Scene, store: _Store) -> None:
    for name, content in scene.files.items():
        if not _is_there(scene, name):
            _check_gone(scene, store, name, hashlib.sha256(content.encode()).hexdigest())
    for row in store.rows["deliveries"]:
        counts = row["counts"]
        if counts is not None:
            assert counts["read"] == sum(counts[word] for word in SUM), f"the identity fails: {row['name']} {counts}"
        if row["checkpoint"] is None and row["state"] not in COMMITTED:
            made = [a for a in store.rows["activities"] if row["id"] in (a["delivery_id"], a["created_in"])]
            assert not made, f"{row['name']} is {row['state']} and has left {len(made)} activities"
    _check_canary(scene, store)


def check_quiet(scene: Scene, expected: Picture) -> None:
    """What must hold when restarts bring nothing new: as if nothing had happened, and nothing left lying about."""
    store = _read(scene)
    _check_any_moment(scene, store)
    found = _picture(store)
    for table, rows in expected.items():
        lost, doubled = _less(rows, found[table]), _less(found[table], rows)
        assert not lost and not doubled, f"{table} differ\n- " + "\n- ".join(lost) + "\n+ " + "\n+ ".join(doubled)
    open_ = [row["name"] for row in store.rows["deliveries"] if row["state"] not in FINAL]
    assert not open_, f"the ledger still has work to do: {open_}"
    held = [row["name"] for row in store.rows["leases"] if row["host"] is not None]
    assert not held, f"leases are still held: {held}"
    assert len(store.rows["installation"]) == 1
    parts = [str(path) for path in scene.home.rglob("*.part")]
    assert not parts, f"half files are left: {parts}"
    claims = [path.name for path in scene.place.rglob(f"{CLAIM}*")]
    assert not claims, f"claims are left on the server: {claims}"
    _check_archive(scene, store)


def _check_canary(scene: Scene, store: _Store) -> None:
    """The secret stands in no file but a sender's own, and in no table."""
    bird = Canary()
    archive = scene.home / "state" / "archive"
    written = [path for path in scene.home.rglob("*") if path.is_file() and archive not in path.parents]
    found = bird.places(*written)
    if scene.setup.store != "sqlite":  # SQLite's file was read above
        found += bird.places(json.dumps(store.rows, default=str, ensure_ascii=False))
    assert not found, f"a secret was written down: {found}"


def _read(scene: Scene) -> _Store:
    """Every table, by the plain driver: what the engine thinks of its database is not asked."""
    url = make_url(scene.url)
    if scene.setup.store == "sqlite":
        connection: Any = sqlite3.connect(str(url.database))
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    else:
        connection = psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    with closing(connection):
        return _Store({name: _rows(connection, name) for (name,) in list(connection.execute(tables))})


def _rows(connection: Any, table: str) -> list[Row]:
    cursor = connection.execute(f"SELECT * FROM {table}")  # noqa: S608  a name out of the catalogue
    names = [column[0] for column in cursor.description]
    return [_decoded(dict(zip(names, row, strict=True))) for row in cursor]


def _decoded(row: Row) -> Row:
    """JSON columns as values on both databases, digests as plain hex."""
    for name in ("fields", "provenance", "changes", "before", "counts", "progress", "fix", "report"):
        if isinstance(row.get(name), str):
            row[name] = json.loads(row[name])
    if row.get("digest") is not None:
        row["digest"] = str(row["digest"]).replace("-", "")
    return row


def _contact(store: _Store, row: Row) -> Row:
    who, marks = store.contact(row["id"]), _marks(store, row["provenance"])
    return {"who": who, "marks": marks, "fields": row["fields"], "last": row["last_key"]}


def _vehicle(store: _Store, row: Row) -> Row:
    return {"key": row["key"], "fields": row["fields"], "marks": _marks(store, row["provenance"])}


def _quarantined(store: _Store, row: Row) -> Row:
    kept = ("line", "code", "field", "value", "raw", "state", "fix")
    return {**{name: row[name] for name in kept}, "of": store.delivery(row["delivery_id"])}


def _review(store: _Store, row: Row) -> Row:
    pair = {"who": store.contact(row["contact_id"]), "other": store.contact(row["candidate_id"])}
    return {**pair, "why": row["reason"], "line": row["line"]}


def _delivery(store: _Store, row: Row) -> Row:
    kept = ("kind", "name", "state", "error_code", "counts", "sha256", "checkpoint", "progress")
    return {name: row[name] for name in kept}


def _activity(store: _Store, row: Row) -> Row:
    kept = ("namespace", "type", "key", "occurred", "state", "fields", "version", "line", "match", "digest", "parts")
    return {
        **{name: row[name] for name in (*kept, "group_key", "waits_for", "held_state")},
        "contact": store.contact(row["contact_id"]),
        "vehicle": store.vehicle(row["vehicle_id"]),
        "delivery": store.delivery(row["delivery_id"]),
        "created": store.delivery(row["created_in"]),
    }


def _change(store: _Store, row: Row) -> Row:
    names = {"contact_id": store.contact, "vehicle_id": store.vehicle}
    changes = {k: [names[k](each) for each in v] if k in names else v for k, v in row["changes"].items()}
    before = {k: v for k, v in row["before"].items() if k not in ("updated_at", "feed_id")}
    before["contact_id"] = store.contact(before["contact_id"])
    before["vehicle_id"] = store.vehicle(before["vehicle_id"])
    before["delivery_id"] = store.delivery(before["delivery_id"])
    before["digest"] = str(before["digest"]).replace("-", "")
    of, by = store.activity(row["activity_id"]), store.delivery(row["delivery_id"])
    return {"of": of, "by": by, "line": row["line"], "changes": changes, "before": before}


def _marks(store: _Store, provenance: Mapping[str, list[Any]]) -> Row:
    return {name: [store.delivery(mark[0]), *mark[1:]] for name, mark in provenance.items()}


def _text(**values: Any) -> str:
    return json.dumps(values, sort_keys=True, ensure_ascii=False, default=str)


def _less(rows: list[str], others: list[str]) -> list[str]:
    """The rows without the others, each counted as often as it stands there."""
    left = list(others)
    result = []
    for row in rows:
        if row in left:
            left.remove(row)
        else:
            result.append(row)
    return result


def _is_there(scene: Scene, name: str) -> bool:
    """Whether a file is where its sender put it, or there under a claim."""
    return (scene.place / name).exists() or any(
        path.name.endswith(f"-{name}") for path in scene.place.glob(f"{CLAIM}*")
    )


def _check_gone(scene: Scene, store: _Store, name: str, sha256: str) -> None:
    entries = [row for row in store.rows["deliveries"] if row["name"] == name and row["state"] in COMMITTED]
    assert entries, f"{name} is gone from the server and its rows are not committed"
    assert [row["sha256"] for row in entries] == [sha256], f"{name} is gone, and what was stored is another file"
    sealed = _archived(scene, sha256)
    assert sealed.is_file(), f"{name} is gone from the server and not in the archive"
    assert hashlib.sha256(sealed.read_bytes()).hexdigest() == sha256, f"our copy of {name} is damaged"
    if scene.setup.disposal == "archive":
        moved = scene.place / DONE / name
        assert moved.is_file(), f"{name} is neither where it was nor in {DONE}/"
        assert hashlib.sha256(moved.read_bytes()).hexdigest() == sha256
    assert scene.setup.disposal != "leave", f"{name} is gone from the server, and was to be left there"


def _archived(scene: Scene, sha256: str) -> Path:
    return scene.home / "state" / "archive" / sha256[:2] / sha256


def _check_archive(scene: Scene, store: _Store) -> None:
    """Every copy is one that the ledger knows, whole, and only ours to read."""
    archive = scene.home / "state" / "archive"
    copies = {path.name: path for path in archive.rglob("*") if path.is_file()}
    assert set(copies) == {row["sha256"] for row in store.rows["deliveries"] if row["sha256"]}
    for name, path in copies.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == name
        assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert stat.S_IMODE(archive.stat().st_mode) == 0o700
