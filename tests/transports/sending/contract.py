"""What every sender promises, as one class of tests that each of them inherits.

A sender's test module subclasses `SenderContract` and gives `far`: a real other side, which can be told to be gone, to
say no, to hang up in the middle of a parcel, and to hang up after it has all of it. Nothing here knows a protocol.
"""

import hashlib
import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol

import jmespath
import pytest

from tests.transports.http.room import Clock, Kept, Room, address, fill
from transports.base import LoginRefused, Parcel, Reply, Sender, SendTools, TransportError, Uncertain, Unreachable

CANARY = "canary-sending-password"
# More than what two sockets and what lies between them hold: it cannot leave while nobody reads.
LARGE = 48 << 20


def document(reply: Reply) -> Any:
    try:
        return json.loads(reply.body)
    except ValueError:
        return None


def tools_of(room: Room) -> SendTools:
    """Real time where a room has it, jmespath and json for the rest."""
    clock: Clock = room.clock
    shared = room.tools()
    return SendTools(
        clock=shared.clock,
        now=clock.now,
        sleep=clock.sleep,
        chance=lambda: 1.0,
        document=document,
        search=jmespath.search,
        fill=fill,
        address=address,
        transform=shared.transform,
        tokens=Kept(),
        turn=shared.turn,
        note=shared.note,
    )


class Far(Protocol):
    """The other side, seen from behind."""

    def connect(self, **settings: Any) -> AbstractContextManager[Sender]:
        """What `connect_sender` gives for it; `login=False` for one with a wrong password."""

    def taken(self) -> list[bytes]:
        """What it has taken, in the order in which it came."""

    def leaves(self) -> None:
        """From now on nobody is there."""

    def says_no(self) -> None:
        """It takes nothing from now on, and says so."""

    def cuts_before(self) -> None:
        """It ends the next connection before it has the whole parcel."""

    def cuts_after(self) -> None:
        """It takes the next parcel whole, and hangs up without a word."""


def parcel(key: str = "leads:L-1", body: bytes = b"<adf/>", **settings: Any) -> Parcel:
    return Parcel(key, body, "application/xml", f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.xml", settings)


class SenderContract:
    refuses_logins: ClassVar[bool] = True
    # Whether a cut after the whole parcel leaves it open what became of it.
    is_ever_uncertain: ClassVar[bool] = True
    # How much is sent to a side that hangs up before it has all of it; 0 where none can.
    large: ClassVar[int] = LARGE

    @pytest.fixture
    def room(self) -> Room:
        return Room(real_time=True)

    @pytest.fixture
    def tools(self, room: Room) -> SendTools:
        return tools_of(room)

    @pytest.fixture
    def far(self, tools: SendTools) -> Far:
        raise NotImplementedError

    def test_what_is_sent_is_there_as_it_was(self, far: Far) -> None:
        with far.connect() as sender:
            receipt = sender.send(parcel(body="<adf>Zoë\r\n.\r\nend</adf>\n".encode()))
        assert far.taken() == ["<adf>Zoë\r\n.\r\nend</adf>\n".encode()]
        assert isinstance(receipt.text, str)

    def test_each_parcel_arrives_once_and_in_order(self, far: Far) -> None:
        bodies = [f"<adf>{number}</adf>".encode() for number in range(5)]
        with far.connect() as sender:
            for number, body in enumerate(bodies):
                sender.send(parcel(f"leads:{number}", body))
        assert far.taken() == bodies

    def test_a_destination_is_known_before_anybody_is_there_and_holds_no_secret(self, far: Far) -> None:
        far.leaves()
        with far.connect() as one, far.connect(login=False) as other:
            assert one.destination == other.destination
            assert CANARY not in one.destination
            assert one.destination

    def test_nobody_there_is_unreachable_and_another_try_is_made_by_the_same_sender(self, far: Far) -> None:
        far.leaves()
        with far.connect() as sender:
            for _ in range(2):
                with pytest.raises(Unreachable):
                    sender.send(parcel())
        assert far.taken() == []

    def test_a_refused_login_is_told_as_such_and_nothing_is_taken(self, far: Far) -> None:
        if not self.refuses_logins:
            pytest.skip("there is no login")
        with far.connect(login=False) as sender, pytest.raises(LoginRefused) as raised:
            sender.send(parcel())
        assert far.taken() == []
        assert CANARY not in str(raised.value)

    def test_a_no_is_certain(self, far: Far) -> None:
        far.says_no()
        with far.connect() as sender, pytest.raises(TransportError) as raised:
            sender.send(parcel(body=b"<adf>of Robin Vale</adf>"))
        assert not isinstance(raised.value, Uncertain)
        assert "Robin" not in str(raised.value)
        assert far.taken() == []

    def test_what_did_not_leave_whole_was_not_taken_and_is_sent_by_the_next_try(self, far: Far) -> None:
        if not self.large:
            pytest.skip("nothing lies between the two that could be cut")
        far.cuts_before()
        body = b"x" * self.large
        with far.connect() as sender:
            with pytest.raises(Unreachable):
                sender.send(parcel(body=body))
            assert far.taken() == []
            sender.send(parcel(body=b"small"))
        assert far.taken() == [b"small"]

    def test_what_left_whole_and_was_not_answered_may_have_been_taken(self, far: Far) -> None:
        if not self.is_ever_uncertain:
            pytest.skip("it sees for itself what became of it")
        far.cuts_after()
        with far.connect() as sender:
            with pytest.raises(Uncertain):
                sender.send(parcel(body=b"first"))
            assert far.taken() == [b"first"]
            sender.send(parcel("leads:L-2", b"second"))
        assert far.taken() == [b"first", b"second"]


def in_thread(serve: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread
