"""A certificate authority of the test's own, and certificates that it issued, each with its key in one PEM file."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Issued:
    certificate: bytes
    key: bytes

    def write(self, path: Path) -> str:
        """Both in one file; its path."""
        path.write_bytes(self.certificate + self.key)
        return str(path)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


@cache
def _authority() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(_name("Test CA")).issuer_name(_name("Test CA"))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=2)).not_valid_after(now + timedelta(days=2))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()), key


def authority() -> bytes:
    """The authority's own certificate, in PEM."""
    return _authority()[0].public_bytes(serialization.Encoding.PEM)


def issued(name: str, *, address: str = "127.0.0.1", days: int = 1, password: bytes | None = None) -> Issued:
    """A certificate for `name` and `address`, good for so many days (negative: since when it is no more)."""
    ca, ca_key = _authority()
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address(address))]
    builder = x509.CertificateBuilder().subject_name(_name(name)).issuer_name(ca.subject)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    first, last = now - timedelta(hours=40), now + timedelta(hours=24 * days)
    builder = builder.not_valid_before(first).not_valid_after(last)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    made = builder.sign(ca_key, hashes.SHA256())
    return Issued(made.public_bytes(serialization.Encoding.PEM), _pem(key, password))


def server_side(folder: Path, server: Issued, *, asks_for_clients: bool = False) -> ssl.SSLContext:
    """A server's context with this certificate; where it asks, clients need one of the authority's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.write(folder / "server.pem"))
    if asks_for_clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=authority().decode())
    return context
