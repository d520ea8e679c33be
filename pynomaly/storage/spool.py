"""An upload while it comes in: in memory as long as it is small, beyond that in an unnamed file, sealed.

The key is made for this one file and never leaves the memory, so that what a disk keeps of a temporary file tells
nothing, also where the server is killed.
"""

from __future__ import annotations

import io
import tempfile
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

IN_MEMORY_BYTES = 1 << 20
_CHUNK_BYTES = 64 << 10
_TAG_BYTES = 16
_NONCE_BYTES = 12
_KEY_BITS = 256


class SealedSpool(io.RawIOBase):
    """First `append` all of it, then read anywhere. Each chunk is sealed under its number: a nonce is used once."""

    def __init__(self, in_memory_bytes: int = IN_MEMORY_BYTES) -> None:
        self._in_memory_bytes = in_memory_bytes
        self._pending = bytearray()  # what is not sealed: the end, or all of it
        self._n_chunks = 0
        self._file: io.BufferedRandom | None = None
        self._cipher: AESGCM | None = None
        self._at = 0
        self._opened: tuple[int, bytes] = (-1, b"")

    @property
    def size_bytes(self) -> int:
        """How much was appended."""
        return self._n_chunks * _CHUNK_BYTES + len(self._pending)

    def append(self, content: bytes) -> None:
        """Add to the end."""
        self._pending += content
        if self._file is None and len(self._pending) <= self._in_memory_bytes:
            return
        n_full = len(self._pending) // _CHUNK_BYTES
        view = memoryview(bytes(self._pending[: n_full * _CHUNK_BYTES]))
        for i in range(n_full):
            self._seal(view[i * _CHUNK_BYTES : (i + 1) * _CHUNK_BYTES])
        del self._pending[: n_full * _CHUNK_BYTES]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset from the start, from here or from the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size_bytes}[whence]
        if base + offset < 0:
            raise ValueError("before the beginning")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """The offset from the start."""
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer as far as there is content."""
        target = memoryview(buffer).cast("B")
        done = 0
        while done < len(target) and self._at < self.size_bytes:
            index, start = divmod(self._at, _CHUNK_BYTES)
            if index < self._n_chunks:
                part = memoryview(self._chunk(index))[start : start + len(target) - done]
            else:
                first = self._at - self._n_chunks * _CHUNK_BYTES
                part = memoryview(bytes(self._pending[first : first + len(target) - done]))
            target[done : done + len(part)] = part
            done += len(part)
            self._at += len(part)
        return done

    def close(self) -> None:
        """Forget all of it."""
        if self._file is not None:
            self._file.close()
        self._pending.clear()
        self._cipher = None
        super().close()

    def _seal(self, chunk: memoryview) -> None:
        if self._cipher is None:
            self._cipher = AESGCM(AESGCM.generate_key(_KEY_BITS))
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the spool
        self._file.write(self._cipher.encrypt(_nonce(self._n_chunks), chunk, None))
        self._n_chunks += 1

    def _chunk(self, index: int) -> bytes:
        if self._opened[0] != index:
            if self._file is None or self._cipher is None:
                raise ValueError("the spool is closed")
            self._file.seek(index * (_CHUNK_BYTES + _TAG_BYTES))
            sealed = self._file.read(_CHUNK_BYTES + _TAG_BYTES)
            self._opened = index, self._cipher.decrypt(_nonce(index), sealed, None)
        return self._opened[1]


def _nonce(index: int) -> bytes:
    return index.to_bytes(_NONCE_BYTES, "big")
