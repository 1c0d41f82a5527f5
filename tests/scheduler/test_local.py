"""What the scheduler follows, and the turn that its threads wait for to write."""

import threading

from engine.language.project import Loader
from engine.scheduler.following import Following
from engine.store.in_turn import InTurn
from tests.cli.shell import DEALER, Shell
from tests.scheduler.conftest import Log


def test_a_changed_file_costs_only_its_own_feeds_a_new_plan(shell: Shell, log: Log) -> None:
    shell.write(
        "feeds/dealers/bolt.yaml", DEALER.replace("acme", "bolt").replace("shop/sales", "shop/sales\n    name: b")
    )
    following = Following(Loader(shell.home / "feeds").load, log.note)
    assert following.look()
    before = following.plans
    assert not following.look()
    shell.edit("feeds/dealers/bolt.yaml", "Acme", "Bolt")
    assert following.look()
    assert {name for name in before if following.plans[name] is not before[name]} == {"bolt/b"}


def test_writers_get_their_turn_in_the_order_they_came() -> None:
    turn, order, threads = InTurn(), [], []
    with turn:
        for number in range(5):
            waits = threading.Event()

            def write(mine: int = number, waits: threading.Event = waits) -> None:
                waits.set()
                with turn:
                    order.append(mine)

            threads.append(threading.Thread(target=write))
            threads[-1].start()
            waits.wait()
            while len(turn._waiting) <= number:
                pass
        assert not order
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]
