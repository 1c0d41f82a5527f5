from collections.abc import Iterator

import pytest

from tests.hooks.room import Orders
from tests.transports.http.room import Api


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
def api(orders: Orders) -> Iterator[Api]:
    with Api(orders.answers).running() as running:
        yield running
