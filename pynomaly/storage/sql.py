"""What the four repositories of owned things share: reading a page of somebody's rows, newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Engine, RowMapping, Table, delete, func, select

from pynomaly.domain.ports import Listing, Page, Scope

if TYPE_CHECKING:
    from pynomaly.storage.sealed_words import SealedWords

T = TypeVar("T")

_ROWS_AT_ONCE = 50
_PAGE_BYTES = 8 << 20
"""Of what the rows of one page hold: their owners decide how large each is, up to some hundred kilobytes."""


class OwnedRows:
    """One table with the columns id, owner_id, tenant_id, level and created_at."""

    def __init__(self, engine: Engine, table: Table) -> None:
        self.engine = engine
        self._reader = engine.execution_options(reads_only=True)
        self._table = table

    def insert(self, values: dict[str, Any]) -> None:
        """Add one row, durably."""
        with self.engine.begin() as connection:
            connection.execute(self._table.insert().values(values))

    def row(self, row_id: str) -> RowMapping | None:
        """The row with that id."""
        with self._reader.connect() as connection:
            found = connection.execute(select(self._table).where(self._table.c.id == row_id)).mappings()
            return found.one_or_none()

    def page(
        self, scope: Scope, page: Page, build: Callable[[RowMapping], T], *extra: ColumnElement[bool]
    ) -> Listing[T]:
        """One page of the scope's rows and how many it has in all; it ends early once it has _PAGE_BYTES."""
        table = self._table
        wanted = [table.c.tenant_id == scope.tenant_id, table.c.level <= int(scope.clearance), *extra]
        if scope.owner_id is not None:
            wanted.append(table.c.owner_id == scope.owner_id)
        newest_first = table.c.created_at.desc(), table.c.id
        query = select(table).where(*wanted).order_by(*newest_first).limit(page.limit).offset(page.offset)
        with self._reader.connect() as connection:
            total = connection.execute(select(func.count()).select_from(table).where(*wanted)).scalar_one()
            found = connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}).mappings()
            items = [build(row) for row in _within(found, _PAGE_BYTES)]
        return Listing(items, total)

    def of_owner(self, owner_id: str, build: Callable[[RowMapping], T]) -> list[T]:
        """All rows of one owner."""
        with self._reader.connect() as connection:
            found = connection.execute(select(self._table).where(self._table.c.owner_id == owner_id))
            return [build(row) for row in found.mappings()]

    def change(self, row_id: str, values: dict[str, Any], *extra: ColumnElement[bool]) -> bool:
        """Set columns of one row if it (still) meets the conditions; whether it did."""
        table = self._table
        with self.engine.begin() as connection:
            done = connection.execute(table.update().where(table.c.id == row_id, *extra).values(values))
        return done.rowcount == 1

    def seal_clear(
        self,
        words: SealedWords,
        column: str,
        emptied: Mapping[str, Any],
        is_clear: ColumnElement[bool],
    ) -> int:
        """Seal what rows of an earlier version have in clear, and leave `emptied` in those columns; how many."""
        table = self._table
        with self.engine.begin() as connection:
            found = connection.execute(select(table).where(is_clear)).mappings().all()
            for row in found:
                sealed = words.seal(row["id"], {name: row[name] for name in emptied})
                change = table.update().where(table.c.id == row["id"])
                connection.execute(change.values({**emptied, column: sealed}))
        return len(found)

    def remove(self, row_id: str) -> bool:
        """Delete one row; whether it was there."""
        with self.engine.begin() as connection:
            return connection.execute(delete(self._table).where(self._table.c.id == row_id)).rowcount == 1

    def every(self, column: str = "id") -> set[str]:
        """All values of a column, of every tenant."""
        with self._reader.connect() as connection:
            found = connection.execute(select(self._table.c[column])).scalars()
            return {value for value in found if value is not None}


def _within(rows: Iterable[RowMapping], max_bytes: int) -> Iterator[RowMapping]:
    """The rows until they have so many bytes together; one at least."""
    n_bytes = 0
    for row in rows:
        yield row
        n_bytes += sum(_size(value) for value in row.values())
        if n_bytes >= max_bytes:
            return


def _size(value: Any) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    return len(msgspec.json.encode(value)) if isinstance(value, list | dict) else 8
