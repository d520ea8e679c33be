"""Whether this user wrote a run's log: a signature beside it, by a key that is made at its first use and never leaves.

A run's folder may come from anybody, and names a target, an account, profiles and Python. What it names is used only
where the signature holds. `run.jsonl.sig` has two lines, each the length of the log and its HMAC-SHA256: that before
and that after the event which is written next, so that a run which was killed between the two writes has its signature.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

_PURPOSE = b"pynomaly-itest run log 1\n"
_KEY_BYTES = 32
_LINE = "{length:020d} {mac}\n"


class LogSignature:
    """Signs a log as it grows: `grows_by` before each write."""

    def __init__(self, log: Path, key: bytes) -> None:
        """Raises OSError where the signature can't be written, Foreign where somebody else began the log."""
        begun = log.read_bytes() if log.exists() else b""
        if begun and not _holds(begun, _signed(log), key):
            raise Foreign
        self._mac = hmac.new(key, _PURPOSE + begun, hashlib.sha256)
        self._length = len(begun)
        self._line = self._said()
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(_beside(log), flags, 0o600)

    def grows_by(self, line: bytes) -> None:
        """Sign the log as it is and as it will be with this line. Raises OSError."""
        before = self._line
        self._mac.update(line)
        self._length += len(line)
        self._line = self._said()
        os.pwrite(self._file, before + self._line, 0)

    def close(self) -> None:
        os.close(self._file)

    def _said(self) -> bytes:
        return _LINE.format(length=self._length, mac=self._mac.copy().hexdigest()).encode()


class Foreign(Exception):
    """A log that this user did not begin."""


def signature_for(log: Path) -> LogSignature | None:
    """What signs this log; None where there is no key, or the log is somebody else's: it stays without a signature.

    Neither is a device or a pipe signed, which may have no end to read.
    """
    if log.exists() and not log.is_file():
        return None
    key = _key(makes=True)
    if isinstance(key, str):
        return None
    with contextlib.suppress(OSError, Foreign):
        return LogSignature(log, key)
    return None


def sign(file: Path) -> None:
    """Sign a file as it is, where there is a key and a place for the signature."""
    key = _key(makes=True)
    if isinstance(key, bytes):
        with contextlib.suppress(OSError):
            _beside(file).unlink(missing_ok=True)
            content = file.read_bytes()
            mac = hmac.new(key, _PURPOSE + content, hashlib.sha256).hexdigest()
            _beside(file).write_text(_LINE.format(length=len(content), mac=mac), encoding="ascii")


def why_foreign(log: Path) -> str | None:
    """Why this log can't be known to be this user's own; None where its signature holds. Raises OSError."""
    key = _key(makes=False)
    if isinstance(key, str):
        return key
    signed = _signed(log)
    if not signed:
        return "it has no signature"
    if not _holds(log.read_bytes(), signed, key):
        return "its signature is not this user's, or it was changed afterwards"
    return None


@dataclass(frozen=True)
class _Signed:
    length: int
    mac: str


def _signed(log: Path) -> list[_Signed]:
    try:
        lines = _beside(log).read_text(encoding="ascii").splitlines()
        return [_Signed(int(length), mac) for length, mac in (line.split() for line in lines[:2])]
    except (OSError, ValueError):
        return []


def _holds(content: bytes, signed: list[_Signed], key: bytes) -> bool:
    """Whether one of the lines signs all of the log, but for an event that broke off in its writing."""
    for each in signed:
        rest = content[each.length :]
        if each.length <= len(content) and (not rest or b"\n" not in rest):
            mac = hmac.new(key, _PURPOSE + content[: each.length], hashlib.sha256).hexdigest()
            if hmac.compare_digest(mac, each.mac):
                return True
    return False


def _beside(log: Path) -> Path:
    return log.with_name(f"{log.name}.sig")


def _key(*, makes: bool) -> bytes | str:
    """The user's key, or why there is none to go by."""
    try:
        state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    except RuntimeError:
        return "this user has no home folder for the key that signs runs"
    path = Path(state) / "pynomaly-itest" / "signing.key"
    try:
        key = _read_key(path)
        if key is None and makes:
            key = _make_key(path)
        return "no run was signed by this user yet" if key is None else key
    except OSError as problem:
        return f"{path} can't be used: {problem.strerror}"


def _read_key(path: Path) -> bytes | str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid() or about.st_mode & 0o077:
            return f"{path} is not this user's alone (chmod 600 makes it so)"
        key = file.read(_KEY_BYTES + 1)
    return key if len(key) == _KEY_BYTES else f"{path} is no key of {_KEY_BYTES} bytes (remove it)"


def _make_key(path: Path) -> bytes | str | None:
    """Written beside and linked into place: of two runs that begin at once, one makes it and both read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink()
    return _read_key(path)
