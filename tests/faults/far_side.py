"""A server of dealers' files as a process of its own, whose password is the canary.

    python -m tests.faults.far_side sftp FOLDER TOLD

TOLD is a file that holds its settings as JSON once it is up.
"""

import json
import logging
import sys
import threading
from pathlib import Path
from typing import Any

from tests.conftest import Canary
from tests.servers.ftp import FtpServer
from tests.servers.sftp import SftpServer

SERVERS: dict[str, Any] = {"sftp": SftpServer, "ftp": FtpServer}


def main() -> None:
    kind, root, told = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    logging.getLogger().addHandler(logging.NullHandler())  # or pyftpdlib makes one that writes
    with SERVERS[kind](root, password=Canary.value) as server:
        part = told.with_suffix(".part")
        part.write_text(json.dumps(server.settings()))
        part.replace(told)
        threading.Event().wait()


if __name__ == "__main__":
    main()
