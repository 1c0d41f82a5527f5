"""What is sealed of an API is read back as it was, and nothing else passes for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transports.base import Reply
from transports.envelope import Envelope, Include, NotAnEnvelope, opened, sealed

FULL = Envelope(
    request={"method": "GET", "url": "https://api.example.com/order?key=***"},
    status=200,
    media="application/json",
    body=b'{"data": [\n{"id": 1}, {"id": 2}]}',
    parent={"location": {"id": "L1"}},
    window={"from": "2024-05-01T00:00:00Z", "to": "2024-05-02T00:00:00Z"},
    trigger={"id": "7"},
    before={},
    after={"cursors": {"L1": "2024-05-02T00:00:00Z"}},
    includes={
        "customer": Include([0, None, 0], [Reply(200, {"content-type": "application/json"}, b"{}")], "data"),
        "photo": Include([0], [Reply(200, {}, b"\xff\x00\n")]),
    },
)


def test_what_was_sealed_is_what_is_opened() -> None:
    assert opened(sealed(FULL)) == FULL


def test_the_same_envelope_is_the_same_bytes() -> None:
    assert sealed(FULL) == sealed(opened(sealed(FULL)))


def test_the_body_stands_as_it_came_after_the_first_line() -> None:
    assert sealed(FULL).partition(b"\n")[2] == FULL.body


@given(st.binary(max_size=200))
def test_any_body_survives(body: bytes) -> None:
    assert opened(sealed(Envelope(request={}, status=200, media="", body=body))).body == body


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"a,b\n1,2\n", b"{}\nbody", b"[]\n", b'{"envelope": 1}\n', b'{"envelope": 2}\n{}', b'{"envelope": 1'],
)
def test_other_bytes_are_no_envelope(content: bytes) -> None:
    with pytest.raises(NotAnEnvelope):
        opened(content)
