"""Which addresses an API may have, and a socket to one of them that keeps to a deadline.

Never connects to an address that it has not checked: the name is resolved once, here, and nobody resolves it again.
"""

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from ssl import SSLSocket
from typing import Any

from transports.base import Refused, Unreachable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[..., Sequence[tuple[Any, ...]]]  # socket.getaddrinfo, or something like it

# RFC 6052: an IPv4 address inside an IPv6 one, which a translator unpacks.
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


class NotConnected(Unreachable):
    """No connection came about, or it broke before the request had left whole: trying again repeats nothing."""


class NotTrusted(Unreachable):
    """No TLS came about: the certificate is none that is trusted, now or at the next try."""


class Allowed:
    """What `allowPrivate` names: addresses, networks (10.1.0.0/16) and host names inside one's own walls."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        self._hosts: set[str] = set()
        for entry in entries:
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                self._hosts.add(entry.lower().rstrip("."))

    def admits(self, host: str, address: Address) -> bool:
        """Whether this address may be connected to under this name.

        A host that is allowed by its name still is not taken to link-local addresses: cloud machines serve
        their own passwords there. These have to be named as addresses.
        """
        inner = _innermost(address)
        if _is_public(inner):
            return True
        if any(address in network or inner in network for network in self._networks):
            return True
        return (
            host.lower().rstrip(".") in self._hosts and (inner.is_private or inner.is_loopback) and not _is_odd(inner)
        )


def addresses(host: str, port: int, allowed: Allowed, resolve: Resolve) -> list[tuple[Any, ...]]:
    """What `host` resolves to and may be connected to, as getaddrinfo gives it; at least one.

    Raises Refused where nothing of it is allowed, NotConnected where the name has no address.
    """
    try:
        found = resolve(host.strip("[]"), port, socket.AF_UNSPEC, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotConnected(f"the name {host!r} has no address: {error}") from error
    good = [each for each in found if allowed.admits(host, ipaddress.ip_address(str(each[4][0]).partition("%")[0]))]
    if good:
        return good
    shown = ", ".join(sorted({str(each[4][0]) for each in found})) or "nothing"
    raise Refused(
        f"{host!r} leads to {shown}: not an address of the open internet, and nothing was sent. "
        "A system inside one's own network is named in `transport.allowPrivate`"
    )


class Deadline(threading.local):
    """When the request that this thread is making has to be over, by the clock given, and whether it has left whole."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = 0.0
        self.has_left = False

    def begins(self, seconds: float) -> None:
        self._until = self._clock() + seconds
        self.has_left = False

    def remaining(self) -> float:
        """Seconds left, above zero. Raises TimeoutError when none are."""
        left = self._until - self._clock()
        if left <= 0:
            raise TimeoutError("the time for this request is over")
        return left


class DeadlineSocket(socket.socket):
    """A socket whose every read waits for what is left of the request, not for as long again."""

    deadline: Deadline

    def recv_into(self, *arguments: Any) -> int:
        self.settimeout(self.deadline.remaining())
        return super().recv_into(*arguments)


class DeadlineTLS(SSLSocket):
    """The same inside TLS."""

    deadline: Deadline

    def recv_into(self, *arguments: Any) -> int:
        self.settimeout(self.deadline.remaining())
        return super().recv_into(*arguments)


def connected(host: str, port: int, allowed: Allowed, resolve: Resolve, deadline: Deadline) -> DeadlineSocket:
    """A connection to the first address of `host` that takes one. Raises NotConnected, or Refused."""
    failures = []
    for family, kind, protocol, _, address in addresses(host, port, allowed, resolve):
        opened = DeadlineSocket(family, kind, protocol)
        opened.deadline = deadline
        try:
            opened.settimeout(deadline.remaining())
            opened.connect(address)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            opened.close()
            failures.append(f"{address[0]}: {error}")
        else:
            return opened
    raise NotConnected(f"no connection to {host}, port {port}: {'; '.join(failures)}")


def _innermost(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if any(address in network for network in _TRANSLATED):
        return ipaddress.IPv4Address(address.packed[-4:])
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if inner is None and int(address) >> 32 == 0 and int(address) > 1:
        return ipaddress.IPv4Address(address.packed[-4:])  # ::a.b.c.d, long deprecated and still understood
    return inner or address


def _is_public(address: Address) -> bool:
    return address.is_global and not address.is_multicast and not _is_odd(address)


def _is_odd(address: Address) -> bool:
    return address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved
