"""Each trigger takes what has proved what that trigger asks for, also where many listen at one address."""

from pathlib import Path

import pytest

from tests.hooks.room import PUSHED, TOLD, Orders, Room, Sent, event
from tests.transports.http.room import Api

FIRST, SECOND = {"x-first": "canary-hook-token"}, {"x-second": "canary-hook-token"}
PROOF = "verify: [{type: token, in: header, name: X-%s, token: '${secret.HOOK}'}]"
TRIGGERS = f"""\
triggers:
  - type: webhook
    endpoint: shop/both
    {PROOF % "First"}
    do: fetch
    id: body.id
  - type: webhook
    endpoint: shop/both
    {PROOF % "Second"}
    do: {{setState: {{state: voided, key: body.id}}}}
"""
BOTH = TOLD.partition("triggers:")[0] + TRIGGERS


def says(id: str, headers: dict[str, str]) -> Sent:
    return Sent(b'{"id": "%s"}' % id.encode(), path="shop/both", headers=headers)


@pytest.fixture
def room(tmp_path: Path, sqlite_url: str, orders: Orders, api: Api) -> Room:
    made = Room(tmp_path, sqlite_url, {"orders/told": BOTH}, api)
    orders.put("A", 1)
    orders.put("B", 1)
    made.run()
    api.asked.clear()
    return made


def changed(room: Room, old: str, new: str) -> None:
    path = room.home / "feeds/vendors/orders/told.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    room.__dict__.pop("project", None)


def test_the_other_triggers_sender_cannot_use_this_one(room: Room, api: Api) -> None:
    assert room.send(says("A", SECOND), says("B", FIRST), says("B", {"x-first": "wrong"})) == [200, 200, 401]
    assert room.run().hooks == {"done": 2, "filtered": 0, "failed": 0, "waiting": 0}
    assert room.states() == {"A": "voided", "B": "recorded"}
    assert next(asked.path for asked in api.asked) == "/v1/orders/B"


def test_the_same_words_of_two_senders_are_two_requests(room: Room, api: Api) -> None:
    assert room.send(says("A", FIRST), says("A", FIRST), says("A", SECOND), says("A", SECOND)) == [200] * 4
    assert room.run().hooks == {"done": 2, "filtered": 0, "failed": 0, "waiting": 0}
    assert room.states() == {"A": "voided", "B": "recorded"}


def test_who_proves_both_is_heard_by_the_first(room: Room) -> None:
    room.send(says("A", FIRST | SECOND))
    assert room.run().hooks == {"done": 1, "filtered": 0, "failed": 0, "waiting": 0}
    assert room.states()["A"] == "recorded"


def test_what_was_proved_is_kept_and_never_by_what(room: Room) -> None:
    room.send(says("A", FIRST | {"x-second": "a token of yesterday"}), says("A", SECOND))
    for entry in room.world.inbox.waiting("shop/orders-told", ["shop/both"]):
        for secret in (b"canary-hook-token", b"token of yesterday", b"secret"):
            assert secret not in entry.content


def test_a_secret_under_another_name_while_requests_wait_costs_none(room: Room) -> None:
    """One of two proofs is as it was."""
    room.send(says("A", SECOND))
    changed(room, "name: X-First", "name: X-Other")
    assert room.run().hooks == {"done": 1, "filtered": 0, "failed": 0, "waiting": 0}


def test_where_all_proofs_were_changed_nobody_guesses(room: Room) -> None:
    room.send(says("A", SECOND))
    changed(room, "name: X-First", "name: X-Other")
    changed(room, "name: X-Second", "name: X-Another")
    report = room.run()
    assert (report.hooks or {})["failed"] == 1
    assert [issue.code for issue in report.issues] == ["hook.unproven"]
    assert "voided" not in room.states().values()


def test_a_trigger_that_is_left_alone_does_not_inherit_what_came_for_the_other(room: Room) -> None:
    room.send(says("A", FIRST))
    first = TRIGGERS.partition("  - type")[2].partition("  - type")[0]
    changed(room, f"  - type{first}", "")
    assert (room.run().hooks or {})["failed"] == 1
    assert room.states()["A"] == "recorded"


def test_a_single_proof_may_be_changed_while_requests_wait(tmp_path: Path, sqlite_url: str) -> None:
    room = Room(tmp_path, sqlite_url, {"orders/told": PUSHED})
    room.send(event("A", 1))
    changed(room, "token: '${secret.HOOK}'", "token: ['${secret.HOOK}', '${secret.HOOK}']")
    assert room.run().hooks == {"done": 1, "filtered": 0, "failed": 0, "waiting": 0}


def test_two_feeds_at_one_address_hear_their_own_senders(tmp_path: Path, database_url: str) -> None:
    """The last part of the address is the token of one or of the other; the bodies are the same."""
    other = PUSHED.replace("secret.HOOK", "secret.OTHER")
    room = Room(tmp_path, database_url, {"orders/one": PUSHED, "orders/two": other})
    room.secrets.__init__({"FEEDS_SECRET_HOOK": "canary-one", "FEEDS_SECRET_OTHER": "canary-two"})  # type: ignore[misc]
    sent = event("A", 1)
    one, two = (Sent(sent.body, path=f"shop/shop/canary-{name}") for name in ("one", "two"))
    assert room.send(one, one, two, Sent(sent.body)) == [200, 200, 200, 404]
    assert [len(room.waiting(f"shop/orders-{name}")) for name in ("one", "two")] == [1, 1]
