"""Encryption at rest: AES-256-GCM in segments, each bound to its object, its place and its end of the whole.

The construction is Tink's AES-GCM-HKDF streaming (Hoang, Reyhanitabar, Rogaway and Vizár, "Online
Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015): a key of its own for each
message, derived from the key ring's key and a random salt, so that no number of messages wears a key out; a
nonce of random prefix, segment number and a last-segment flag, so that segments can't be reordered, repeated
or cut off.

header  "PYNE" version(1) key id(8) segment bytes(4) salt(32) nonce prefix(7)     56 bytes segment ciphertext,
GCM tag(16)                                                   all but the last are full
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pynomaly.domain.errors import CorruptStore
from pynomaly.security.keyring import Keyring

_HEADER = struct.Struct(">4sB8sI32s7s")
_MAGIC, _VERSION = b"PYNE", 1
_TAG_BYTES = 16
_MAX_SEGMENT_BYTES = 1 << 24
_MAX_SEGMENTS = 1 << 32


class EncryptedObjects(Protocol):
    """A store whose objects can be brought under the active key one by one, while it is in use."""

    def contexts(self) -> Iterable[str]:
        """The context under which each object was encrypted; it names the object too."""

    def read_encrypted(self, context: str) -> bytes | None:
        """The ciphertext, or None if the object has gone meanwhile."""

    def replace_encrypted(self, context: str, old: bytes, new: bytes) -> bool:
        """Stores `new` atomically, provided that `old` is still what is stored; False otherwise."""


@dataclass(frozen=True, slots=True)
class ReEncryption:
    """What a pass over a store did: objects brought under the active key, already there, and changed
    meanwhile.
    """

    n_renewed: int
    n_current: int
    n_left: int


class EncryptionService:
    """Encrypts bytes and streams under the key ring's active key. Holds no keys itself, and no state."""

    def __init__(self, keyring: Keyring, *, segment_bytes: int = 1 << 20) -> None:
        self._keyring = keyring
        self._segment_bytes = segment_bytes

    def encrypt_data(self, data: bytes, *, context: str) -> bytes:
        """The ciphertext; 72 bytes longer, and 16 more for each further MiB. `context` names the object."""
        return b"".join(self.encrypt_stream([data], context=context))

    def decrypt_data(self, blob: bytes, *, context: str) -> bytes:
        """The plaintext; raises CorruptStore for anything that was changed, cut, or is another object's."""
        return b"".join(self.decrypt_stream([blob], context=context))

    def encrypt_stream(self, chunks: Iterable[bytes], *, context: str) -> Iterator[bytes]:
        """The ciphertext in pieces; memory is bounded by one segment and the largest chunk."""
        key = self._keyring.active()
        header = _HEADER.pack(
            _MAGIC,
            _VERSION,
            key.id.encode(),
            self._segment_bytes,
            secrets.token_bytes(32),
            secrets.token_bytes(7),
        )
        cipher = _SegmentCipher(key.secret, header, context)
        yield header
        for segment in _segments(chunks, self._segment_bytes):
            yield cipher.sealed(segment)

    def decrypt_stream(self, chunks: Iterable[bytes], *, context: str) -> Iterator[bytes]:
        """The plaintext in pieces, each authentic; raises CorruptStore where one isn't, or the end is
        missing.
        """
        pieces = iter(chunks)
        start = bytearray()
        for piece in pieces:
            start += piece
            if len(start) >= _HEADER.size:
                break
        header = bytes(start[: _HEADER.size])
        segment_bytes = _checked_segment_bytes(header)
        cipher = _SegmentCipher(self._keyring.key(_key_id(header)).secret, header, context)
        rest = _chained(bytes(start[_HEADER.size :]), pieces)
        for segment in _segments(rest, segment_bytes + _TAG_BYTES):
            yield cipher.opened(segment)

    def rotate_keys(self) -> str:
        """Makes a new key the active one and gives its id. Everything stays readable; see re_encrypt."""
        return self._keyring.rotate()

    def retire_key(self, key_id: str) -> None:
        """Forgets a key under which nothing is encrypted any more: what still were would be lost."""
        self._keyring.retire(key_id)

    def key_id_of(self, blob: bytes) -> str:
        """The id of the key under which this was encrypted; its first 56 bytes are enough."""
        header = bytes(blob[: _HEADER.size])
        _checked_segment_bytes(header)
        return _key_id(header)

    def re_encrypt_stream(self, chunks: Iterable[bytes], *, context: str) -> Iterator[bytes]:
        """The same content under the active key, for what doesn't fit in memory."""
        return self.encrypt_stream(self.decrypt_stream(chunks, context=context), context=context)

    def re_encrypt(self, store: EncryptedObjects) -> ReEncryption:
        """Brings every small object under the active key, one at a time, while others use the store.

        An object that changes meanwhile is left for the next pass; when a pass leaves none, the old keys are
        free.
        """
        active_id = self._keyring.active().id
        n_renewed = n_current = n_left = 0
        for context in store.contexts():
            old = store.read_encrypted(context)
            if old is None or self.key_id_of(old) == active_id:
                n_current += 1
                continue
            new = self.encrypt_data(self.decrypt_data(old, context=context), context=context)
            is_renewed = store.replace_encrypted(context, old, new)
            n_renewed += is_renewed
            n_left += not is_renewed
        return ReEncryption(n_renewed, n_current, n_left)


class _SegmentCipher:
    """The cipher of one message: counts its segments."""

    def __init__(self, master: bytes, header: bytes, context: str) -> None:
        if not context:
            raise ValueError("a ciphertext must be bound to an object")
        *_, salt, prefix = _HEADER.unpack(header)
        self._prefix = bytes(prefix)
        self._bound = header + context.encode()
        derive = HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"pynomaly/data")
        self._aead = AESGCM(derive.derive(master))
        self._n_segments = 0

    def sealed(self, segment: _Segment) -> bytes:
        return self._aead.encrypt(self._nonce(segment), segment.data, self._bound)

    def opened(self, segment: _Segment) -> bytes:
        try:
            return self._aead.decrypt(self._nonce(segment), segment.data, self._bound)
        except InvalidTag:
            raise _changed() from None

    def _nonce(self, segment: _Segment) -> bytes:
        number = self._n_segments
        self._n_segments += 1
        if number >= _MAX_SEGMENTS:
            raise CorruptStore("The data is too long to be encrypted as one object.")
        return self._prefix + number.to_bytes(4, "big") + bytes([segment.is_last])


@dataclass(frozen=True, slots=True)
class _Segment:
    data: bytes
    is_last: bool


def _segments(chunks: Iterable[bytes], size: int) -> Iterator[_Segment]:
    """Cuts into full segments and a last one of 0 to `size` bytes: always exactly one that is last."""
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        start = 0
        while len(waiting) - start > size:
            yield _Segment(bytes(memoryview(waiting)[start : start + size]), is_last=False)
            start += size
        del waiting[:start]
    yield _Segment(bytes(waiting), is_last=True)


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _checked_segment_bytes(header: bytes) -> int:
    if len(header) < _HEADER.size:
        raise _changed()
    magic, version, _, segment_bytes, _, _ = _HEADER.unpack(header)
    if magic != _MAGIC or version != _VERSION or not 0 < segment_bytes <= _MAX_SEGMENT_BYTES:
        raise _changed()
    return int(segment_bytes)


def _key_id(header: bytes) -> str:
    key_id = bytes(_HEADER.unpack(header)[2])
    return key_id.decode("ascii", "replace")


def _changed() -> CorruptStore:
    return CorruptStore("Stored data was changed, cut off or put in another's place.")
