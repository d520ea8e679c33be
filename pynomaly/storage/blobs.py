"""Sealed files: written under a temporary name, fsynced, renamed; each chunk authenticated when read.

Layout of a file: the magic, then frames of a 4-byte big-endian length (top bit: last frame) and that many sealed
bytes. A chunk is sealed to its kind, id, index and whether it is the last, so a frame that was changed, swapped,
dropped or taken from another file doesn't open: the authentication tag is the checksum.
"""

from __future__ import annotations

import fcntl
import io
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from pynomaly.domain.errors import CorruptStore, NotFound

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

    from pynomaly.domain.ports import Cipher

MAGIC = b"PYNB\x01"
CHUNK_BYTES = 1 << 20
_LAST = 1 << 31
_LOCK_SUFFIX = ".lock"


class FileBlobStore:
    """Blobs as files `root/kind/id`; see the module for what a reader may rely on."""

    def __init__(self, root: Path, cipher: Cipher) -> None:
        self._root = root
        self._lock_path = root.with_name(root.name + _LOCK_SUFFIX)
        self._cipher = cipher

    def create(self, kind: str, blob_id: str) -> AbstractContextManager[BinaryIO]:
        """A sink; on a clean exit the blob is on disk for good, after an error nothing is left."""
        return self._sink(kind, blob_id, lambda temporary, path: temporary.replace(path))

    @contextmanager
    def _sink(self, kind: str, blob_id: str, publish: Callable[[Path, Path], object]) -> Iterator[BinaryIO]:
        folder = self._root / kind
        for made in (self._root, folder):
            made.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = folder / f".{blob_id}.{secrets.token_hex(4)}.tmp"
        try:
            with temporary.open("xb") as file:
                sink = _SealingSink(file, self._cipher, f"{kind}/{blob_id}")
                yield cast(BinaryIO, sink)
                sink.finish()
                file.flush()
                os.fsync(file.fileno())
            publish(temporary, folder / blob_id)
            _sync_folder(folder)
        finally:
            temporary.unlink(missing_ok=True)

    def open(self, kind: str, blob_id: str) -> BinaryIO:
        """A buffered source of what was written; raises NotFound here, CorruptStore while reading."""
        try:
            file = (self._root / kind / blob_id).open("rb")
        except FileNotFoundError as error:
            raise NotFound("The stored content is gone.") from error
        source = _OpeningSource(file, self._cipher, f"{kind}/{blob_id}")
        return cast(BinaryIO, io.BufferedReader(source, CHUNK_BYTES))

    def delete(self, kind: str, blob_id: str) -> None:
        """Remove the blob if it is there."""
        with self._one_at_a_time():
            (self._root / kind / blob_id).unlink(missing_ok=True)

    def ids(self, kind: str) -> set[str]:
        """Ids of all blobs of a kind."""
        folder = self._root / kind
        return {p.name for p in folder.iterdir() if not p.name.startswith(".")} if folder.is_dir() else set()

    def sweep(self, kind: str, known_ids: set[str]) -> int:
        """Remove what a crash left behind: temporaries, and blobs nobody knows of; returns how many."""
        folder = self._root / kind
        if not folder.is_dir():
            return 0
        orphans = [path for path in folder.iterdir() if path.name not in known_ids]
        for path in orphans:
            path.unlink(missing_ok=True)
        return len(orphans)

    def reseal(self, kind: str) -> int:
        """Write every blob of a kind anew under the cipher's current key; readers are not disturbed."""
        return sum(self._reseal(kind, blob_id) for blob_id in self.ids(kind))

    def reseal_all(self) -> int:
        """Reseal every kind; returns how many blobs."""
        kinds = [path.name for path in self._root.iterdir() if path.is_dir()] if self._root.is_dir() else []
        return sum(self.reseal(kind) for kind in kinds)

    def _replace_if_there(self, temporary: Path, path: Path) -> None:
        """Put a blob's new form in its place, unless it was deleted meanwhile: a deletion is for good."""
        with self._one_at_a_time():
            if not path.exists():
                raise NotFound("The stored content is gone.")
            temporary.replace(path)

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Deletions and replacements wait for each other, those of other processes too."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _reseal(self, kind: str, blob_id: str) -> bool:
        try:
            renewed = self._sink(kind, blob_id, self._replace_if_there)
            with self.open(kind, blob_id) as source, renewed as sink:
                while chunk := source.read(CHUNK_BYTES):
                    sink.write(chunk)
        except NotFound:  # deleted meanwhile
            return False
        return True


class _SealingSink(io.RawIOBase):
    def __init__(self, file: BinaryIO, cipher: Cipher, place: str) -> None:
        self._file = file
        self._cipher = cipher
        self._place = place
        self._pending = bytearray()
        self._index = 0
        file.write(MAGIC)

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer) -> int:
        view = memoryview(data).cast("B")
        self._pending += view
        while len(self._pending) > CHUNK_BYTES:
            self._seal(bytes(self._pending[:CHUNK_BYTES]), last=False)
            del self._pending[:CHUNK_BYTES]
        return len(view)

    def finish(self) -> None:
        self._seal(bytes(self._pending), last=True)
        self._pending.clear()

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt_data(chunk, context=_context(self._place, self._index, last=last))
        self._file.write((len(sealed) | (_LAST if last else 0)).to_bytes(4, "big"))
        self._file.write(sealed)
        self._index += 1


class _OpeningSource(io.RawIOBase):
    def __init__(self, file: BinaryIO, cipher: Cipher, place: str) -> None:
        self._file = file
        self._cipher = cipher
        self._place = place
        self._chunk = memoryview(b"")
        self._index = 0
        self._is_done = False
        if file.read(len(MAGIC)) != MAGIC:
            file.close()
            raise CorruptStore(f"{place} is not a stored blob.")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        while not len(self._chunk) and not self._is_done:
            self._chunk = memoryview(self._next_chunk())
        n = min(len(target), len(self._chunk))
        target[:n] = self._chunk[:n]
        self._chunk = self._chunk[n:]
        return n

    def _next_chunk(self) -> bytes:
        header = int.from_bytes(head, "big") if len(head := self._file.read(4)) == 4 else -1
        length = header & (_LAST - 1)
        if header < 0 or length > 2 * CHUNK_BYTES or len(sealed := self._file.read(length)) != length:
            raise CorruptStore(f"{self._place} ends too early.")
        self._is_done = bool(header & _LAST)
        context = _context(self._place, self._index, last=self._is_done)
        self._index += 1
        return self._cipher.decrypt_data(sealed, context=context)

    def close(self) -> None:
        self._file.close()
        super().close()


def _context(place: str, index: int, *, last: bool) -> str:
    return f"{place}#{index}{'$' if last else ''}"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
