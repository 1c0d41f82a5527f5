"""The scheduler in one process: threads, real files, definitions that change, and hosts that hang.

What may take a while is waited for; nothing here counts on being quick.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from engine.executors.local import Local
from engine.language.project import Loader
from engine.scheduler.following import Following
from engine.store.in_turn import InTurn
from engine.world import World, stamp
from tests.cli.shell import DEALER, FEED, Shell, sale
from tests.scheduler.conftest import PATIENCE, Log, opened

OTHER = "acme/other"
TWO = DEALER + "  - {uses: shop/sales, name: other, override: {transport: {directory: OTHER}}}\n"
FAR = """\
  - uses: shop/sales
    name: far-N
    override:
      transport:
        {type: ftp, insecure: true, host: 127.0.0.1, port: PORT, username: acme, directory: /N,
         auth: {type: password, password: '${secret.ACME_PASSWORD}'}}
"""


@pytest.fixture
def shell(shell: Shell) -> Shell:
    """Two feeds that run each second, each with a folder of its own."""
    shell.edit("feeds/vendors/shop/sales.yaml", "\nfields:", "\nschedule: {every: 1s}\nfields:")
    (shell.home / "other").mkdir()
    shell.write("feeds/dealers/acme.yaml", TWO.replace("OTHER", str(shell.home / "other")))
    return shell


@contextmanager
def scheduler(shell: Shell, log: Log) -> Iterator[World]:
    """One that runs beside the test; at its end it has to stop."""
    with opened(shell, log) as world:
        following = Following(Loader(shell.home / "feeds").load, log.note)
        local = Local(world, following, lambda: world.secrets, threads=4, per_login=1)
        thread = threading.Thread(target=local.run, daemon=True)
        thread.start()
        try:
            yield world
        finally:
            local.stop()
            thread.join(PATIENCE)
        assert not thread.is_alive()


def test_what_lies_there_is_imported_when_its_time_comes(shell: Shell, log: Log) -> None:
    shell.put("sales.csv", sale("1"))
    with scheduler(shell, log):
        log.wait(lambda: len(log.of("delivery.done")) == 1)
        shell.put("more.csv", sale("2"))
        log.wait(lambda: len(log.of("delivery.done")) == 2)
    assert sorted(row.key for row in shell.rows("SELECT key FROM activities")) == ["1", "2"]


def test_two_schedulers_run_each_slot_once(shell: Shell, log: Log) -> None:
    with scheduler(shell, log), scheduler(shell, log):
        log.wait(lambda: len(log.of("feed.begun", FEED)) >= 4)
    begun = [(each["feed"], each["slot"]) for each in log.of("feed.begun")]
    assert len(begun) == len(set(begun))


def test_a_mistake_leaves_feeds_as_they_were_and_is_told(shell: Shell, log: Log) -> None:
    with scheduler(shell, log):
        log.wait(lambda: bool(log.of("feed.begun")))
        shell.edit("feeds/vendors/shop/sales.yaml", "{column: Number, ", "{colum: Number, ")
        log.wait(lambda: bool(log.of("definitions.read")))
        shell.put("sales.csv", sale("1"))
        log.wait(lambda: bool(log.of("delivery.done")))
        shell.edit("feeds/vendors/shop/sales.yaml", "{colum: Number, ", "{column: Number, ")
        log.wait(lambda: not log.of("definitions.read")[-1]["mistakes"])
    wrong, mended = log.of("definitions.read")[0], log.of("definitions.read")[-1]
    assert (wrong["level"], wrong["asBefore"]) == ("error", [OTHER, FEED])
    assert (mended["level"], mended["asBefore"]) == ("info", [])
    assert "vendors/shop/sales.yaml:" in str(log.of("definition.invalid")[0]["where"])


@pytest.mark.parametrize(
    "entry", ["", "  - {uses: shop/sales, name: other, enabled: false}\n"], ids=["gone", "disabled"]
)
def test_a_feed_that_is_taken_out_runs_no_more(shell: Shell, log: Log, entry: str) -> None:
    with scheduler(shell, log):
        log.wait(lambda: bool(log.of("feed.begun", OTHER)))
        shell.write("feeds/dealers/acme.yaml", DEALER + entry)
        log.wait(lambda: bool(log.of("definitions.read")) and not log.of("definitions.read")[-1]["mistakes"])
        read, begun = stamp(datetime.now(UTC)), len(log.of("feed.begun", FEED))
        log.wait(lambda: len(log.of("feed.begun", FEED)) > begun + 2)
    assert max(str(each["slot"]) for each in log.of("feed.begun", OTHER)) <= read


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


def test_a_paused_feed_is_left_alone_while_others_run(shell: Shell, log: Log) -> None:
    assert shell.feeds("pause", OTHER, "--reason", "new system").code == 0
    with scheduler(shell, log):
        log.wait(lambda: len(log.of("feed.begun", FEED)) >= 3)
    assert not log.of("feed.begun", OTHER)


def test_a_host_that_hangs_delays_no_other_and_ends_with_its_connection(shell: Shell, log: Log) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    far = FAR.replace("PORT", str(silent.getsockname()[1]))
    shell.write("feeds/dealers/acme.yaml", DEALER + far.replace("N", "1") + far.replace("N", "2"))
    with scheduler(shell, log):
        hung, _ = silent.accept()
        log.wait(lambda: len(log.of("feed.begun", FEED)) >= 3)
        begun = [str(each["feed"]) for each in log.of("feed.begun") if "far" in str(each["feed"])]
        assert len(begun) == 1  # the other one has to wait for it
        hung.close()
        silent.close()
        log.wait(lambda: bool(log.of("feed.putOff")))


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
