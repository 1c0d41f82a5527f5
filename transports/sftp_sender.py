"""Exports as files on an SFTP server. The contract is `Sender` of `transports/base.py`."""

import posixpath
from contextlib import AbstractContextManager

from transports import sftp
from transports.base import Sender, SendTools, Settings, Tools
from transports.dropping import dropping


def connect_sender(settings: Settings, tools: SendTools) -> AbstractContextManager[Sender]:
    """The way into `directory`, where the login leads without one. One login serves all parcels."""
    where = f"{settings['host']}:{settings.get('port', 22)}"
    # A relative folder counts from where the login leads, which nobody knows before it.
    destination = sftp.source(settings, where, posixpath.join("/~", str(settings.get("directory") or ".")))
    ours = Tools(tools.clock, tools.progress, tools.note)
    return dropping(destination, lambda: sftp.connect(settings, ours))
