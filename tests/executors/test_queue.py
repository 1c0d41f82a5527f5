"""What only the queue has: lanes as jobs, workers that are silent, and machines whose definitions differ."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.due import Last
from engine.store import database, queue, shape, slots
from engine.store.database import Engine
from engine.store.queue import Wanted
from engine.world import stamp
from tests.cli.shell import DEALER, FEED, Shell, sale
from tests.executors.conftest import Executor
from tests.scheduler.conftest import Log
from tests.web.receiver import listening, serving

NOW = datetime(2022, 6, 1, 12, tzinfo=UTC)
NAMES = ("acme/one", "acme/two", "acme/three")


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    """A store where three feeds have been met, and a queue beside it."""
    made = database.connect(postgres_url)
    shape.prepare(made)
    queue.prepare(made)
    slots.met(made, NAMES, stamp(NOW))
    yield made
    made.dispose()


def wanted(engine: Engine, name: str, minutes: int = 1, lock: str = "host") -> Wanted:
    return Wanted(name, stamp(NOW + timedelta(minutes=minutes)), slots.known(engine)[name], lock)


def put(engine: Engine, *all_: Wanted) -> dict[str, int]:
    return queue.put(engine, all_, stamp(NOW))


def test_feeds_of_one_lane_are_one_job_and_their_slots_are_begun_with_it(engine: Engine) -> None:
    first, second, third = (wanted(engine, name) for name in NAMES)
    found = put(engine, first, second, third._replace(lock="other host"))
    assert found["acme/one"] == found["acme/two"] != found["acme/three"]
    assert set(slots.known(engine).values()) == {Last(NOW + timedelta(minutes=1), has_ended=False)}
    job = queue.take(engine, queue.register(engine))
    assert job is not None
    assert job.feeds == {"acme/one": first.slot, "acme/two": second.slot}


def test_a_slot_is_put_once_whoever_asks(engine: Engine) -> None:
    asked = wanted(engine, "acme/one")
    assert put(engine, asked) == put(engine, asked)
    job = queue.take(engine, queue.register(engine))
    assert job is not None
    assert put(engine, asked) == {"acme/one": job.number}  # at work
    queue.finish(engine, {job.number: {}})
    assert put(engine, asked) == {}  # what was asked for with old news


def test_a_lane_has_one_job_at_work_and_one_that_waits(engine: Engine) -> None:
    worker = queue.register(engine)
    put(engine, wanted(engine, "acme/one"))
    running = queue.take(engine, worker)
    assert running is not None
    assert "acme/two" in put(engine, wanted(engine, "acme/two"))
    assert queue.take(engine, worker) is None
    assert put(engine, wanted(engine, "acme/three")) == {}  # behind the one that waits already
    queue.finish(engine, {running.number: {}})
    assert queue.take(engine, worker) is not None


def test_a_job_tells_every_scheduler_which_of_its_feeds_could_not_be_run(engine: Engine) -> None:
    put(engine, wanted(engine, "acme/one"), wanted(engine, "acme/two"))
    job = queue.take(engine, queue.register(engine))
    assert job is not None
    queue.finish(engine, {job.number: {"acme/one": True}})
    assert queue.standing(engine) == (set(), {job.number: {"acme/one": True}})
    before = slots.known(engine)["acme/one"]
    assert not before.has_ended
    assert put(engine, Wanted("acme/one", stamp(before.slot), before, "host"))


def test_what_is_woken_is_in_one_job_at_a_time_and_begins_no_slot(engine: Engine) -> None:
    woken = Wanted("acme/one", None, None, "host")
    found = put(engine, woken)
    worker = queue.register(engine)
    assert put(engine, woken) == found
    job = queue.take(engine, worker)
    assert job is not None
    assert job.feeds == {"acme/one": None}
    assert put(engine, woken) == found
    assert slots.known(engine)["acme/one"] == Last(NOW)


def test_what_was_with_a_silent_worker_can_be_put_again(engine: Engine) -> None:
    asked = wanted(engine, "acme/one")
    put(engine, asked)
    worker = queue.register(engine)
    queue.take(engine, worker)
    assert queue.swept(engine, silence=60) == []
    assert queue.beat(engine, worker)
    queue.leave(engine, worker)  # or, for one that was killed, its silence
    assert queue.swept(engine, silence=60) == ["acme/one"]
    assert not queue.beat(engine, worker)
    assert put(engine, asked._replace(before=slots.known(engine)["acme/one"]))


def test_a_transaction_that_fails_leaves_neither_job_nor_slot(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the process ends here")

    monkeypatch.setattr(queue.JobManager, "batch_defer_jobs", broken)
    with pytest.raises(RuntimeError):
        put(engine, wanted(engine, "acme/one"))
    assert slots.known(engine)["acme/one"] == Last(NOW)
    assert not queue.standing(engine).live


def test_two_feeds_of_one_login_never_run_beside_each_other_on_two_workers(make: Callable[[str], Executor]) -> None:
    """They read one folder here, which is a lane as well."""
    executor = make("queue")
    shell, log = executor.shell, executor.log
    shell.edit("feeds/vendors/shop/sales.yaml", "settle: 0s", "settle: 0s, shared: true")
    shell.write("feeds/dealers/acme.yaml", DEALER + "  - {uses: shop/sales, name: other}\n")
    with executor.running(), executor.worker():
        log.wait(lambda: len(log.of("feed.finished")) >= 6)
    at_work: list[object] = []
    for event, details in log.lines:
        if event == "feed.begun":
            assert not at_work, log.lines
            at_work.append(details["feed"])
        elif event == "feed.finished":
            at_work.remove(details["feed"])


def test_a_feed_that_a_workers_machine_does_not_know_holds_up_no_other(make: Callable[[str], Executor]) -> None:
    executor = make("queue")
    shell, log = executor.shell, executor.log
    shutil.copytree(shell.home / "feeds", shell.home / "elsewhere")
    shell.write("elsewhere/dealers/acme.yaml", DEALER)
    shell.put("sales.csv", sale("1"))
    with executor.running(worker_folder="elsewhere"):
        log.wait(lambda: len(log.of("feed.finished", FEED)) >= 2)
    assert [row.feed for row in shell.rows("SELECT feed FROM slots WHERE ended_at IS NOT NULL")] == [FEED]


@pytest.mark.nightly
def test_a_webhook_wakes_its_feed_on_a_worker_which_has_no_schedule(
    tmp_path: Path, postgres_url: str, log: Log
) -> None:
    executor = Executor("queue", listening(Shell(tmp_path, postgres_url)), log)
    with serving(executor.shell) as server, executor.running():
        assert server.hook("1").status == 200
        log.wait(lambda: len(log.of("delivery.done")) == 1)
        assert server.hook("2").status == 200
        log.wait(lambda: len(log.of("delivery.done")) == 2)
    assert sorted(row.key for row in executor.shell.rows("SELECT key FROM activities")) == ["1", "2"]
