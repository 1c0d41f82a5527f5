"""An API, by HTTP: opens what reads its list. The contract is `Pages` of `transports/base.py`.

Puts the parts together and does nothing itself; knows nothing of what becomes of a page.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from transports.base import Pages, PageTools, Settings
from transports.http_client import Client
from transports.http_guard import Resolve
from transports.http_includes import Includes
from transports.http_listing import Listing
from transports.http_request import Veil
from transports.http_wire import opened


@contextmanager
def connect_pages(settings: Settings, tools: PageTools, resolve: Resolve = socket.getaddrinfo) -> Iterator[Pages]:
    """The list of a `transport` block. Connects when the first page is asked for, not before."""
    veil = Veil()
    wire = opened(settings, tools, veil, resolve)
    client = Client(settings, wire, tools, veil)
    includes = Includes(settings, client, tools)
    try:
        yield Listing(settings, client, includes, tools, veil)
    finally:
        includes.close()
        wire.close()
