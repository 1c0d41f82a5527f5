"""An API, by HTTP: opens what reads its list. The contract is `Pages` of `transports/base.py`.

Puts the parts together and does nothing itself; knows nothing of what becomes of a page.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from transports.base import Pages, PageTools, Settings
from transports.http_client import Client
from transports.http_guard import Allowed, Deadline, Resolve, connected
from transports.http_includes import Includes
from transports.http_listing import Listing
from transports.http_played import Played
from transports.http_request import Veil
from transports.http_wire import Wire
from transports.settings import octets, seconds


@contextmanager
def connect_pages(settings: Settings, tools: PageTools, resolve: Resolve = socket.getaddrinfo) -> Iterator[Pages]:
    """The list of a `transport` block. Connects when the first page is asked for, not before."""
    allowed = Allowed(map(str, settings.get("allowPrivate") or ()))
    deadline = Deadline(tools.clock)
    veil = Veil()
    wire = Wire(
        lambda host, port: connected(host, port, allowed, resolve, deadline),
        deadline,
        seconds(settings.get("timeout", "30s")),
        octets(settings.get("maxBytes", "64MiB")),
        settings.get("ca"),
        None if tools.answer is None else Played(tools.answer, veil.shown),
    )
    client = Client(settings, wire, tools, veil)
    includes = Includes(settings, client, tools)
    try:
        yield Listing(settings, client, includes, tools, veil)
    finally:
        includes.close()
        wire.close()
