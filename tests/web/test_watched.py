"""/metrics and /readyz: right whichever process worked, for this machine alone, and plain about what is missing."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from engine.cli import measuring
from engine.cli.settings import now
from engine.intake.inbox import inbox
from engine.language.project import Loader
from engine.scheduler.following import Following
from engine.store import database, shape
from engine.web.readiness import Readiness
from engine.web.server import Watched
from tests.cli.shell import DEALER, FEED, Shell
from tests.web.receiver import HOOKED, listening, serving

ROW = {"Customer": "C1", "First": "Robin", "Last": "Vale", "Email": "robin@example.com", "Phone": ""}
SALE = ROW | {"Number": "N1", "Date": "2022-01-28", "Amount": "12.50"}
NAMES = {  # as the operators' page has them
    *("feed_state", "feed_records_total", "feed_run_duration_seconds_count", "feed_run_duration_seconds_sum"),
    *("feed_last_success_timestamp_seconds", "feed_data_age_seconds", "feed_quarantine_open"),
    *("inbox_requests", "inbox_bytes", "export_outbox_depth", "scheduler_lag_seconds"),
}


def samples(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for each in family.samples:
            found.setdefault(each.name, {})[tuple(each.labels.values())] = each.value
    return found


@pytest.fixture
def site(tmp_path: Path, sqlite_url: str) -> Shell:
    site = Shell(tmp_path, sqlite_url)
    site.write("feeds/vendors/shop/hooked.yaml", HOOKED)
    site.write("feeds/dealers/acme.yaml", DEALER + "  - {uses: shop/hooked, enabled: false}\n")
    return site


@dataclass(frozen=True)
class Answer:
    status: int
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Client:
    """Somebody on another machine who asks for the two pages as `feeds serve` makes them, without its process."""

    app: Starlette

    def get(self, path: str) -> Answer:
        sent: list[Mapping[str, Any]] = []

        async def receive() -> Mapping[str, Any]:
            return {"type": "http.request"}

        async def send(message: Mapping[str, Any]) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
        asyncio.run(self.app({**scope, "client": ("192.0.2.1", 5)}, receive, send))  # type: ignore[arg-type]
        return Answer(sent[0]["status"], b"".join(each.get("body", b"") for each in sent).decode())


@pytest.fixture
def asked(site: Shell) -> Client:
    return client(site)


def client(site: Shell, labels: str = "names", is_open: bool = True) -> Client:
    engine = database.connect(site.database)
    shape.prepare(engine)
    loader, received = Loader(Path(site.environment["FEEDS_DIR"]), None), inbox(engine, site.home / "state")
    made = measuring.metrics(Following(loader.load, lambda *_: None), engine, received, labels)
    readiness = Readiness(engine, received, loader.load, now, lambda *_: None)
    return Client(Starlette(routes=Watched(made, readiness, lambda *_: None, is_open).routes()))


def test_what_other_processes_did_is_in_the_figures(site: Shell, asked: Client) -> None:
    site.imported(SALE, SALE | {"Number": "N2"}, SALE | {"Number": ""})
    site.imported(SALE, SALE | {"Number": "N2", "Amount": "13"}, name="again.csv")
    text = asked.get("/metrics").text
    found = samples(text)
    assert found.keys() >= NAMES
    records = {outcome: count for (feed, outcome), count in found["feed_records_total"].items() if feed == FEED}
    assert records == {"inserted": 2, "updated": 1, "unchanged": 1, "filtered": 0, "quarantined": 1}
    assert found["feed_quarantine_open"][(FEED,)] == 1
    assert found["feed_run_duration_seconds_count"][()] == 2
    assert found["feed_state"][("partial",)] == 1
    assert found["feed_state"][("disabled",)] == 1
    assert found["feed_data_age_seconds"][(FEED,)] < 600
    assert abs(found["feed_last_success_timestamp_seconds"][(FEED,)] - datetime.now(UTC).timestamp()) < 600
    assert not re.search("Vale|robin@|12.5", text)


def test_the_rows_of_a_replay_count_too(site: Shell, asked: Client) -> None:
    site.imported(SALE)
    assert site.feeds("replay", "--run", "1").code == 0
    found = samples(asked.get("/metrics").text)
    assert sum(found["feed_records_total"].values()) == 2


@pytest.mark.parametrize(("labels", "label"), [("ids", ("1", "inserted")), ("none", ("inserted",))])
def test_feeds_may_stand_there_without_their_names(site: Shell, labels: str, label: tuple[str, ...]) -> None:
    site.imported(SALE)
    text = client(site, labels).get("/metrics").text
    assert samples(text)["feed_records_total"][label] == 1
    assert "acme" not in text


def test_figures_are_for_this_machine_unless_they_are_opened(site: Shell) -> None:
    assert client(site, is_open=False).get("/metrics").status == 404
    assert client(site).get("/metrics").status == 200


def test_ready_says_what_is_missing_and_no_path(site: Shell, asked: Client) -> None:
    answer = asked.get("/readyz")
    assert (answer.status, answer.json()["status"]) == (200, "ready")
    assert answer.json()["checks"]["scheduler"] == "none runs"
    site.rows("SELECT 1")
    engine = database.connect(site.database)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    engine.dispose()
    (site.home / "state").rename(site.home / "elsewhere")
    (site.home / "state").write_text("a file where the folder was")
    answer = asked.get("/readyz")
    assert answer.status == 503
    checks = answer.json()["checks"]
    assert "feeds db upgrade" in checks["database"]
    assert "cannot keep a request" in checks["inbox"]
    assert checks["definitions"] == "ok"
    assert str(site.home) not in answer.text


def test_the_server_answers_them_counts_what_it_was_sent_and_turns_a_proxys_guest_away(
    tmp_path: Path, sqlite_url: str
) -> None:
    shell = listening(Shell(tmp_path, sqlite_url))
    with serving(shell) as server:
        assert server.hook("1").status == 200
        assert server.hook("1").status == 200
        assert server.hook("1", token="x" * 30).status in (401, 404)
        found = samples(server.ask("/metrics", method="GET").body.decode())
        assert found["webhook_deliveries_total"][("accepted",)] == 1
        assert found["webhook_deliveries_total"][("known",)] == 1
        assert found["inbox_requests"][()] == 1
        assert found["process_resident_memory_bytes"][()] > 0
        assert server.ask("/metrics", method="GET", headers={"x-forwarded-for": "192.0.2.1"}).status == 404
        assert json.loads(server.ask("/readyz", method="GET").body)["status"] == "ready"
