"""The shape of the store: one, however a database came to it."""

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from engine.errors import StoreError
from engine.store import database, migrate, shape
from engine.store.tables import metadata


def described(engine: Engine) -> dict[str, Any]:
    seen = inspect(engine)
    return {
        table: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in seen.get_columns(table)],
            seen.get_pk_constraint(table)["constrained_columns"],
            sorted((i["name"], tuple(i["column_names"]), bool(i["unique"])) for i in seen.get_indexes(table)),
            sorted((u["name"], tuple(u["column_names"])) for u in seen.get_unique_constraints(table)),
        )
        for table in seen.get_table_names()
        if table != "alembic_version"
    }


def test_the_steps_lead_to_the_tables_as_they_are_written(database_url: str) -> None:
    engine = database.connect(database_url)
    migrate.upgrade(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    assert shape.version(engine) == shape.HEAD
    shape.prepare(engine)
    migrate.upgrade(engine)
    stepped = described(engine)
    with engine.begin() as connection:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
    shape.prepare(engine)
    assert described(engine) == stepped
    engine.dispose()


@pytest.mark.parametrize(("found", "advice"), [("0000", "feeds db upgrade"), ("9999", "newer engine")])
def test_a_database_of_another_version_is_left_alone(sqlite_url: str, found: str, advice: str) -> None:
    engine = database.connect(sqlite_url)
    shape.prepare(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :found"), {"found": found})
    with pytest.raises(StoreError, match=advice):
        shape.prepare(engine)
    engine.dispose()
