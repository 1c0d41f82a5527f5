"""An SFTP server on loopback, in a thread of its own or as a process of its own.

    with SftpServer(folder) as server:
        connect({**server.settings(), "directory": "in"}, tools)

    python -m tests.servers.sftp --root FOLDER --port-file FILE

It serves one folder as the root of everything, to one user. A server that lies is a subclass of
`Session` (see `tests/transports/lying_sftp.py`). It never serves beyond 127.0.0.1.
"""

import argparse
import asyncio
import json
import logging
import os
import threading
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import asyncssh

USERNAME = "dealer"
PASSWORD = "canary-sftp-password"
HOST = "127.0.0.1"


class Session(asyncssh.SFTPServer):
    """One SFTP session, counted. `server.behaviour` is whatever a lying subclass needs to know."""

    server: "SftpServer"

    def __init__(self, chan: Any) -> None:
        super().__init__(chan, chroot=os.fsencode(self.server.root))
        self.server.sessions += 1

    def _count(self, name: str) -> None:
        self.server.requests[name] += 1

    def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        self._count("open")
        file = super().open(path, pflags, attrs)
        self.server.open_files.add(file)
        return file

    def read(self, file_obj: Any, offset: int, size: int) -> Any:
        self._count("read")
        return super().read(file_obj, offset, size)

    def close(self, file_obj: Any) -> Any:
        self._count("close")
        self.server.open_files.discard(file_obj)
        return super().close(file_obj)

    def lstat(self, path: bytes) -> Any:
        self._count("lstat")
        return super().lstat(path)

    def fstat(self, file_obj: Any) -> Any:
        self._count("fstat")
        return super().fstat(file_obj)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        self._count("scandir")
        async for name in super().scandir(path):
            yield name

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        self._count("rename")
        return super().rename(oldpath, newpath)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> Any:
        self._count("posix_rename")
        return super().posix_rename(oldpath, newpath)

    def remove(self, path: bytes) -> Any:
        self._count("remove")
        return super().remove(path)


class _Door(asyncssh.SSHServer):
    """Who may come in: USERNAME, with the password or the key of the server."""

    def __init__(self, server: "SftpServer") -> None:
        self.server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.server.connections += 1
        self.server.open_connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        self.server.auth_attempts += 1
        return True

    def password_auth_supported(self) -> bool:
        return self.server.password is not None

    def validate_password(self, username: str, password: str) -> bool:
        right = (username, password) == (USERNAME, self.server.password)
        self.server.logins[right] += 1
        return right

    def public_key_auth_supported(self) -> bool:
        return self.server.client_key is not None

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        ours = self.server.client_key
        right = username == USERNAME and ours is not None and key.public_data == ours.public_data
        self.server.logins[right] += 1
        return right


class SftpServer:
    """A server with a thread and a loop of its own; every counter is since it was made."""

    def __init__(
        self,
        root: Path,
        session: type[Session] = Session,
        *,
        host_key: asyncssh.SSHKey | None = None,
        other_host_keys: tuple[asyncssh.SSHKey, ...] = (),
        client_key: asyncssh.SSHKey | None = None,
        password: str | None = PASSWORD,
        port: int = 0,
        options: dict[str, Any] | None = None,
    ) -> None:
        self.root = root
        self.host = HOST
        self.port = port
        self.password = password
        self.client_key = client_key
        self.host_key = host_key or asyncssh.generate_private_key("ssh-ed25519")
        self.other_host_keys = other_host_keys
        self.requests: Counter[str] = Counter()
        self.logins: Counter[bool] = Counter()  # True: let in
        self.auth_attempts = 0
        self.connections = 0
        self.sessions = 0
        self.open_files: set[Any] = set()
        self.open_connections: list[asyncssh.SSHServerConnection] = []
        self._session = type(session.__name__, (session,), {"server": self})
        self._options = options or {}
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="sftp-server", daemon=True)

    @property
    def fingerprint(self) -> str:
        return self.host_key.get_fingerprint()

    def settings(self) -> dict[str, Any]:
        """A `transport:` block that reaches this server's root."""
        return {
            "type": "sftp",
            "host": self.host,
            "port": self.port,
            "username": USERNAME,
            "auth": {"type": "password", "password": self.password},
            "hostKey": self.fingerprint,
            "directory": "",
        }

    def drop_connections(self) -> None:
        """End every open connection at once, as a server that is restarted does."""
        self._loop.call_soon_threadsafe(lambda: [conn.abort() for conn in self.open_connections])

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
        asyncio.set_event_loop(self._loop)
        try:
            acceptor = self._loop.run_until_complete(self._listen())
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that started us
            self._failure = error
            return
        finally:
            self._started.set()
        self._loop.run_forever()
        acceptor.close()
        for connection in self.open_connections:
            connection.abort()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        for _turn in range(3):  # what is aborted still says so
            self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()
        for file in list(self.open_files):  # of sessions that were cut
            file.close()

    async def _listen(self) -> asyncssh.SSHAcceptor:
        acceptor = await asyncssh.listen(
            self.host,
            self.port,
            server_factory=lambda: _Door(self),
            server_host_keys=[self.host_key, *self.other_host_keys],
            sftp_factory=self._session,
            **self._options,
        )
        self.port = acceptor.get_port()
        return acceptor


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve a folder by SFTP on 127.0.0.1 until ended.")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--port-file", type=Path, required=True, help="told how to get in, as JSON, once up")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--host-key", type=Path, help="kept here, so that a restarted server is the same one")
    arguments = parser.parse_args()
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    key = _kept_key(arguments.host_key) if arguments.host_key else None
    with SftpServer(arguments.root, host_key=key, port=arguments.port) as server:
        told = {**server.settings(), "password": server.password, "fingerprint": server.fingerprint}
        part = arguments.port_file.with_suffix(".part")
        part.write_text(json.dumps(told))
        part.replace(arguments.port_file)
        threading.Event().wait()


def _kept_key(path: Path) -> asyncssh.SSHKey:
    if not path.exists():
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(path)
    return asyncssh.read_private_key(path)


if __name__ == "__main__":
    main()
