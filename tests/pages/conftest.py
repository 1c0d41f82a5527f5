from collections.abc import Callable, Iterator

import pytest

from tests.faults.counts import GROUP
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


@pytest.fixture
def held(record_property: Callable[[str, object], None]) -> Callable[[str, int, int], None]:
    """Tells how many of a group's cases held, for the lines at the end."""
    return lambda group, held, cases: record_property(GROUP, [group, held, cases])
