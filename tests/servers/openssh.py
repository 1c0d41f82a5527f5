"""OpenSSH's own sshd on loopback, run as the current user: the server that most dealers have.

    with OpenSsh(folder) as server:
        connect({**server.settings(), "directory": str(folder)}, tools)

One key logs in, as whoever runs it. Needs `sshd` on this machine; it never serves beyond 127.0.0.1.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import asyncssh

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")


class OpenSsh:
    """One sshd with keys of its own. `lines` are put into its configuration."""

    def __init__(self, *, denied: str = "", lines: tuple[str, ...] = (), port: int = 0) -> None:
        self.host = "127.0.0.1"
        self.port = port or _free_port()
        self._denied = denied
        self._lines = lines
        self._home = Path(tempfile.mkdtemp(prefix="feeds-sshd-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.key_file = self._key("client")
        self.host_key = self._key("host")

    def _key(self, name: str) -> Path:
        path = self._home / name
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(path)
        key.write_public_key(path.with_suffix(".pub"))
        path.chmod(0o600)
        return path

    @property
    def fingerprint(self) -> str:
        return asyncssh.read_public_key(self.host_key.with_suffix(".pub")).get_fingerprint()

    @property
    def host_key_line(self) -> str:
        return self.host_key.with_suffix(".pub").read_text().strip()

    def settings(self) -> dict[str, Any]:
        return {
            "type": "sftp",
            "host": self.host,
            "port": self.port,
            "username": getpass.getuser(),
            "auth": {"type": "privateKey", "key": str(self.key_file)},
            "hostKey": self.fingerprint,
            "directory": "",
        }

    def new_host_key(self) -> None:
        """Come back with another key, as a server that was set up anew."""
        self.stop()
        self.host_key = self._key("host-2")
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        shutil.rmtree(self._home)

    def start(self) -> None:
        assert SSHD is not None, "there is no sshd on this machine"
        if os.getuid() == 0:  # where sshd drops its privileges to
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config = self._home / "sshd_config"
        config.write_text("\n".join(self._config()) + "\n")
        with (self._home / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log
            )
        self._await_greeting()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def kill_sessions(self) -> None:
        """End every connection as a machine that dies does; the server itself stays up."""
        assert self._process is not None
        for pid in _below(self._process.pid):
            with suppress(ProcessLookupError):  # the one killed before it was what it lived for
                os.kill(pid, signal.SIGKILL)

    def _config(self) -> list[str]:
        denied = f" -P {self._denied}" if self._denied else ""
        return [
            f"ListenAddress {self.host}",
            f"Port {self.port}",
            f"HostKey {self.host_key}",
            f"AuthorizedKeysFile {self.key_file}.pub",
            f"PidFile {self._home}/pid",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            "StrictModes no",
            "UsePAM no",
            "LogLevel ERROR",
            f"Subsystem sftp internal-sftp{denied}",
            *self._lines,
        ]

    def _await_greeting(self) -> None:
        ends = time.monotonic() + 10
        while True:
            try:
                with socket.create_connection((self.host, self.port), 1) as sock:
                    if sock.recv(4) == b"SSH-":
                        return
            except OSError:
                pass
            if self._process is None or self._process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"sshd did not start: {(self._home / 'log').read_text()}")
            time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _below(pid: int) -> list[int]:
    """The processes under this one: a monitor may have handed the connection to a child of its own."""
    children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*children, *(each for child in children for each in _below(child))]
