"""Whom TLS trusts and who we are in it: one context for requests, load, comparisons and probes.

Trusted is whom `ca` names; without it whom $SSL_CERT_FILE and $SSL_CERT_DIR, $REQUESTS_CA_BUNDLE or $CURL_CA_BUNDLE
name, as other tools read them; without these the system's own store.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pynomaly_itest.errors import UsageError

if TYPE_CHECKING:
    import ssl

KEY_PASSWORD = "PYNOMALY_ITEST_KEY_PASSWORD"  # noqa: S105 - a variable's name
_OF_OPENSSL = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_OF_OTHERS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True)
class Tls:
    """Paths of PEM files. ca: the authorities to trust (a file, or a folder as `openssl rehash` makes it) instead of
    the system's. cert, key: our own certificate with its chain, and its key where that is in a file of its own."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    def __bool__(self) -> bool:
        return bool(self.ca or self.cert or self.key)

    def over(self, weaker: Tls) -> Tls:
        """These files where they are said, else those of `weaker`; a certificate keeps its own key."""
        own = self if self.cert or self.key else weaker
        return Tls(self.ca or weaker.ca, own.cert, own.key)

    def context(self) -> ssl.SSLContext:
        """A client's context; raises UsageError for a file that is not there, or not what it should be."""
        names = (*_OF_OPENSSL, *_OF_OTHERS, KEY_PASSWORD)
        return _context(self, tuple((name, os.environ.get(name, "")) for name in names))

    def identify(self, context: ssl.SSLContext) -> None:
        """Give a context our own certificate, where we have one; raises UsageError."""
        if self.key and not self.cert:
            raise UsageError(f"key {self.key!r} needs the certificate that it is of", hint="--cert FILE")
        if self.cert:
            _load_chain(context, self.cert, self.key, os.environ.get(KEY_PASSWORD, ""))


SYSTEM = Tls()
"""The system's store, or whom the environment names; and we are nobody."""


@lru_cache(maxsize=16)
def _context(tls: Tls, environment: tuple[tuple[str, str], ...]) -> ssl.SSLContext:
    import ssl

    named = _authorities(tls, dict(environment))
    try:
        if named is None:
            context = ssl.create_default_context()  # which heeds $SSL_CERT_FILE and $SSL_CERT_DIR
        elif named.path.is_dir():
            context = ssl.create_default_context(capath=str(named.path))
        else:
            context = ssl.create_default_context(cafile=str(named.path))
    except (ssl.SSLError, OSError) as problem:
        raise UsageError(
            f"{named.said if named else 'ca'}: no certificates in PEM form can be read from it",
            hint="a file of -----BEGIN CERTIFICATE----- blocks",
        ) from problem
    # newer Pythons ask authorities for fields that home-made ones seldom have, and curl does not ask for
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", ssl.VerifyFlags(0))
    tls.identify(context)
    return context


@dataclass(frozen=True)
class _Authorities:
    path: Path
    said: str


def _authorities(tls: Tls, environment: Mapping[str, str]) -> _Authorities | None:
    """The file or folder to trust, and how it was said; None: whom OpenSSL trusts by itself."""
    if tls.ca:
        return _there(Path(tls.ca).expanduser(), f"ca {tls.ca!r}")
    said = [(name, environment[name]) for name in _OF_OPENSSL if environment.get(name)]
    for name, said_path in said:
        _there(Path(said_path.split(os.pathsep)[0]), f"${name} ({said_path!r})")
    if said:
        return None
    for name in _OF_OTHERS:
        if path := environment.get(name):
            return _there(Path(path).expanduser(), f"${name} ({path!r})")
    return None


def _there(path: Path, said: str) -> _Authorities:
    if not path.exists():
        raise UsageError(f"{said}: there is no such file")
    return _Authorities(path, said)


def _load_chain(context: ssl.SSLContext, cert: str, key: str | None, password: str) -> None:
    import ssl

    for path in (cert, key):
        if path and not Path(path).expanduser().is_file():
            raise UsageError(f"{'cert' if path == cert else 'key'} {path!r}: there is no such file")

    def asked() -> str:
        if not password:
            raise UsageError(f"the key of {cert!r} is encrypted", hint=f"set ${KEY_PASSWORD}")
        return password

    own_key = None if key is None else str(Path(key).expanduser())
    try:
        context.load_cert_chain(str(Path(cert).expanduser()), own_key, asked)
    except ssl.SSLError as problem:
        raise UsageError(_chain_problem(problem, cert, key, has_password=bool(password))) from problem


def _chain_problem(problem: ssl.SSLError, cert: str, key: str | None, *, has_password: bool) -> str:
    if problem.reason == "KEY_VALUES_MISMATCH":
        return f"key {key or cert!r} is not the key of certificate {cert!r}"
    if has_password and problem.reason is not None and "DECRYPT" in problem.reason:
        return f"the password in ${KEY_PASSWORD} does not open key {key or cert!r}"
    if key is None:
        return (
            f"cert {cert!r}: no certificate with its key can be read from it (a key of its own file: --key)"
        )
    return f"cert {cert!r} and key {key!r}: no certificate with its key can be read from them"


def certificate_problem(problem: ssl.SSLError, host: str, shown: bytes | None) -> str:
    """Why a server's certificate is not trusted, and which it is. shown: as the server shows it (DER), if known."""
    why = getattr(problem, "verify_message", None) or problem.reason or str(problem)
    text = f"TLS: the certificate of {host} is not trusted: {why}"
    return f"{text} ({described(shown)})" if shown else text


def described(certificate: bytes) -> str:
    """A certificate in words: whose it is, who issued it, for which names, and until when."""
    from cryptography import x509

    try:
        found = x509.load_der_x509_certificate(certificate)
        try:
            extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
            names = [str(name.value) for name in extension.value][:5]
        except x509.ExtensionNotFound:
            names = []
        parts = [
            f"subject {found.subject.rfc4514_string()[:100] or 'empty'}",
            f"issued by {found.issuer.rfc4514_string()[:100]}",
            f"for {', '.join(names)}" if names else "for no name",
            f"valid from {found.not_valid_before_utc:%Y-%m-%d} to {found.not_valid_after_utc:%Y-%m-%d}",
        ]
    except ValueError:
        return "which can't be read"
    return "".join(ch if ch.isprintable() else "?" for ch in ", ".join(parts))
