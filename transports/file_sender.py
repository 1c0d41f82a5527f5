"""Exports as files in a folder of this machine. The contract is `Sender` of `transports/base.py`."""

from contextlib import AbstractContextManager
from pathlib import Path

from transports import file
from transports.base import Sender, SendTools, Settings, Tools
from transports.dropping import dropping


def connect_sender(settings: Settings, tools: SendTools) -> AbstractContextManager[Sender]:
    """The way into `directory`, which has to be there: it may be a share that is not mounted."""
    ours = Tools(tools.clock, tools.progress, tools.note)
    return dropping(Path(settings["directory"]).resolve().as_uri(), lambda: file.connect(settings, ours))
