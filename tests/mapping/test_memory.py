"""What a batch leaves in memory: nothing, for the collector is off while rows pass through."""

import gc

from tests.mapping.feeds import CONTEXT, activity, batch, column, feed, opened, stream

NUMBER = column("number", "Number")
AMOUNT = column("amount", "Amount", type="money")


def test_damaged_records_leave_no_circles_behind() -> None:
    mapping = opened(
        feed(stream(NUMBER, AMOUNT, activities=[activity("number", values=["amount"])])), ["Number", "Amount"]
    )
    rows = [[str(number), "no amount"] for number in range(200)]
    (portion,) = mapping.portions(batch(rows))
    mapping.map(portion, range(200), CONTEXT)  # what is made once, for the first damaged record
    gc.collect()
    gc.disable()
    try:
        ((_, made),) = mapping.map(portion, range(200), CONTEXT)
        assert len(made.faults) == 200
        del made
        assert gc.collect() < 50
    finally:
        gc.enable()
