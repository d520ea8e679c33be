"""The face through which stores encrypt what they put on disk, without knowing keys or algorithms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol


class DataCipher(Protocol):
    """Authenticated encryption. `context` names the object (`dataset:<id>`): a ciphertext opens only under
    the same.
    """

    def encrypt_data(self, data: bytes, *, context: str) -> bytes: ...

    def decrypt_data(self, blob: bytes, *, context: str) -> bytes:
        """Raises CorruptStore where anything at all has been changed, swapped or cut off."""

    def encrypt_stream(self, chunks: Iterable[bytes], *, context: str) -> Iterator[bytes]:
        """As encrypt_data, for what doesn't fit in memory."""

    def decrypt_stream(self, chunks: Iterable[bytes], *, context: str) -> Iterator[bytes]:
        """As decrypt_data; each piece is authentic when it is handed out, the end only when the iterator
        ends.
        """
