"""Handshakes with chosen versions of TLS, and whether our own OpenSSL could make them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import warnings
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

    from pynomaly_itest.probing.context import ProbeContext

_PATIENCE_S = 5.0
_WEAKEST = "ALL:@SECLEVEL=0"  # old versions need signatures that OpenSSL refuses by default


def context_for(side: int, lowest: ssl.TLSVersion, highest: ssl.TLSVersion) -> ssl.SSLContext:
    """A context of one side that speaks these versions only, and trusts anybody: only the version is looked at."""
    context = ssl.SSLContext(side)
    if side == ssl.PROTOCOL_TLS_CLIENT:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(_WEAKEST)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that they are deprecated is the point
        context.minimum_version = lowest
        context.maximum_version = highest
    return context


async def handshake(ctx: ProbeContext, lowest: ssl.TLSVersion, highest: ssl.TLSVersion) -> bool:
    """Whether the target completes a handshake with these versions."""
    context = context_for(ssl.PROTOCOL_TLS_CLIENT, lowest, highest)
    ctx.wire.tls.identify(context)
    try:
        connection = await ctx.wire.connect(tls=context)
    except (ssl.SSLError, ConnectionError, TimeoutError):
        return False
    await connection.close()
    return True


async def speaks_plainly(ctx: ProbeContext) -> bool:
    """Whether plain HTTP on the TLS port is served rather than refused."""
    parts = urlsplit(ctx.target.info.url)
    ctx.budget.spend(connections=1, requests=1)
    await ctx.wire.departures.leave()
    writer = None
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer = await asyncio.open_connection(ctx.wire.address, parts.port or 443)
            writer.write(
                f"GET /api/v1/health HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode()
            )
            head = await reader.read(64)
    except (OSError, TimeoutError):
        return False
    finally:
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    return head.startswith(b"HTTP/1.") and head[9:10] == b"2"


@cache
def can_speak(version: ssl.TLSVersion) -> bool:
    """Whether this OpenSSL completes a handshake of that version with itself, in memory."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="pynomaly-itest-tls-") as folder:
        certificate, key = write_certificate(Path(folder))
        try:
            server_side = context_for(ssl.PROTOCOL_TLS_SERVER, version, version)
            server_side.load_cert_chain(certificate, key)
            client_side = context_for(ssl.PROTOCOL_TLS_CLIENT, version, version)
            return _shake_hands(server_side, client_side)
        except (ssl.SSLError, ValueError):
            return False


def _shake_hands(server_side: ssl.SSLContext, client_side: ssl.SSLContext) -> bool:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    client = client_side.wrap_bio(to_client, to_server)
    done = set()
    for _ in range(10):
        for side in (client, server):
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                continue
    return len(done) == 2


def write_certificate(
    folder: Path, name: str = "localhost"
) -> tuple[Path, Path]:  # a certificate and its key
    """A self-signed certificate for `name` and 127.0.0.1, good for a day, and its key; made anew each time."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName(
        [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    )
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
    builder = builder.not_valid_after(now + timedelta(days=1)).add_extension(names, critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate_file, key_file
