"""The encryption keys: in a file or the environment, never in the database; one active, the others still
readable.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Protocol

from pynomaly.domain.errors import Conflict, CorruptStore, Misconfigured
from pynomaly.security.settings import Key

_KEY_BYTES = 32
_ID_LENGTH = 8


class Keyring(Protocol):
    """Where keys come from."""

    def active(self) -> Key:
        """The key under which new data is encrypted."""

    def key(self, key_id: str) -> Key:
        """The key of that id; raises CorruptStore where it is not known."""

    def rotate(self) -> str:
        """Makes a new key, makes it the active one, and gives its id; the old ones stay readable."""

    def retire(self, key_id: str) -> None:
        """Forgets a key that nothing is encrypted under any more; raises Conflict for the active one."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys (id to 32 bytes) and which of them is active."""

    active_id: str
    keys: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def fresh(cls) -> KeySet:
        """One new random key."""
        key_id = secrets.token_hex(_ID_LENGTH // 2)
        return cls(key_id, {key_id: secrets.token_bytes(_KEY_BYTES)})

    @classmethod
    def parse(cls, text: str, source: str) -> KeySet:
        """Reads `{"active": id, "keys": {id: base64}}`; raises Misconfigured naming the source, not the
        content.
        """
        try:
            record = json.loads(text)
            keys = {
                str(key_id): base64.b64decode(key, validate=True) for key_id, key in record["keys"].items()
            }
            active_id = str(record["active"])
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            raise Misconfigured(f"{source} is not a key set.") from None
        if active_id not in keys or any(len(key) != _KEY_BYTES for key in keys.values()):
            raise Misconfigured(f"{source} needs keys of {_KEY_BYTES} bytes, one of them active.")
        if any(len(key_id) != _ID_LENGTH or not key_id.isascii() for key_id in keys):
            raise Misconfigured(f"{source} needs key ids of {_ID_LENGTH} ASCII characters.")
        return cls(active_id, keys)

    def text(self) -> str:
        """What `parse` reads."""
        keys = {key_id: base64.b64encode(key).decode() for key_id, key in self.keys.items()}
        return json.dumps({"active": self.active_id, "keys": keys}, indent=1)

    def get(self, key_id: str) -> Key | None:
        """The key of that id, if it is there."""
        secret = self.keys.get(key_id)
        return None if secret is None else Key(key_id, secret)


class FixedKeyring:
    """Keys that the environment gives (PYNOMALY_ENCRYPTION_KEYS): rotated there, not here."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    def active(self) -> Key:
        """The key under which new data is encrypted."""
        return self.key(self._keys.active_id)

    def key(self, key_id: str) -> Key:
        """The key of that id; raises CorruptStore where it is not known."""
        return self._keys.get(key_id) or _unknown()

    def rotate(self) -> str:
        """Raises Conflict."""
        raise _fixed()

    def retire(self, key_id: str) -> None:
        """Raises Conflict."""
        raise _fixed()


class FileKeyring:
    """Keys in a file that only its owner may read; other processes see a rotation at their next
    encryption.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file or makes it with one key; raises Misconfigured where others may read or write it."""
        self._path = path
        self._lock = RLock()
        if not path.exists():
            _create(path, KeySet.fresh())
        self._stamp = self._stat()
        self._keys = self._read()

    def active(self) -> Key:
        """The key under which new data is encrypted, as the file says now."""
        if self._stat() != self._stamp:
            self._reload()
        return self.key(self._keys.active_id)

    def key(self, key_id: str) -> Key:
        """The key of that id, looked for in the file again before CorruptStore says that it isn't known."""
        found = self._keys.get(key_id)
        if found is None:
            self._reload()
            found = self._keys.get(key_id)
        return found or _unknown()

    def rotate(self) -> str:
        """Makes a new key, makes it the active one, and gives its id; the old ones stay readable."""
        with self._lock, _exclusive(self._path):
            self._reload()
            new = KeySet.fresh()
            self._write(KeySet(new.active_id, {**self._keys.keys, **new.keys}))
            return new.active_id

    def retire(self, key_id: str) -> None:
        """Forgets a key; raises Conflict for the active one. What is still encrypted under it is lost for
        good.
        """
        with self._lock, _exclusive(self._path):
            self._reload()
            if key_id == self._keys.active_id:
                raise Conflict("The active key can't be retired; rotate first.")
            left = {other: key for other, key in self._keys.keys.items() if other != key_id}
            self._write(KeySet(self._keys.active_id, left))

    def _reload(self) -> None:
        with self._lock:
            self._stamp = self._stat()
            self._keys = self._read()

    def _write(self, keys: KeySet) -> None:
        _replace(self._path, keys)
        self._reload()

    def _read(self) -> KeySet:
        return KeySet.parse(self._path.read_text(), str(self._path))

    def _stat(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except OSError as error:
            raise Misconfigured(f"The key file {self._path} can't be read: {error.strerror}.") from error
        if status.st_mode & 0o077 or status.st_uid != os.geteuid():
            raise Misconfigured(
                f"The key file {self._path} must belong to this user, and only he may read it.",
                hint=f"chmod 600 {self._path}",
            )
        return status.st_ino, status.st_mtime_ns


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """One process at a time changes the key file; the lock lies beside it, because the file is replaced."""
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _create(path: Path, keys: KeySet) -> None:
    """Of several processes that start at once one makes the file, whole; the others read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path, keys)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def _replace(path: Path, keys: KeySet) -> None:
    os.replace(_draft(path, keys), path)
    _sync_folder(path.parent)


def _draft(path: Path, keys: KeySet) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w") as stream:
        stream.write(keys.text())
        stream.flush()
        os.fsync(stream.fileno())
    return draft


def _sync_folder(folder: Path) -> None:
    """Makes the new name survive a loss of power."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _unknown() -> Key:
    raise CorruptStore("This was encrypted under a key that is not known here.")


def _fixed() -> Conflict:
    return Conflict(
        "The encryption keys are set from outside.", hint="rotate them in PYNOMALY_ENCRYPTION_KEYS"
    )
