"""The way in to an SSH server: its own socket, its pinned key, one login. Knows nothing of files.

Until the server has shown a pinned host key nothing is sent that it could use: no user name, no
password, no key. No agent is asked and no key is searched for; there is one attempt of one method.
"""

import base64
import hashlib
import io
import logging
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)
from paramiko import (
    AuthenticationException,
    BadAuthenticationType,
    Channel,
    ECDSAKey,
    Ed25519Key,
    PKey,
    RSAKey,
    SSHException,
    Transport,
)

from transports.base import HostKeyChanged, LoginRefused, Secret, Settings, Unreachable
from transports.settings import plain, seconds

# paramiko logs what it also raises, with a traceback; where nobody set up logging, that is no news for stderr.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

# AES-GCM first: one pass over the data, the fastest there is here. CBC, 3DES, MD5 and SHA-1 are not offered.
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
_DIGESTS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
_HOST_KEYS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_SMALLEST_RSA = 2048  # bits
_READABLE_BY_OTHERS = 0o077

# What a server may send before we confirm. It never sends more than we ask for, so this costs no
# memory; a small one costs a packet of confirmation for every tenth of it.
_WINDOW = 8 << 20
_PACKET = 1 << 15

_FINGERPRINT = re.compile(r"SHA256:([A-Za-z0-9+/]{43})=?")


class _Pin(NamedTuple):
    kind: str | None  # "ssh-ed25519"; None where only the fingerprint is known
    fingerprint: str


@dataclass(frozen=True)
class Session:
    """A connection that is logged in."""

    where: str  # host:port
    version: str  # how the server's software names itself
    timeout: float
    _transport: Transport
    _socket: socket.socket

    def sftp(self) -> Channel:
        """A new channel to the server's SFTP. Raises Unreachable when there is none."""
        with _answered(self.where, self.timeout, self._socket), _connected(self.where):
            channel = self._transport.open_session(_WINDOW, _PACKET, self.timeout)
            channel.invoke_subsystem("sftp")
        return channel


@contextmanager
def login(settings: Settings) -> Iterator[Session]:
    """Connect, check the host key, log in; closed when the block ends.

    Raises Unreachable, HostKeyChanged or LoginRefused.
    """
    host, port = str(settings["host"]), int(settings.get("port", 22))
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    timeout = seconds(settings.get("timeout", 60))
    pins = _pins(settings.get("hostKey"))
    prove = _proof(settings["auth"])
    sock = _socket(host, port, where, timeout)
    try:
        transport = _transport(sock, pins, timeout)
        try:
            with _answered(where, timeout, sock), _connected(where):
                transport.start_client(timeout=timeout)
                _check(transport.get_remote_server_key(), pins, where)
                _log_in(transport, plain(settings["username"]), prove, where)
            transport.set_keepalive(15)
            yield Session(where, transport.remote_version, timeout, transport, sock)
        finally:
            with suppress(OSError):  # wakes paramiko's thread, which else looks up every 0.1 s
                sock.shutdown(socket.SHUT_RDWR)
            transport.close()
    finally:
        sock.close()


def _socket(host: str, port: int, where: str, timeout: float) -> socket.socket:
    try:
        sock = socket.create_connection((host, port), timeout)
    except socket.gaierror as error:
        raise Unreachable(f"{where}: the name cannot be resolved ({error.strerror})") from error
    except OSError as error:
        raise Unreachable(f"{where}: no connection ({error.strerror or error})") from error
    # Without this each small request waits for the acknowledgement of the one before: 20 times slower.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("KEEPIDLE", 15), ("KEEPINTVL", 15), ("KEEPCNT", 4), ("USER_TIMEOUT", int(timeout * 1000))):
        if hasattr(socket, f"TCP_{name}"):  # not every system has all four
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_{name}"), value)
    return sock


def _transport(sock: socket.socket, pins: tuple[_Pin, ...], timeout: float) -> Transport:
    transport = Transport(sock)
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = timeout
    options = transport.get_security_options()
    options.ciphers = _CIPHERS
    options.digests = _DIGESTS
    # A server with several keys shows the one we ask for first: it should be one that is pinned.
    pinned = [kind for pin in pins for kind in _HOST_KEYS if _is_kind(kind, pin.kind)]
    options.key_types = tuple(dict.fromkeys([*pinned, *_HOST_KEYS]))
    return transport


def _is_kind(kind: str, pinned: str | None) -> bool:
    return kind == pinned or (pinned == "ssh-rsa" and kind.startswith("rsa-"))


# --- the host key ---------------------------------------------------------------------------


def _pins(setting: Any) -> tuple[_Pin, ...]:
    """Fingerprints, public keys or lines of known_hosts, one or several: while a key is replaced both are right."""
    listed = setting if isinstance(setting, list | tuple) else [] if setting is None else [setting]
    lines = [line.strip() for each in listed for line in plain(each).splitlines()]
    return tuple(_pin(line) for line in lines if line and not line.startswith("#"))


def _pin(line: str) -> _Pin:
    words = line.split()
    kind = next((word for word in words if word.startswith(("ssh-", "ecdsa-"))), None)
    for word in words:
        if match := _FINGERPRINT.fullmatch(word):
            return _Pin(kind, f"SHA256:{match[1]}")
        if word.startswith("AAAA"):
            with suppress(ValueError):
                return _Pin(kind, _fingerprint(base64.b64decode(word, validate=True)))
    raise HostKeyChanged(
        "transport.hostKey is neither a fingerprint (SHA256:...) nor a public key (ssh-ed25519 AAAA...); "
        "nothing was connected to"
    )


def _fingerprint(key: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def _check(key: PKey, pins: tuple[_Pin, ...], where: str) -> None:
    found = _fingerprint(key.asbytes())
    if any(pin.fingerprint == found for pin in pins):
        return
    expected = "is not the pinned one" if pins else "is not known: none is pinned"
    raise HostKeyChanged(
        f"{where}: the host key {expected}. The server shows {key.get_name()} {found}; no name and no password "
        "was sent. Ask whoever runs the server whether this key is theirs. If it is, put "
        f"'{key.get_name()} {found}' under transport.hostKey; an old key may stay in the list beside it."
    )


# --- the login ------------------------------------------------------------------------------


def _proof(auth: Mapping[str, Any]) -> str | PKey:
    """What we show: the password, or the private key."""
    if auth["type"] == "password":
        return plain(auth["password"])
    if auth["type"] == "privateKey":
        passphrase = auth.get("passphrase")
        return _private_key(auth["key"], None if passphrase is None else plain(passphrase))
    raise ValueError(f"expected transport.auth.type password or privateKey, found {auth['type']!r}")


def _private_key(setting: str | Secret, passphrase: str | None) -> PKey:
    text = plain(setting)
    if "-----BEGIN" not in text:
        text = _key_file(Path(text).expanduser())
    data = text.strip().encode() + b"\n"
    load = load_ssh_private_key if b"OPENSSH" in data else load_pem_private_key
    try:
        key = load(data, None if passphrase is None else passphrase.encode())
        # paramiko reads fewer forms of key than there are; this one it reads.
        form = io.StringIO(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode())
        if isinstance(key, Ed25519PrivateKey):
            return Ed25519Key.from_private_key(form)
        if isinstance(key, EllipticCurvePrivateKey):
            return ECDSAKey.from_private_key(form)
        ours = RSAKey.from_private_key(form)
    except (SSHException, ValueError, TypeError, UnsupportedAlgorithm):
        raise LoginRefused(
            "transport.auth.key is no private key that can be read (expected OpenSSH or PEM text of an Ed25519, ECDSA "
            "or RSA key), or the passphrase is not its own; nothing was sent"
        ) from None
    if ours.get_bits() < _SMALLEST_RSA:
        raise LoginRefused(
            f"the private key is RSA of {ours.get_bits()} bits, and {_SMALLEST_RSA} is the least; nothing was sent"
        )
    return ours


def _key_file(path: Path) -> str:
    try:
        if path.stat().st_mode & _READABLE_BY_OTHERS:
            raise LoginRefused("the file in transport.auth.key can be read by others (chmod 600); nothing was sent")
        return path.read_text("ascii", "replace")
    except (OSError, ValueError) as error:
        raise LoginRefused(f"the file in transport.auth.key cannot be read ({error.__class__.__name__})") from None


def _log_in(transport: Transport, username: str, proof: str | PKey, where: str) -> None:
    try:
        if isinstance(proof, str):
            further = transport.auth_password(username, proof, fallback=False)
        else:
            further = transport.auth_publickey(username, proof)
    except BadAuthenticationType as error:
        raise LoginRefused(
            f"{where}: the server does not take this kind of login; it takes {', '.join(error.allowed_types)}"
        ) from error
    except AuthenticationException as error:
        # A server that ends the connection at the first wrong password looks like a cut line. Taken
        # for one it would be tried again, until the account is locked.
        raise LoginRefused(f"{where}: the login was refused (user, password or key); it was tried once") from error
    if further:
        raise LoginRefused(f"{where}: the server asks for a second step ({', '.join(further)}), which no feed can take")


# --- waiting --------------------------------------------------------------------------------


@contextmanager
def _answered(where: str, timeout: float, sock: socket.socket) -> Iterator[None]:
    """Cut the connection when the block is not done in time: paramiko has waits that know no end."""
    is_over = threading.Event()

    def cut() -> None:
        is_over.set()
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(timeout, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (LoginRefused, Unreachable):
        if is_over.is_set():
            raise Unreachable(f"{where}: the server did not answer within {timeout:g} s") from None
        raise
    finally:
        timer.cancel()


@contextmanager
def _connected(where: str) -> Iterator[None]:
    try:
        yield
    except (SSHException, OSError, EOFError) as error:
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise Unreachable(f"{where}: no SSH session ({reason})") from error
