"""What every feed last ran with: its definition as it was resolved, section by section.

Most feeds of a definition share most of its sections, so each is kept once, by its digest. Secrets
are references in it, as in the files.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.model import Value
from engine.store.bulk import decoded
from engine.store.database import reading, writing
from engine.store.tables import definitions, feeds, last_definitions

_STRETCH = 500  # names or digests asked for at once


@dataclass(frozen=True, slots=True)
class Ran:
    """A definition as a feed last ran with it, and when."""

    feed: str
    at: str
    mapping_hash: str
    sections: Mapping[str, Value]


def keep(engine: Engine, feed_id: int, sections: Mapping[str, Value], mapping_hash: str, now: str) -> None:
    """Note what a feed runs with; writes only what has changed since it last ran."""
    # In a list: on PostgreSQL a text alone could not be told from a value that is still to be read.
    texts = {name: orjson.dumps([content], option=orjson.OPT_SORT_KEYS) for name, content in sections.items()}
    digests = {name: hashlib.blake2b(text, digest_size=16).hexdigest() for name, text in texts.items()}
    with reading(engine) as connection:
        found = connection.execute(select(last_definitions).where(last_definitions.c.feed_id == feed_id)).one_or_none()
    if found is not None and (found.mapping_hash, decoded(found.sections)) == (mapping_hash, digests):
        return
    with writing(engine) as connection:
        rows = {digests[name]: _stored(connection, text) for name, text in texts.items()}
        maker = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        # In one order: two that write the same sections never wait for each other in a circle.
        parts = [{"digest": digest, "content": rows[digest]} for digest in sorted(rows)]
        if parts:
            connection.execute(maker(definitions).on_conflict_do_nothing(), parts)
        values = {"mapping_hash": mapping_hash, "sections": _stored(connection, orjson.dumps(digests)), "at": now}
        statement = maker(last_definitions).values(feed_id=feed_id, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["feed_id"], set_=values))


def last(engine: Engine) -> dict[str, Ran]:
    """What each feed last ran with, by its id; feeds that never ran are not there."""
    with reading(engine) as connection:
        joined = select(feeds.c.name, last_definitions).join(feeds, feeds.c.id == last_definitions.c.feed_id)
        rows = connection.execute(joined.order_by(feeds.c.name)).all()
        digests = {row.name: decoded(row.sections) for row in rows}
        contents = _contents(connection, {digest for each in digests.values() for digest in each.values()})
    return {
        row.name: Ran(
            row.name,
            row.at,
            row.mapping_hash,
            {name: contents[digest] for name, digest in digests[row.name].items()},
        )
        for row in rows
    }


def _contents(connection: Connection, wanted: Iterable[str]) -> dict[str, Value]:
    names = sorted(wanted)
    found: dict[str, Value] = {}
    for start in range(0, len(names), _STRETCH):
        statement = select(definitions).where(definitions.c.digest.in_(names[start : start + _STRETCH]))
        found |= {row.digest: decoded(row.content)[0] for row in connection.execute(statement)}
    return found


def _stored(connection: Connection, text: bytes) -> Value:
    """A JSON column takes text on SQLite and a value on PostgreSQL."""
    return text.decode() if connection.dialect.name == "sqlite" else orjson.loads(text)
