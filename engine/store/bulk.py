"""Set-based reads and writes on the driver's own connection; knows both databases, no meaning.

A statement per row costs tens of times what the row itself does, so whatever the data path
reads or writes goes through here by the batch. Two implementations with the same four verbs;
`bulk_of(connection)` picks by dialect. Columns are lists, or `Same` where all rows agree.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple, Protocol

import orjson
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError


class Same(NamedTuple):
    """A column with one value in all rows."""

    value: Any


Columns = Mapping[str, Sequence[Any] | Same]


class Wanted(NamedTuple):
    """A look-up by the batch. `on` holds `w.value`, the value wanted, and `?` for parameters.

    `columns` may name `w.value`, and `w.i`, its place from 0. `more` follows: joins of what was
    found, and WHERE. `kind` is what the values are held against: text, id or digest.
    """

    columns: str
    table: str  # with its alias: "contact_keys k"
    on: str
    more: str = ""
    kind: str = "text"


class Bulk(Protocol):
    def reserve(self, sequence: str, count: int) -> Sequence[int]:
        """`count` ids nobody else will get; a gap remains where the transaction is rolled back."""

    def insert(self, table: str, columns: Columns, count: int) -> None:
        """Insert `count` rows. Raises IntegrityError when one breaks a unique key; none is then in."""

    def update(self, table: str, columns: Columns, count: int) -> None:
        """Set all columns but `id` of the rows named by the column `id`."""

    def found(self, wanted: "Wanted", values: Sequence[str | int], *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a table that these values name, probed by index, one value after the other.

        However large the table has grown and whatever the statistics say, it is never scanned.
        """

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of any other statement with `?` for parameters."""

    def analyze(self) -> None:
        """Let the planner see what this transaction has written so far, before it is looked up in bulk."""


def bulk_of(connection: Connection) -> Bulk:
    driver = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        return SqliteBulk(driver)
    bulk = PostgresqlBulk(driver)
    # With 700,000 contacts the planner prefers to sort or hash the whole table for each batch;
    # an index probe per wanted value is several times faster and does not grow with the table.
    bulk.rows("SET LOCAL enable_seqscan = off")
    bulk.rows("SET LOCAL enable_hashjoin = off")
    bulk.rows("SET LOCAL enable_mergejoin = off")
    return bulk


def decoded(value: Any) -> Any:
    """A JSON column as Python values: SQLite gives text, psycopg has parsed it already."""
    return orjson.loads(value) if isinstance(value, str) else value


class SqliteBulk:
    """On the `sqlite3` connection of the running transaction."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def reserve(self, sequence: str, count: int) -> Sequence[int]:
        self.rows("INSERT INTO sequences (name, next) VALUES (?, 1) ON CONFLICT DO NOTHING", sequence)
        ((first,),) = self.rows("SELECT next FROM sequences WHERE name = ?", sequence)
        self.rows("UPDATE sequences SET next = next + ? WHERE name = ?", count, sequence)
        return range(first, first + count)

    def insert(self, table: str, columns: Columns, count: int) -> None:
        if not count:
            return
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        self._driver.execute("SAVEPOINT bulk")
        try:
            self._driver.executemany(statement, _row_tuples(columns.values()))
        except self._driver.IntegrityError as error:
            self._driver.execute("ROLLBACK TO bulk")
            raise IntegrityError(statement, None, error) from error
        finally:
            self._driver.execute("RELEASE bulk")

    def update(self, table: str, columns: Columns, count: int) -> None:
        if not count:
            return
        changed = [name for name in columns if name != "id"]
        sets = ", ".join(f"{name} = ?" for name in changed)
        ordered = [columns[name] for name in (*changed, "id")]
        self._driver.executemany(f"UPDATE {table} SET {sets} WHERE id = ?", _row_tuples(ordered))

    def found(self, wanted: Wanted, values: Sequence[str | int], *parameters: Any) -> list[tuple[Any, ...]]:
        if not values:
            return []
        # CROSS JOIN is SQLite's promise to keep the order: wanted values outside, index inside.
        statement = (
            f"SELECT {wanted.columns} FROM (SELECT value, key AS i FROM json_each(?)) AS w"
            f" CROSS JOIN {wanted.table} ON {wanted.on} {wanted.more}"
        )
        return list(self._driver.execute(statement, (orjson.dumps(list(values)).decode(), *parameters)))

    def analyze(self) -> None:
        pass  # CROSS JOIN leaves it no choice to make badly

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return list(self._driver.execute(sql, parameters))


class PostgresqlBulk:
    """On the psycopg connection of the running transaction."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def reserve(self, sequence: str, count: int) -> Sequence[int]:
        return [n for (n,) in self.rows(f"SELECT nextval('{sequence}_ids') FROM generate_series(1, ?)", count)]

    def insert(self, table: str, columns: Columns, count: int) -> None:
        if not count:
            return
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        with self._driver.cursor() as cursor:
            cursor.execute("SAVEPOINT bulk")
            try:
                with cursor.copy(statement) as copy:
                    copy.write(copy_text(columns.values()))
            except self._driver.IntegrityError as error:
                cursor.execute("ROLLBACK TO SAVEPOINT bulk")
                raise IntegrityError(statement, None, error) from error
            cursor.execute("RELEASE SAVEPOINT bulk")

    def update(self, table: str, columns: Columns, count: int) -> None:
        if not count:
            return
        names = list(columns)
        changed = [name for name in names if name != "id"]
        with self._driver.cursor() as cursor:
            cursor.execute(
                f"CREATE TEMP TABLE staged ON COMMIT DROP AS SELECT {', '.join(names)} FROM {table} WITH NO DATA"
            )
            with cursor.copy(f"COPY staged ({', '.join(names)}) FROM STDIN") as copy:
                copy.write(copy_text(columns.values()))
            cursor.execute("ANALYZE staged")  # else the planner walks the whole table per staged row
            sets = ", ".join(f"{name} = staged.{name}" for name in changed)
            cursor.execute(f"UPDATE {table} SET {sets} FROM staged WHERE {table}.id = staged.id")
            cursor.execute("DROP TABLE staged")

    def found(self, wanted: Wanted, values: Sequence[str | int], *parameters: Any) -> list[tuple[Any, ...]]:
        if not values:
            return []
        kind = _KINDS[wanted.kind]
        alias = wanted.table.split()[-1]
        # OFFSET 0 keeps the planner from turning the join round: of a table that was never
        # analysed it believes that one row answers, and would go through all of it per value.
        statement = (
            f"SELECT {wanted.columns} FROM (SELECT value, i - 1 AS i FROM unnest(?::{kind}[]) WITH ORDINALITY"
            " AS u(value, i)) AS w CROSS JOIN LATERAL"
            f" (SELECT {alias}.* FROM {wanted.table} WHERE {wanted.on} OFFSET 0) AS {alias} {wanted.more}"
        )
        return self.rows(statement, list(values), *parameters)

    def analyze(self) -> None:
        self.rows("ANALYZE contacts, contact_keys, vehicles, activities")

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self._driver.cursor() as cursor:
            cursor.execute(sql.replace("?", "%s"), parameters or None)
            return list(cursor.fetchall()) if cursor.description else []


_KINDS = {"text": "text", "id": "bigint", "digest": "uuid"}


def _row_tuples(columns: Iterable[Sequence[Any] | Same]) -> Iterable[tuple[Any, ...]]:
    return zip(*(repeat(c.value) if isinstance(c, Same) else c for c in columns), strict=False)


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_text(columns: Iterable[Sequence[Any] | Same]) -> str:
    """Rows in PostgreSQL's text COPY format, built a column at a time.

    A column is searched for characters that need escaping as one text; only a column that
    has some pays for a translation of each of its cells.
    """
    printed = [repeat(_cell(c.value)) if isinstance(c, Same) else _cells(c) for c in columns]
    return "\n".join(map("\t".join, zip(*printed, strict=False))) + "\n"


def _cells(values: Sequence[Any]) -> list[str]:
    blanks = 0
    cells: list[str] = []
    for value in values:
        if value is None:
            blanks += 1
            cells.append("\\N")
        else:
            cells.append(value if type(value) is str else str(value))
    joined = "\t".join(cells)
    plain = (
        joined.count("\t") == len(cells) - 1
        and joined.count("\\") == blanks
        and "\n" not in joined
        and "\r" not in joined
    )
    return cells if plain else [_cell(value) for value in values]


def _cell(value: Any) -> str:
    return "\\N" if value is None else str(value).translate(_ESCAPES)
