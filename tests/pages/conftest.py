from collections.abc import Iterator

import pytest

from tests.pages.orders import Orders
from tests.transports.http.room import Api


@pytest.fixture
def orders() -> Orders:
    made = Orders()
    for number in range(8):
        made.add(number, number)
    return made


@pytest.fixture
def api(orders: Orders) -> Iterator[Api]:
    with Api(orders.answers).running() as running:
        yield running
