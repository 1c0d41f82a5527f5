"""What every executor holds to: threads in one process and workers on many run the same feeds by the same rules.

What may take a while is waited for; nothing here counts on being quick.
"""

import socket
from datetime import UTC, datetime

import pytest

from engine.world import stamp
from tests.cli.shell import DEALER, FEED, sale
from tests.executors.conftest import Executor

OTHER = "acme/other"
FAR = """\
  - uses: shop/sales
    name: far-N
    override:
      transport:
        {type: ftp, insecure: true, host: 127.0.0.1, port: PORT, username: acme, directory: /N,
         auth: {type: password, password: '${secret.ACME_PASSWORD}'}}
"""


def test_what_lies_there_is_imported_when_its_time_comes(executor: Executor) -> None:
    shell, log = executor.shell, executor.log
    shell.put("sales.csv", sale("1"))
    with executor.running():
        log.wait(lambda: len(log.of("delivery.done")) == 1)
        shell.put("more.csv", sale("2"))
        log.wait(lambda: len(log.of("delivery.done")) == 2)
    assert sorted(row.key for row in shell.rows("SELECT key FROM activities")) == ["1", "2"]


def test_two_schedulers_run_each_slot_once(executor: Executor) -> None:
    log = executor.log
    with executor.running(), executor.running():
        log.wait(lambda: len(log.of("feed.begun", FEED)) >= 4)
    begun = [(each["feed"], each["slot"]) for each in log.of("feed.begun")]
    assert len(begun) == len(set(begun))


def test_a_mistake_leaves_feeds_as_they_were_and_is_told(executor: Executor) -> None:
    shell, log = executor.shell, executor.log
    with executor.running():
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
    "entry",
    [
        pytest.param("", id="gone"),
        pytest.param("  - {uses: shop/sales, name: other, enabled: false}\n", id="disabled", marks=pytest.mark.nightly),
    ],
)
def test_a_feed_that_is_taken_out_runs_no_more(executor: Executor, entry: str) -> None:
    shell, log = executor.shell, executor.log
    with executor.running():
        log.wait(lambda: bool(log.of("feed.begun", OTHER)))
        shell.write("feeds/dealers/acme.yaml", DEALER + entry)
        everyone = 1 if executor.name == "local" else 2
        log.wait(lambda: sum(not each["mistakes"] for each in log.of("definitions.read")) >= everyone)
        read, begun = stamp(datetime.now(UTC)), len(log.of("feed.begun", FEED))
        log.wait(lambda: len(log.of("feed.begun", FEED)) > begun + 2)
    assert max(str(each["slot"]) for each in log.of("feed.begun", OTHER)) <= read


def test_a_paused_feed_is_left_alone_while_others_run(executor: Executor) -> None:
    log = executor.log
    assert executor.shell.feeds("pause", OTHER, "--reason", "new system").code == 0
    with executor.running():
        log.wait(lambda: len(log.of("feed.begun", FEED)) >= 3)
    assert not log.of("feed.begun", OTHER)


def test_a_host_that_hangs_delays_no_other_and_ends_with_its_connection(executor: Executor) -> None:
    shell, log = executor.shell, executor.log
    silent = socket.create_server(("127.0.0.1", 0))
    far = FAR.replace("PORT", str(silent.getsockname()[1]))
    shell.write("feeds/dealers/acme.yaml", DEALER + far.replace("N", "1") + far.replace("N", "2"))
    with executor.running():
        hung, _ = silent.accept()
        log.wait(lambda: len(log.of("feed.begun", FEED)) >= 3)
        begun = [str(each["feed"]) for each in log.of("feed.begun") if "far" in str(each["feed"])]
        assert len(begun) == 1  # the other one has to wait for it
        hung.close()
        silent.close()
        log.wait(lambda: bool(log.of("feed.putOff")))


def test_a_run_past_its_timeout_is_ended(executor: Executor) -> None:
    shell, log = executor.shell, executor.log
    shell.edit("feeds/vendors/shop/sales.yaml", "every: 1s", "every: 1s, timeout: 1s")
    shell.edit("feeds/vendors/shop/sales.yaml", "settle: 0s", "settle: 5m")
    shell.put("sales.csv", sale("1"))
    with executor.running():
        log.wait(lambda: bool(log.of("feed.finished", FEED)))
    assert {row.code for row in shell.rows("SELECT code FROM issues")} == {"engine.runOverdue"}
