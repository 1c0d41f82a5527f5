"""An FTP server on loopback, with TLS or without, in a thread of its own or as a process of its own.

    with FtpServer(folder) as server:
        connect({**server.settings(), "directory": "in"}, tools)

    python -m tests.servers.ftp --root FOLDER --port-file FILE

It serves one folder as the root of everything, to one user. A server that lies is a subclass of
`Session` (see `tests/transports/test_ftp_lies.py`). It never serves beyond 127.0.0.1.
"""

import argparse
import hashlib
import ipaddress
import json
import logging
import os
import stat
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.filesystems import AbstractedFS
from pyftpdlib.handlers import DTPHandler, TLS_DTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

USERNAME = "dealer"
PASSWORD = "canary-ftp-password"
HOST = "127.0.0.1"
TLS_COMMANDS = ("AUTH", "PBSZ", "PROT")
POLL = 0.02  # seconds until an idle server sees that it is to stop


class Filesystem(AbstractedFS):
    """Says of links and pipes that they are no files, as ProFTPD does; pyftpdlib's own follows links here."""

    def format_mlsx(
        self, basedir: str, listing: list[str], perms: str, facts: list[str], ignore_err: bool = True
    ) -> Iterator[bytes]:
        for name in listing:
            path = os.path.join(basedir, name)  # noqa: PTH118  pyftpdlib speaks in plain texts
            try:
                mode = self.lstat(path).st_mode
            except OSError:
                if ignore_err:
                    continue
                raise
            if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
                yield from super().format_mlsx(basedir, [name], perms, facts, ignore_err)
            else:
                yield f"type=OS.unix=other; {name}\r\n".encode("utf-8", "surrogateescape")


class Session(TLS_FTPHandler):
    """One control connection, counted."""

    server: Any  # pyftpdlib's
    seen: "FtpServer"
    abstracted_fs = Filesystem
    unicode_errors = "surrogateescape"
    auth_failed_timeout = 0
    proto_cmds = TLS_FTPHandler.proto_cmds.copy()

    def on_connect(self) -> None:
        self.seen.connections += 1

    def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
        self.seen.commands[cmd] += 1
        super().pre_process_command(line, cmd, arg)

    def on_login(self, username: str) -> None:
        self.seen.logins[True] += 1

    def on_login_failed(self, username: str, password: str) -> None:
        self.seen.logins[False] += 1


class Clear(Session):
    """A server that has no TLS."""

    dtp_handler = DTPHandler
    proto_cmds = {name: command for name, command in Session.proto_cmds.items() if name not in TLS_COMMANDS}  # noqa: RUF012


class Strict(Session):
    """A server that insists on TLS on both channels, the same session on both, as vsftpd does by default."""

    tls_control_required = True
    tls_data_required = True

    class dtp_handler(TLS_DTPHandler):  # noqa: N801  pyftpdlib's name for it
        def handle_ssl_established(self) -> None:
            # pyOpenSSL has no word for it; its own binding to OpenSSL has.
            if not SSL._lib.SSL_session_reused(self.socket._ssl):
                self._resp = ("522 SSL connection failed: session reuse required", logging.debug)
                self.close()


class Certificate:
    """A self-signed certificate for one host, made for one test."""

    def __init__(self, folder: Path, host: str = HOST) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        named = x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([named]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        self.path = folder / f"{self.certificate.serial_number:x}.pem"
        self.private_path = self.path.with_suffix(".key.pem")
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.private_path.write_bytes(self.path.read_bytes() + secret)

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


class FtpServer:
    """A server with a thread and a loop of its own; every counter is since it was made."""

    def __init__(
        self,
        root: Path,
        session: type[Session] = Session,
        *,
        password: str = PASSWORD,
        permissions: str = "elradfmwMT",
        port: int = 0,
        certificate_host: str = HOST,
    ) -> None:
        self.root = root
        self.host = HOST
        self.password = password
        self.commands: Counter[str] = Counter()
        self.logins: Counter[bool] = Counter()  # True: let in
        self.connections = 0
        self.has_tls = not issubclass(session, Clear)
        self._folder = tempfile.TemporaryDirectory(prefix="feeds-ftp-")
        self.certificate = Certificate(Path(self._folder.name), certificate_host)
        authorizer = DummyAuthorizer()
        authorizer.add_user(USERNAME, password, str(root), perm=permissions)
        bound = {
            "seen": self,
            "authorizer": authorizer,
            "certfile": str(self.certificate.private_path),
            "keyfile": str(self.certificate.private_path),
            "ssl_context": None,
        }
        # Without one of ours it installs its own, which tells every command on stderr.
        logging.getLogger("pyftpdlib").handlers = [logging.NullHandler()]
        logging.getLogger("pyftpdlib").propagate = False
        self._server = FTPServer((HOST, port), type(session.__name__, (session,), bound), ioloop=IOLoop())
        self.port: int = self._server.address[1]
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="ftp-server", daemon=True)

    def settings(self) -> dict[str, Any]:
        """A `transport:` block that reaches this server's root."""
        return {
            "type": "ftp",
            "host": self.host,
            "port": self.port,
            "username": USERNAME,
            "auth": {"type": "password", "password": self.password},
            "directory": "",
            "timeout": 10,
            **({"caFile": str(self.certificate.path)} if self.has_tls else {"insecure": True}),
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        self._folder.cleanup()

    def _serve(self) -> None:
        while not self._stopped.is_set():
            self._server.ioloop.loop(POLL, blocking=False)
        self._server.close_all()


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve a folder by FTP on 127.0.0.1 until ended.")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--port-file", type=Path, required=True, help="told host, port and login, as JSON, once up")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--clear", action="store_true", help="without TLS")
    arguments = parser.parse_args()
    with FtpServer(arguments.root, Clear if arguments.clear else Session, port=arguments.port) as server:
        told = {**server.settings(), "password": server.password, "fingerprint": server.certificate.fingerprint}
        part = arguments.port_file.with_suffix(".part")
        part.write_text(json.dumps(told))
        part.replace(arguments.port_file)
        threading.Event().wait()


if __name__ == "__main__":
    main()
