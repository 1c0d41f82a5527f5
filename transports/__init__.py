"""Where deliveries come from: one module per `transport.type`. Never imports the engine."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from transports import file, ftp, sftp
from transports.base import Files, Settings, Tools

FILES: dict[str, Callable[[Settings, Tools], AbstractContextManager[Files]]] = {
    "file": file.connect,
    "ftp": ftp.connect,
    "sftp": sftp.connect,
}
