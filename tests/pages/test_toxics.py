"""Group E: the network between us and an API fails in twelve ways, at the login, a page, what belongs to it, the end.

The run may fail, never hang; and once the network is well, the next one makes everything whole, each record once.
TLS all the way: a byte that is flipped on the way is an error and no datum.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.pages.things import NAMED, dealer
from tests.servers.toxic import TOXICS, Toxic
from tests.store.shop import Moved
from tests.transports.http.room import Api, Asked, Said
from tests.transports.http.test_tls import HERE, certificate

# By the number of the connection: each request has one of its own.
STAGES = {"login": 1, "first page": 2, "include": 3, "next page": 5, "later include": 6, "last page": 8}
AT_CI = ("first page", "include")
LENGTHS = {"early": 900, "in the reply": 3_500}  # bytes of the server, TLS among them
ROWS = [{"id": str(number), "name": "x" * 3_000, "maker": f"m{number}"} for number in range(5)]


class Real(Moved):
    """Waits pass at once, deadlines are real."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return self.moment


def answers(asked: Asked) -> Said:
    if asked.path == "/token":
        return Said({"access_token": "invented", "expires_in": 3600}, headers={"Connection": "close"})
    if "makers" in asked.path:
        return Said({"name": "Doe", "more": "y" * 3_000}, headers={"Connection": "close"})
    skip = int(asked.query["skip"])
    return Said({"data": ROWS[skip : skip + 2], "total": len(ROWS)}, headers={"Connection": "close"})


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, str]]:
    context, vouching = certificate(tmp_path_factory.mktemp("tls"), HERE, 30)
    with Api(answers, context).running() as api:
        yield api, vouching


CASES = [
    pytest.param(toxic, stage, where, marks=() if is_ci else pytest.mark.nightly, id=f"{toxic}, {stage}, {where}")
    for toxic in TOXICS
    for stage in STAGES
    for where in LENGTHS
    for is_ci in [stage in AT_CI and where == "in the reply"]
]


@pytest.mark.fault("H7", "H11")
@pytest.mark.parametrize(("toxic", "stage", "where"), CASES)
def test_group_e_whatever_the_network_does_everything_comes_once(
    tmp_path: Path,
    sqlite_url: str,
    far: tuple[Api, str],
    held: Callable[[str, int, int], None],
    toxic: str,
    stage: str,
    where: str,
) -> None:
    api, vouching = far
    held("group E", 0, 1)
    with Toxic(int(api.url.rpartition(":")[2]), toxic, STAGES[stage], LENGTHS[where]) as way:
        # A deadline is waited for only where nothing else ends it.
        ends = toxic in ("silent", "black hole", "drip")
        shop = dealer(tmp_path, sqlite_url, api, **parts(way.port, vouching, "1s" if ends else "60s"))
        shop.world = replace(shop.world, clock=Real())
        shop.run()
        way.heals()
        written = shop.home / "feeds" / "vendors" / "shop" / "things.yaml"
        written.write_text(written.read_text().replace("timeout: 1s", "timeout: 60s"))
        report = shop.run()
    assert report.outcome in ("ok", "empty"), report.issues
    assert {key: each["name"] for key, each in shop.activities().items()} == {row["id"]: row["name"] for row in ROWS}
    assert shop.rows("SELECT count(*) FROM activities") == [(len(ROWS),)]
    assert {row[0] for row in shop.rows("SELECT state FROM deliveries")} <= {"done", "vanished"}
    held("group E", 1, 0)


def parts(port: int, vouching: str, timeout: str) -> dict[str, Any]:
    base = f"https://127.0.0.1:{port}"
    auth = {"type": "oauth2", "grant": "clientCredentials", "tokenUrl": f"{base}/token", "clientId": "me"}
    return {
        "fields": {**NAMED, "maker": {"path": "maker.name"}},
        "contact": {"fields": {"lastName": "maker"}},
        "transport": {
            **{"baseUrl": base, "ca": vouching, "timeout": timeout, "auth": auth},
            "pagination": {"type": "offset", "param": "skip", "size": 2, "total": "total"},
            "include": {"maker": {"url": "/makers/${record.maker}"}},
        },
    }
