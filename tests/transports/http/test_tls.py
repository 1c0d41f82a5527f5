"""Whom we speak to through TLS: the server that its certificate names, vouched for by whom the definition says."""

import ipaddress
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.transports.http.room import Api, Room, Said, rows, secret
from transports.base import Unreachable

ONCE = {"attempts": 1}
HERE: Sequence[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
ELSEWHERE: Sequence[x509.GeneralName] = [x509.DNSName("other.example.com")]


def certificate(folder: Path, names: Sequence[x509.GeneralName], days: int) -> tuple[ssl.SSLContext, str]:
    """A server's side of TLS, and the file that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    vouching, private = folder / "ca.pem", folder / "key.pem"
    vouching.write_bytes(built.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(vouching, private)
    return context, str(vouching)


def test_a_server_that_its_own_authority_vouches_for_is_spoken_to(room: Room, tmp_path: Path) -> None:
    context, ca = certificate(tmp_path, HERE, 30)
    with Api(lambda asked: {"data": rows(*range(3)[int(asked.query["skip"]) :][:2])}, context).running() as api:
        paging = {"type": "offset", "param": "skip", "size": 2}
        assert room.read(api, ca=ca, pagination=paging, auth={"type": "bearer", "token": secret("t")}).ids() == [
            0,
            1,
            2,
        ]


@pytest.mark.fault("H13")
@pytest.mark.parametrize(
    ("names", "days", "vouches"),
    [(HERE, 30, False), (ELSEWHERE, 30, True), (HERE, -1, True)],
    ids=["nobody vouches for it", "another name", "expired"],
)
def test_any_other_server_gets_no_request(
    room: Room, tmp_path: Path, names: Sequence[x509.GeneralName], days: int, vouches: bool
) -> None:
    context, ca = certificate(tmp_path, names, days)
    with (
        Api(lambda asked: {"data": []}, context).running() as api,
        pytest.raises(Unreachable, match=r"TLS with 127\.0\.0\.1"),
    ):
        room.read(api, **({"ca": ca} if vouches else {}))
    assert api.asked == []
    assert room.clock.slept == []  # it would be the same certificate in a minute


def test_the_deadline_holds_inside_tls(tmp_path: Path) -> None:
    context, ca = certificate(tmp_path, HERE, 30)

    def slow(asked: object) -> Said:
        time.sleep(2)  # the server's own slowness is what is tried
        return Said({"data": []})

    room = Room(real_time=True)
    began = time.monotonic()
    with Api(slow, context).running() as api, pytest.raises(Unreachable, match="timeout"):
        room.read(api, ca=ca, timeout="1s", retry=ONCE)
    assert time.monotonic() - began < 4
