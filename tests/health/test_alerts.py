"""Who is told, of what, when and how often: real receivers, a clock that is moved by hand."""

import random
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.alerting.incidents import is_quiet
from engine.alerting.watching import Watch
from engine.language.alerts import Quiet
from engine.language.project import Project, load_named
from engine.language.secrets import Secrets
from engine.language.values import zone
from engine.scheduler.plans import planned
from engine.store import incidents
from engine.world import World, open_world, stamp
from tests.cli.shell import DEFINITION, FEED, Shell
from tests.health.receivers import Receiver, mail_server, receiver
from tests.scheduler.conftest import OWNER, Clock, Log

FAR = DEFINITION.replace(
    "{type: file, directory: INCOMING,",
    "{type: sftp, host: sftp.example.com, username: feeds, hostKey: 'SHA256:x', directory: '${params.folder}',"
    " auth: {type: password, password: '${secret.FAR}'},",
).replace("title: Sales of a shop\n", "title: Far\nparams: {folder: {type: string, required: true}}\n")
HERE, THERE = ["acme/here-1", "acme/here-2"], [f"acme/there-{n}" for n in range(5)]
ALERTS = """\
version: 1
kind: alerts
channels:
  desk: {{type: webhook, url: '{url}', token: '${{secret.DESK}}', allowPrivate: [127.0.0.1]}}
routes:
  - {{to: [desk]{route}}}
wait: 10m
"""


_RUN = (
    "INSERT INTO last_runs SELECT id, 1, :now, 'ok', 1, :now, CAST(:since AS VARCHAR), 1, :outcome,"
    " CAST(:code AS VARCHAR) FROM feeds WHERE name = :name"
)


class Scene:
    """A project whose feeds are well or not, as a test says, and the one who is told."""

    def __init__(self, shell: Shell, told: Receiver) -> None:
        self.shell, self.told = shell, told
        shell.write("feeds/vendors/shop/far.yaml", FAR)
        entries = [
            f"  - {{uses: shop/sales, name: here-{n}, override: {{transport: {{directory: /h{n}}}}}}}" for n in (1, 2)
        ]
        entries += [
            f"  - {{uses: shop/far, name: there-{n}, params: {{folder: f{n}}}, tags: [t{n}]}}" for n in range(5)
        ]
        header = "version: 1\nkind: dealer\nname: acme\ntitle: Acme\ntimezone: America/New_York\nfeeds:\n"
        shell.write("feeds/dealers/acme.yaml", header + "\n".join(entries) + "\n")
        self.rules()
        self.secrets = Secrets({"FEEDS_SECRET_DESK": "canary-desk-token"}, None)
        self.clock, self.log = Clock(), Log()
        self.worlds = [self._world() for _ in range(2)]
        for name in (*HERE, *THERE):
            self.worlds[0].journal.register(self.project.feeds[name])

    def _world(self) -> World:
        made = open_world(self.shell.database, Path(self.shell.environment["FEEDS_STATE_DIR"]), self.secrets)
        return replace(made, clock=self.clock, note=self.log.note, owner=OWNER)

    def rules(self, route: str = "", more: str = "") -> None:
        self.shell.write("feeds/alerts/desk.yaml", ALERTS.format(url=self.told.url, route=route) + more)
        self.project: Project = load_named(self.shell.home / "feeds", None)
        assert self.project.findings == ()
        self.plans = {name: planned(name, made) for name, made in self.project.made.items()}

    def watch(self, number: int = 0) -> Watch:
        return Watch(self.worlds[number], lambda: self.secrets)

    def round(self, watch: Watch, minutes: float = 0) -> None:
        self.clock.sleep(minutes * 60)
        watch.round(self.plans, self.project)

    def set(self, name: str, code: str | None, outcome: str = "failed") -> None:
        """Its last run: failed with this code, or went well."""
        now = stamp(self.clock.now())
        values = {"now": now, "since": None if code is None else now, "outcome": outcome, "code": code, "name": name}
        with self.worlds[0].engine.begin() as connection:
            connection.execute(
                text("DELETE FROM last_runs WHERE feed_id IN (SELECT id FROM feeds WHERE name = :name)"), values
            )
            connection.execute(text(_RUN), values)


@contextmanager
def staged(shell: Shell) -> Iterator[Scene]:
    with receiver() as told:
        made = Scene(shell, told)
        yield made
        for world in made.worlds:
            world.engine.dispose()


@pytest.fixture
def scene(shell: Shell) -> Iterator[Scene]:
    with staged(shell) as made:
        yield made


@pytest.fixture
def everywhere(both: Shell) -> Iterator[Scene]:
    """The same on both databases."""
    with staged(both) as made:
        yield made


def test_an_incident_is_told_once_after_its_wait_and_its_end_once(everywhere: Scene) -> None:
    scene = everywhere
    watch = scene.watch()
    scene.set(HERE[0], "decode.header")
    for _ in range(3):
        scene.round(watch, 4)
    assert scene.told.posted == [], "it has not stood for ten minutes"
    for _ in range(3):
        scene.round(watch, 4)
    (message,) = scene.told.posted
    (one,) = message["incidents"]
    assert (message["event"], one["state"], one["subject"], one["feeds"]) == ("opened", "failed", HERE[0], [HERE[0]])
    assert "(decode.header): `feeds runs show 1` says why" in one["sentence"]
    assert scene.told.headers[0]["Authorization"] == "Bearer canary-desk-token"
    scene.set(HERE[0], None)
    for _ in range(3):
        scene.round(watch, 4)
    assert [each["event"] for each in scene.told.posted] == ["opened", "recovered"]
    assert scene.told.posted[1]["incidents"][0]["ending"] == "healthy"
    assert "canary" not in str(scene.log.lines)


def test_what_passes_by_itself_is_nobodys_affair(scene: Scene) -> None:
    watch = scene.watch()
    for minute in range(40):
        scene.set(HERE[0], "engine.fault" if minute % 8 < 4 else None)
        scene.round(watch, 1)
    assert scene.told.posted == []


def test_a_host_that_is_down_is_one_incident_however_many_feeds_it_has_and_when_they_notice(scene: Scene) -> None:
    watch = scene.watch()
    for name in THERE:
        scene.set(name, "transport.unreachable")
        scene.round(watch, 4)
    scene.round(watch, 30)
    (message,) = scene.told.posted
    (one,) = message["incidents"]
    assert one["subject"] == "sftp.example.com" and one["sentence"].startswith("4 feeds cannot reach sftp.example.com")
    for name in THERE:
        assert len(scene.told.posted) == 1, "it is over when the last feed gets through"
        scene.set(name, None)
        scene.round(watch, 4)
    assert scene.told.told("recovered") == scene.told.told("opened") == [one["id"]]


def test_many_incidents_of_one_moment_come_in_one_message(scene: Scene) -> None:
    watch = scene.watch()
    for name in (*HERE, *THERE):
        scene.set(name, "decode.header")
    scene.round(watch)
    scene.round(watch, 10)
    (message,) = scene.told.posted
    assert len(message["incidents"]) == 7


def test_a_pause_ends_an_incident_and_says_so(scene: Scene) -> None:
    watch = scene.watch()
    scene.set(HERE[0], "decode.header")
    scene.round(watch)
    scene.round(watch, 10)
    with scene.worlds[0].engine.begin() as connection:
        connection.exec_driver_sql("UPDATE feeds SET paused_at = '2022-06-01T12:00:00.000000Z', paused_reason = 'DMS'")
    scene.round(watch, 1)
    assert scene.told.posted[-1]["incidents"][0]["ending"] == "paused"


QUIET = ", quiet: {from: '20:00', until: '07:00', timezone: America/New_York}"


def test_quiet_hours_hold_back_what_still_stands_afterwards_and_drop_what_does_not(scene: Scene) -> None:
    scene.rules(route=QUIET)
    watch = scene.watch()
    scene.clock.moment = datetime(2022, 6, 2, 1, tzinfo=UTC)  # 21:00 in New York
    scene.set(HERE[0], "decode.header")
    scene.set(HERE[1], "decode.header")
    scene.round(watch)
    scene.round(watch, 60)
    scene.set(HERE[1], None)
    scene.round(watch, 8 * 60)
    assert scene.told.posted == []
    scene.round(watch, 60)  # 07:00
    assert [each["subject"] for each in scene.told.posted[0]["incidents"]] == [HERE[0]]
    assert len(scene.told.posted) == 1, "the other was over before anybody was told"


@pytest.mark.parametrize(
    ("moment", "expected"),
    [("19:59", False), ("20:00", True), ("23:59", True), ("00:00", True), ("06:59", True), ("07:00", False)],
)
def test_quiet_hours_pass_midnight_by_the_clock_of_their_zone(moment: str, expected: bool) -> None:
    york = zone("America/New_York")
    hours = Quiet(time(20), time(7), york, ("sun",))
    local = datetime.fromisoformat(f"2022-06-03T{moment}").replace(tzinfo=york)  # a Friday
    assert is_quiet(hours, local.astimezone(UTC)) is expected
    assert is_quiet(hours, local + timedelta(days=2)), "Sunday is quiet as a whole"


def test_a_route_tells_only_of_what_it_names(scene: Scene) -> None:
    scene.rules(route=", states: [failed], tags: [t3], dealers: [acme]")
    watch = scene.watch()
    for name in (HERE[0], THERE[2], THERE[3]):
        scene.set(name, "decode.header")
    scene.round(watch)
    scene.round(watch, 10)
    assert [each["subject"] for each in scene.told.posted[0]["incidents"]] == [THERE[3]]
    assert len(scene.told.posted) == 1


def test_a_channel_that_refuses_is_tried_again_later_and_later(scene: Scene) -> None:
    watch, scene.told.status = scene.watch(), 503
    scene.set(HERE[0], "decode.header")
    scene.round(watch)
    for _ in range(15):
        scene.round(watch, 5)
    refused = scene.log.of("alert.refused")
    assert 4 <= len(refused) <= 7 and "status 503" in str(refused[0]["reason"])
    scene.told.status = 200
    for _ in range(15):
        scene.round(watch, 5)
    assert len(scene.told.posted) == 1
    ((_, told),) = incidents.listed(scene.worlds[0].engine, True, 9)
    assert [(each["state"], each["error"]) for each in told] == [("sent", None)]


def test_what_a_dead_process_may_have_told_is_not_told_again_and_its_end_is(scene: Scene) -> None:
    engine, watch = scene.worlds[0].engine, scene.watch()
    scene.set(HERE[0], "decode.header")
    scene.round(watch)
    ((incident, _),) = incidents.listed(engine, True, 9)
    assert incidents.claim(engine, stamp(scene.clock.now()), [(incident, "desk/desk", "opened")])
    scene.round(scene.watch(1), 30)
    assert scene.told.posted == []
    assert "desk/desk perhaps" in scene.shell.feeds("alerts", "list").out
    scene.set(HERE[0], None)
    scene.round(scene.watch(1), 1)
    assert scene.told.told("recovered") == [incident.id]


def test_rules_with_a_mistake_leave_the_last_sound_ones_in_force(scene: Scene) -> None:
    watch = scene.watch()
    scene.round(watch)
    scene.set(HERE[0], "decode.header")
    scene.shell.edit("feeds/alerts/desk.yaml", "to: [desk]", "to: [dsk]")
    scene.project = load_named(scene.shell.home / "feeds", None)
    assert [(each.code, each.help) for each in scene.project.findings] == [("E090", "did you mean `desk`?")]
    scene.round(watch)
    scene.round(watch, 10)
    assert len(scene.told.posted) == 1


def test_the_ping_goes_out_while_rounds_are_made(scene: Scene) -> None:
    scene.rules(more=f"deadMan: {{url: '{scene.told.url}', every: 5m, allowPrivate: [127.0.0.1]}}\n")
    watch = scene.watch()
    for _ in range(20):
        scene.round(watch, 1)
    assert scene.told.calls == 4
    scene.told.status = 500
    scene.round(watch, 5)
    assert "status 500" in str(scene.log.of("ping.failed")[0]["reason"])


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(n, marks=pytest.mark.nightly) for n in range(2, 40))])
def test_over_any_history_each_incident_is_told_once_and_each_that_ended_has_its_recovery(
    scene: Scene, seed: int
) -> None:
    """Feeds fail and recover, processes start anew, two make their rounds at once, the receiver refuses now and then.

    With an odd seed nothing is refused: then what stood for ten minutes was told, and nothing else was.
    """
    chance, names = random.Random(seed), [*HERE, *THERE[:3]]  # noqa: S311  (a history, no secret)
    refuses = seed % 2 == 0
    watches = [scene.watch(0), scene.watch(1)]
    stood: dict[int, int] = {}
    codes = ["transport.unreachable", "decode.header", None, None, None]
    for _ in range(40):
        for name in chance.sample(names, chance.randrange(3)):
            scene.set(name, chance.choice(codes))
        scene.told.status = chance.choice([200, 503]) if refuses else 200
        if chance.random() < 0.2:
            watches[chance.randrange(2)] = scene.watch(chance.randrange(2))
        scene.clock.sleep(300)
        if chance.random() < 0.3:
            both = [threading.Thread(target=scene.round, args=(watch,)) for watch in watches]
            for thread in both:
                thread.start()
            for thread in both:
                thread.join()
        else:
            scene.round(watches[chance.randrange(2)])
        for incident, _ in incidents.listed(scene.worlds[0].engine, True, 99):
            stood[incident.id] = stood.get(incident.id, 0) + 1
    scene.told.status = 200
    for name in names:
        scene.set(name, None)
    for _ in range(4):
        scene.round(watches[0], 60)
    told, over = scene.told.told("opened"), scene.told.told("recovered")
    assert len(set(told)) == len(told) and len(set(over)) == len(over)
    assert sorted(told) == sorted(over)
    assert len(told) >= 3
    if not refuses:
        assert set(told) == {number for number, rounds in stood.items() if rounds >= 3}


# --- the commands, and the whole process ------------------------------------------------------


def test_a_test_goes_to_each_channel_by_mail_and_by_request(shell: Shell) -> None:
    with ExitStack() as stack:
        box, port = stack.enter_context(mail_server())
        told = stack.enter_context(receiver())
        rules = ALERTS.format(url=told.url, route="").replace(
            "routes:",
            f"  mail: {{type: email, host: 127.0.0.1, port: {port}, from: feeds@example.com,"
            " to: [desk@example.com], insecure: true}\nroutes:",
        )
        shell.write("feeds/alerts/desk.yaml", rules)
        lacking = shell.feeds("alerts", "test")
        assert (lacking.code, len(box.mails)) == (1, 1)
        assert "failed desk/desk  the secret DESK has no value" in lacking.out
        assert "missing  DESK  (alerts/desk)" in shell.feeds("secrets", "check").out
        shell.environment["FEEDS_SECRET_DESK"] = "canary-desk-token"
        done = shell.feeds("alerts", "test", "--format", "json")
        assert (done.code, [row["sent"] for row in done.json()]) == (0, [True, True])
        assert (box.mails[1]["Subject"], box.mails[1]["To"]) == ("[feeds] test", "desk@example.com")
        assert told.posted == [{"event": "test", "at": told.posted[0]["at"], "incidents": []}]
        box.code = 550
        refused = shell.feeds("alerts", "test", "desk/mail")
        assert (refused.code, refused.out) == (1, "failed desk/mail  the mail server refused the mail (code 550)\n")
        assert "did you mean desk/mail?" in shell.feeds("alerts", "test", "desk/mial").talk
    assert "canary" not in lacking.out + done.out


def test_a_password_never_leaves_without_tls_and_a_certificate_has_to_be_trusted(shell: Shell) -> None:
    with mail_server() as (box, port):
        secured = f"""\
version: 1
kind: alerts
channels:
  mail: {{type: email, host: localhost, port: {port}, username: feeds, password: '${{secret.MAIL}}',
    from: f@example.com, to: [d@example.com]}}
routes: [{{to: [mail]}}]
"""
        shell.write("feeds/alerts/desk.yaml", secured)
        shell.environment["FEEDS_SECRET_MAIL"] = "canary-mail-password"
        done = shell.feeds("alerts", "test")
        assert (done.code, box.mails) == (1, [])
        assert "cannot be reached (SMTPNotSupportedError)" in done.out, "the server has no TLS"


def test_a_scheduler_tells_and_pings_and_is_seen(shell: Shell) -> None:
    with receiver() as told:
        rules = (
            ALERTS.format(url=told.url, route="")
            .replace("wait: 10m", "wait: 0s")
            .replace(", token: '${secret.DESK}'", "")
        )
        shell.write(
            "feeds/alerts/desk.yaml", f"{rules}deadMan: {{url: '{told.url}', every: 1m, allowPrivate: [127.0.0.1]}}\n"
        )
        shell.write("in/bad.csv", "Number,Number\n1,2\n")
        assert shell.feeds("run", FEED).code == 1
        process = shell.started("scheduler", "run")
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if "alert.sent" in line:
                    break
            assert shell.feeds("scheduler", "status").code == 0
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()
        (one,) = told.posted[0]["incidents"]
        assert (one["subject"], one["state"]) == (FEED, "failed")
    assert shell.feeds("scheduler", "status", "--format", "json").json()["processes"] == []
    (listed,) = shell.feeds("alerts", "list", "--format", "json").json()
    assert [(each["channel"], each["event"], each["state"]) for each in listed["told"]] == [
        ("desk/desk", "opened", "sent")
    ]
