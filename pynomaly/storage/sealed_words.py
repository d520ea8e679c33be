"""What people wrote about their data (names, descriptions, metadata, columns), encrypted in the database: each row's
words are one ciphertext, bound to table, column and row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, Table, select

if TYPE_CHECKING:
    from pynomaly.domain.encryption import DataCipher


class SealedWords:
    """Seals and opens the words of one column; as EncryptedObjects it follows a change of the key."""

    def __init__(self, engine: Engine, table: Table, column: str, cipher: DataCipher) -> None:
        self._engine = engine
        self._reader = engine.execution_options(reads_only=True)
        self._table = table
        self._column = column
        self._cipher = cipher

    def seal(self, row_id: str, words: Mapping[str, Any]) -> bytes:
        """The words as they are kept."""
        content = json.dumps(dict(words), separators=(",", ":")).encode()
        return self._cipher.encrypt_data(content, context=self._context(row_id))

    def open(self, row_id: str, sealed: bytes) -> dict[str, Any]:
        """The words; raises CorruptStore where they are another row's, or were changed."""
        found: dict[str, Any] = json.loads(self._cipher.decrypt_data(sealed, context=self._context(row_id)))
        return found

    def contexts(self) -> Iterable[str]:
        """One for each row with words."""
        query = select(self._table.c.id).where(self._table.c[self._column].is_not(None))
        with self._reader.connect() as connection:
            return [self._context(row_id) for row_id in connection.execute(query).scalars().all()]

    def read_encrypted(self, context: str) -> bytes | None:
        """The ciphertext, None where the row has gone."""
        query = select(self._table.c[self._column]).where(self._table.c.id == self._id(context))
        with self._reader.connect() as connection:
            found: bytes | None = connection.execute(query).scalar_one_or_none()
        return found

    def replace_encrypted(self, context: str, old: bytes, new: bytes) -> bool:
        """Keeps `new`, unless the row was changed or deleted meanwhile."""
        column = self._table.c[self._column]
        change = self._table.update().where(self._table.c.id == self._id(context), column == old)
        with self._engine.begin() as connection:
            return connection.execute(change.values({self._column: new})).rowcount == 1

    def _context(self, row_id: str) -> str:
        return f"{self._table.name}.{self._column}:{row_id}"

    def _id(self, context: str) -> str:
        return context.partition(":")[2]
