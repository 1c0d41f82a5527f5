"""Which addresses may be spoken to: the open internet, and what an operator names. Nothing else gets a connection."""

import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from tests.transports.http.room import Answers, Api, Room, rows
from transports.base import Refused, Unreachable
from transports.http import connect_pages
from transports.http_guard import Allowed, NotConnected, addresses

Serve = Callable[[Answers], Api]

FORBIDDEN = [
    "0.0.0.0",  # noqa: S104  # nobody binds to it here
    *("127.0.0.1", "127.8.8.8", "0.1.2.3", "10.0.0.1", "172.16.5.4", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "100.127.255.254", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7"),
    *("203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
    *("fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:101::"),
]
OPEN = ["8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_no_address_within_walls_is_admitted(address: str) -> None:
    assert not Allowed(()).admits("api.example.com", ip_address(address))


@pytest.mark.parametrize("address", OPEN)
def test_the_open_internet_is(address: str) -> None:
    assert Allowed(()).admits("api.example.com", ip_address(address))


@pytest.mark.parametrize(
    ("entry", "host", "address", "is_admitted"),
    [
        ("10.0.0.5", "shop.example.com", "10.0.0.5", True),
        ("10.0.0.5", "shop.example.com", "10.0.0.6", False),
        ("10.1.0.0/16", "shop.example.com", "10.1.2.3", True),
        ("shop.lan", "SHOP.lan.", "192.168.4.4", True),
        ("shop.lan", "other.lan", "192.168.4.4", False),
        ("shop.lan", "shop.lan", "169.254.169.254", False),
        ("169.254.1.1", "x", "169.254.1.1", True),
        ("fd00::/8", "x", "fd00::7", True),
        ("127.0.0.1", "x", "::ffff:127.0.0.1", True),
    ],
)
def test_an_operator_names_what_is_allowed(entry: str, host: str, address: str, is_admitted: bool) -> None:
    assert Allowed([entry]).admits(host, ip_address(address)) is is_admitted


@pytest.mark.fault("H14")
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"]
)
def test_no_spelling_of_loopback_gets_a_connection(serve: Serve, room: Room, host: str) -> None:
    api = serve(lambda asked: {"data": rows(1)})
    port = api.host.rpartition(":")[2]
    with pytest.raises((Refused, Unreachable)):
        room.read(f"http://{host}:{port}", allowPrivate=[], retry={"attempts": 1})
    assert api.asked == []


@pytest.mark.parametrize("url", ["ftp://example.com/x", "file:///etc/passwd", "gopher://127.0.0.1/", "//example.com/x"])
def test_other_schemes_are_no_addresses(room: Room, url: str) -> None:
    with pytest.raises(Refused):
        room.read("https://api.example.com", request={"url": url}, baseUrl="" if "://" in url else None)


def resolver(*answers: str) -> Callable[..., Any]:
    """Answers with one address after the other, as a name that is rebound does."""
    waiting = list(answers)

    def resolve(host: str, port: int, *others: Any) -> list[Any]:
        address = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    return resolve


@pytest.mark.fault("H14")
def test_a_name_that_is_rebound_is_connected_to_as_it_was_checked(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": rows(1)})
    port = api.host.rpartition(":")[2]
    settings = room.settings(f"http://rebound.example.com:{port}")
    with connect_pages(settings, room.tools(), resolver("127.0.0.1", "10.0.0.1")) as far:
        assert len(list(far.pages({}))) == 1
    assert api.asked[0].headers["host"] == f"rebound.example.com:{port}"


def test_a_name_that_leads_within_walls_is_refused_with_its_remedy(room: Room) -> None:
    settings = room.settings("http://inside.example.com", allowPrivate=[])
    with (
        connect_pages(settings, room.tools(), resolver("10.0.0.1")) as far,
        pytest.raises(Refused, match="allowPrivate"),
    ):
        list(far.pages({}))


def test_of_several_addresses_only_those_that_are_allowed_are_taken() -> None:
    def resolve(*arguments: Any) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", (each, 80)) for each in ("10.0.0.1", "8.8.8.8", "127.0.0.1")]

    assert [each[4][0] for each in addresses("x.example.com", 80, Allowed(()), resolve)] == ["8.8.8.8"]


def test_a_name_without_an_address_is_told() -> None:
    def resolve(*arguments: Any) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(NotConnected, match="no address"):
        addresses("nowhere.invalid", 80, Allowed(()), resolve)
