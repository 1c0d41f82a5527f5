"""Where deliveries come from and exports go to: one module per `transport.type`. Never imports the engine."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from importlib import import_module

from transports.base import Files, Pages, PageTools, Sender, SendTools, Settings, Tools

# A module is loaded when a feed first needs it, by a name that stands here and nowhere else:
# loading SSH takes as long as importing some thousand rows, and most commands speak to no server.
FILES: Mapping[str, str] = {
    "file": "transports.file",
    "ftp": "transports.ftp",
    "sftp": "transports.sftp",
}
PAGES: Mapping[str, str] = {
    "http": "transports.http",
}
SENDERS: Mapping[str, str] = {
    "http": "transports.http_sender",
    "sftp": "transports.sftp_sender",
    "file": "transports.file_sender",
    "email": "transports.mail",
}


def connect(kind: str, settings: Settings, tools: Tools) -> AbstractContextManager[Files]:
    """The place of one feed, opened while the block runs. Raises KeyError for a kind that is not in FILES."""
    opened: AbstractContextManager[Files] = import_module(FILES[kind]).connect(settings, tools)
    return opened


def connect_pages(kind: str, settings: Settings, tools: PageTools) -> AbstractContextManager[Pages]:
    """The API of one feed, open while the block runs. Raises KeyError for a kind that is not in PAGES."""
    opened: AbstractContextManager[Pages] = import_module(PAGES[kind]).connect_pages(settings, tools)
    return opened


def connect_sender(kind: str, settings: Settings, tools: SendTools) -> AbstractContextManager[Sender]:
    """The way out of one export, open while the block runs. Raises KeyError for a kind that is not in SENDERS.

    `settings` are its `transport:` block with its secrets. What differs by item comes with each parcel.
    """
    opened: AbstractContextManager[Sender] = import_module(SENDERS[kind]).connect_sender(settings, tools)
    return opened
