"""What is queued, what is kept back and by which rule, and what the other side gets."""

import json
import threading
from dataclasses import replace
from typing import Any

from engine.executors.outgoing import Outgoing
from engine.language.secrets import Secrets
from engine.runner import sweep
from tests.sending.room import DEALER, EXPORT, NAME, Receiver, Room, lead

EXCLUDES = "feeds/exports/leads/plain.yaml:7"


def test_a_run_sends_what_it_has_brought_and_says_what_it_kept_back(room: Room, receiver: Receiver) -> None:
    report = room.run(lead("1"), lead("2", Kind="sale"), lead("3", Kind="none"))
    assert receiver.counts() == {"1": 1}
    document = receiver.taken[0]["document"]
    assert document | {"id": 0} == {"id": 0, "key": "1", "name": "Vale", "amount": "12.50", "note": "From Acme: hello"}
    assert report["exports"] == [
        {"export": NAME, "sent": 1, "waits": "", **dict.fromkeys(("excluded", "suppressed", "failed"), 0)}
        | {"uncertain": 0, "dead": 0}
    ]
    (sent,) = room.items("--state", "sent")
    assert sent["receipt"] == {"id": None, "status": "200"}


def test_an_item_that_is_kept_back_names_the_rule_and_where_it_is_written(room: Room) -> None:
    room.run(lead("1"), lead("2", Kind="sale"))
    kept = {each["state"]: (each["reason"], each["rule"]) for each in room.items()}
    assert kept["excluded"][0] == "the export excludes the category sale"
    assert kept["excluded"][1].endswith(EXCLUDES)
    shown = room.feeds("exports", "outbox", "--state", "excluded").out
    assert EXCLUDES in shown


def test_a_replay_and_the_same_file_again_queue_nothing(room: Room, receiver: Receiver) -> None:
    room.run(lead("1"), lead("2"))
    room.run(lead("1"), lead("2"), lead("3"), name="again.csv")
    assert room.feeds("replay", "--run", "1").code == 0
    room.feeds("exports", "send")
    assert receiver.counts() == {"1": 1, "2": 1, "3": 1}
    assert len(room.items()) == 3


def test_a_held_activity_is_queued_when_it_is_released_and_counts_as_created(room: Room, receiver: Receiver) -> None:
    room.write("exports/leads/plain.yaml", EXPORT.replace("exclude: {categories: [sale]}\n", ""))
    room.edit("exports/leads/plain.yaml", "class: leads\n", "")
    room.run(lead("S1", Kind="held", After="L1"))
    assert room.items() == []
    room.run(lead("L1"), name="later.csv")
    assert receiver.counts() == {"L1": 1, "S1": 1}


def test_a_change_goes_out_by_its_fields_and_a_state_when_it_is_reached(room: Room, receiver: Receiver) -> None:
    messages = """\
messages:
  - {name: moved, event: {activities: [lead], is: changed, fields: [occurred]}, text: 'Now ${activity.occurred:%b %d}.'}
  - {name: won, event: {activities: [lead], state: won}, text: 'Thank you!'}
"""
    changed = EXPORT.replace("class: leads\n", "").replace("exclude: {categories: [sale]}\n", "")
    changed = changed.replace("event: {activities: [lead, sale], is: created}\n", messages)
    changed = changed.replace(
        "  note: {text: 'From ${dealer.title}: ${activity.fields.note}'}\n", "  text: {path: message.text}\n"
    )
    room.write("exports/leads/plain.yaml", f"{changed}key: [activity.id, activity.occurred]\n")
    room.run(lead("1"))
    room.run(lead("1", Note="other words"), name="b.csv")
    assert receiver.taken == []
    room.run(lead("1", Date="2024-05-03"), name="c.csv")
    room.run(lead("1", Date="2024-05-09", State="won"), name="d.csv")
    room.run(lead("1", Date="2024-05-09", State="won", Note="and so on"), name="e.csv")
    texts = [each["document"]["text"] for each in receiver.taken]
    assert texts == ["Now May 03.", "Now May 09."]  # of one happening the first message that fits
    assert [each["message"] for each in room.items()] == ["moved", "moved"]


TEXT = """\
version: 1
kind: export
title: Texts
params: {url: {type: url, required: true}}
consent: texting
messages:
  - name: hello
    event: {activities: [lead], is: created}
    if: activity.fields.amount > `10`
    forbid: ['https?://']
    text: 'Hello: ${activity.fields.note}'
encode: {format: json}
transport: {type: http, url: '${params.url}', allowPrivate: [127.0.0.1]}
"""


def test_a_text_is_suppressed_with_its_reason_and_the_line_of_the_rule(room: Room, receiver: Receiver) -> None:
    room.write("exports/leads/plain.yaml", TEXT)
    link = "tell a friend: https://x.example"
    rows = {"1": {}, "2": {"Texts": ""}, "3": {"Texts": "false"}, "4": {"Amount": ""}, "5": {"Amount": "9.99"}}
    receiver.answer = lambda taken: (201, "{}")
    room.put(*(lead(key, **changes) for key, changes in rows.items()), lead("6", Note=link))
    room.feeds("run", "--all")
    assert [each["document"]["text"] for each in receiver.taken] == ["Hello: hello"]
    no_consent = ("the contact has not given its consent (allowText)", 5)
    no_amount = ("its condition does not hold: activity.fields.amount > `10`", 9)
    told = ("its text has what is forbidden: https?://", 10)
    items = room.items("--state", "suppressed")
    found = [(each["reason"], int(each["rule"].rpartition(":")[2])) for each in items]
    assert found == [no_consent, no_consent, no_amount, no_amount, told]
    assert {each["rule"].rpartition(":")[0] for each in items} == {str(room.home / "feeds/exports/leads/plain.yaml")}


def test_what_is_due_goes_out_on_its_day_once_and_not_when_it_is_over(room: Room, receiver: Receiver) -> None:
    room.edit(
        "exports/leads/plain.yaml",
        "event: {activities: [lead, sale], is: created}",
        "event: {activities: [lead], is: due}",
    )
    now = room.clock.now()
    days = {"past": (0, "open"), "old": (-90, "open"), "coming": (2, "open")}
    rows = [
        lead(key, Due=f"{now.fromtimestamp(now.timestamp() + 86_400 * ahead):%Y-%m-%d}")
        for key, (ahead, _) in days.items()
    ]
    room.run(*rows)
    room.clock.sleep(86_400)  # whatever day it is over there, today is over
    room.send()
    room.send()
    assert receiver.counts() == {"past": 1}
    room.clock.sleep(3 * 86_400)
    room.send()
    assert receiver.counts() == {"past": 1, "coming": 1}


# --- sending --------------------------------------------------------------------------------


def test_a_destination_that_is_away_is_asked_again_later_and_loses_nothing(
    room: Room, receiver: Receiver, deaf: str
) -> None:
    room.edit("dealers/acme.yaml", receiver.url, deaf)
    report = room.run(lead("1"), lead("2"))
    assert report["exports"][0]["failed"] == 1  # the first tried; the breaker keeps the rest from trying
    assert room.states() == ["failed", "queued"]
    assert room.feeds("exports", "send").code == 4
    room.edit("dealers/acme.yaml", deaf, receiver.url)
    room.send()
    assert receiver.counts() == {"1": 1, "2": 1}
    assert room.states() == ["sent", "sent"]


def test_one_destination_that_is_away_delays_no_other(room: Room, receiver: Receiver, deaf: str) -> None:
    room.write(
        "dealers/acme.yaml",
        DEALER.replace("URL", deaf) + f"  - {{uses: leads/plain, name: other, params: {{url: '{receiver.url}'}}}}\n",
    )
    room.run(lead("1"))
    assert receiver.counts() == {"1": 1}
    assert {each["export"]: each["state"] for each in room.items()} == {NAME: "failed", "acme/other": "sent"}


def test_a_stumbling_receiver_is_asked_again_after_1_and_2_minutes_then_it_is_given_up(
    room: Room, receiver: Receiver
) -> None:
    receiver.answer = lambda taken: (500, "{}")
    room.run(lead("1"))
    for wait, tries in ((0, 1), (61, 2), (0, 2), (121, 3), (3_600, 3)):
        room.clock.sleep(wait)
        room.send()
        assert len(receiver.taken) == tries, wait
    (item,) = room.items()
    assert item["state"] == "dead"
    assert item["reason"].startswith("given up after 3 tries")
    receiver.answer = lambda taken: (200, "{}")
    assert room.feeds("exports", "retry", str(item["id"])).code == 0
    room.send()
    assert room.states() == ["sent"]
    assert room.feeds("exports", "retry", str(item["id"])).code == 1


def test_a_refusal_is_not_sent_again_by_itself(room: Room, receiver: Receiver) -> None:
    receiver.answer = lambda taken: (422, '{"error": "no such lot"}')
    room.put(lead("1"))
    done = room.feeds("run", "--all")
    assert done.code == 3
    assert "1 item of what goes out needs attention: feeds exports outbox --state dead" in " ".join(done.out.split())
    room.clock.sleep(86_400)
    room.send()
    assert len(receiver.taken) == 1
    assert room.states() == ["dead"]


def test_an_older_item_of_an_activity_is_never_overtaken(room: Room, receiver: Receiver) -> None:
    room.edit("exports/leads/plain.yaml", "is: created}", "is: changed}")
    room.write(
        "exports/leads/plain.yaml",
        (room.home / "feeds/exports/leads/plain.yaml").read_text() + "key: [activity.version]\n",
    )
    room.run(lead("1"))
    receiver.answer = lambda taken: (500, "{}")
    room.run(lead("1", Note="first"), name="b.csv")
    room.run(lead("1", Note="second"), name="c.csv")
    assert room.states() == ["failed", "queued"]
    receiver.answer = lambda taken: (200, "{}")
    room.clock.sleep(61)
    room.send()
    assert room.states() == ["sent", "sent"]
    assert [each["document"]["note"] for each in receiver.taken[1:]] == ["From Acme: second"] * 2


def test_a_disabled_export_queues_nothing_and_holds_what_waits(room: Room, receiver: Receiver) -> None:
    receiver.answer = lambda taken: (500, "{}")
    room.run(lead("1"))
    room.edit("dealers/acme.yaml", "uses: leads/plain,", "uses: leads/plain, enabled: false,")
    receiver.answer = lambda taken: (200, "{}")
    room.clock.sleep(3_600)
    room.run(lead("2"), name="b.csv")
    room.send()
    assert (room.states(), len(receiver.taken)) == (["failed"], 1)


def test_an_export_with_a_mistake_is_told_of_by_every_run(room: Room) -> None:
    room.edit("exports/leads/plain.yaml", "activities: [lead, sale]", "activities: [laed]")
    report = room.run(lead("1"))
    assert [issue["code"] for issue in report["feeds"][0]["issues"]] == ["export.unread"]
    assert room.items() == []


def test_the_preview_shows_what_would_go_out_and_queues_nothing(room: Room) -> None:
    room.edit("dealers/acme.yaml", "uses: leads/plain,", "uses: leads/plain, enabled: false,")
    room.run(lead("1"), lead("3", Kind="none"))
    shown: dict[str, Any] = room.feeds("exports", "preview", NAME, "--format", "json").json()
    (one,) = shown["activities"]
    assert (one["verdict"], json.loads(one["payload"])["key"]) == ("goes", "1")
    assert shown["contactsAlone"] == 1
    assert room.items() == []


def test_no_log_line_and_no_list_shows_whom_it_was_about(room: Room) -> None:
    done = room.feeds("run", "--all") if room.put(lead("1")) is None else None
    assert done is not None
    listed = room.feeds("exports", "outbox", "--format", "json").out
    assert "Vale" not in done.talk + listed
    assert "example.com" not in done.talk + listed
    assert "Vale" in room.feeds("exports", "show", "1").out


def test_names_that_are_none_are_told_with_the_nearest(room: Room) -> None:
    done = room.feeds("exports", "send", "acme/leads-plan")
    assert done.code == 2
    assert f"did you mean {NAME}?" in done.talk
    assert room.feeds("exports", "show", "7").code == 1


def test_what_was_sent_is_forgotten_after_90_days_and_its_key_never(room: Room, receiver: Receiver) -> None:
    room.run(lead("1"), lead("2", Kind="sale"))
    room.clock.sleep(91 * 86_400)
    world = room.world()
    sweep(world)
    world.engine.dispose()
    assert room.states() == ["sent"]
    assert room.feeds("exports", "show", "1", "--format", "json").json()["payload"] is None
    room.run(lead("1", Note="news"), name="b.csv")
    assert receiver.counts() == {"1": 1}


def test_a_scheduler_sends_beside_its_feeds_and_lets_a_destination_rest(
    room: Room, receiver: Receiver, deaf: str
) -> None:
    room.write(
        "dealers/acme.yaml",
        DEALER.replace("URL", deaf) + f"  - {{uses: leads/plain, name: other, params: {{url: '{receiver.url}'}}}}\n",
    )
    receiver.answer = lambda taken: (503, "{}")
    room.run(lead("1"))
    receiver.answer = lambda taken: (200, "{}")
    world, tries = room.world(), []
    world = replace(
        world, note=lambda event, details: tries.append(details["export"]) if event == "export.waits" else None
    )
    outgoing = Outgoing(world, room.project, lambda: Secrets({}))
    room.clock.sleep(3_600)
    for wait in (0, 5, 61):
        room.clock.sleep(wait)
        outgoing.look()
        for thread in (each for each in threading.enumerate() if each.name.startswith("out ")):
            thread.join()
    outgoing.finish()
    world.engine.dispose()
    assert receiver.counts()["1"] == 2  # refused by the run, taken now
    assert {each["export"]: each["state"] for each in room.items()} == {NAME: "failed", "acme/other": "sent"}
    assert tries == [NAME, NAME]  # not at the second look
