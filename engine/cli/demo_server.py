"""The demo's vendor: an SFTP server for one user, on this machine only, gone when the demo ends."""

import asyncio
import os
import secrets
import threading
from pathlib import Path
from typing import Any, Self

import asyncssh

_HOST = "127.0.0.1"


class SftpServer:
    """Serves one folder in a thread of its own, with a host key and a password made for this once."""

    def __init__(self, root: Path) -> None:
        self.host = _HOST
        self.port = 0
        self.user = "demo"
        self.password = secrets.token_urlsafe(16)
        self._root = root
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name="demo-sftp-server", daemon=True)

    @property
    def fingerprint(self) -> str:
        return str(self._key.get_fingerprint())

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self) -> None:
        try:
            acceptor = self._loop.run_until_complete(self._listen())
        except BaseException as error:  # noqa: BLE001  (it is raised in the thread that started us)
            self._failure = error
            return
        finally:
            self._started.set()
        self._loop.run_forever()
        acceptor.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _listen(self) -> Any:
        root = os.fsencode(self._root)
        acceptor = await asyncssh.listen(
            self.host,
            0,
            server_factory=lambda: _Door(self.user, self.password),
            server_host_keys=[self._key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=root),
        )
        self.port = acceptor.get_port()
        return acceptor


class _Door(asyncssh.SSHServer):
    """Lets in one user with one password."""

    def __init__(self, user: str, password: str) -> None:
        self._user = user
        self._password = password

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (self._user, self._password)
