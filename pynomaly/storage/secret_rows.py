"""What sessions and API keys have in common as rows: they belong to a user, and can be ended but not brought
back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Engine, RowMapping, Table, and_, delete, select
from sqlalchemy.exc import IntegrityError

from pynomaly.domain.errors import NotFound

T = TypeVar("T")


class OwnedSecrets(Generic[T]):
    """One table with the columns id, user_id, created_at and revoked_at."""

    def __init__(
        self,
        engine: Engine,
        table: Table,
        build: Callable[[RowMapping], T],
        values: Callable[[T], dict[str, Any]],
    ) -> None:
        self._engine = engine
        self._reader = engine.execution_options(reads_only=True)
        self._table = table
        self._build = build
        self._values = values

    def add(self, row: T) -> None:
        """Adds one, durably; raises NotFound where its user has gone."""
        try:
            with self._engine.begin() as connection:
                connection.execute(self._table.insert().values(self._values(row)))
        except IntegrityError as error:  # its owner was erased this moment
            raise NotFound("There is no such user.") from error

    def get(self, row_id: str) -> T | None:
        """The one with that id, ended or not."""
        if not is_storable(row_id):
            return None
        with self._reader.connect() as connection:
            query = select(self._table).where(self._table.c.id == row_id)
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else self._build(row)

    def of_user(self, user_id: str) -> Sequence[T]:
        """A user's, oldest first."""
        if not is_storable(user_id):
            return []
        query = select(self._table).where(self._table.c.user_id == user_id)
        with self._reader.connect() as connection:
            found = connection.execute(query.order_by(self._table.c.created_at, self._table.c.id))
            return [self._build(row) for row in found.mappings()]

    def revoke(self, row_id: str, now: float) -> bool:
        """Ends one; whether this call did."""
        if not is_storable(row_id):
            return False
        condition = and_(self._table.c.id == row_id, self._table.c.revoked_at.is_(None))
        return self.update(condition, {"revoked_at": now}) == 1

    def delete_of_user(self, user_id: str) -> int:
        """Removes all of a user's."""
        return self.remove(self._table.c.user_id == user_id)

    def update(self, condition: ColumnElement[bool], values: dict[str, Any]) -> int:
        """Changes the rows that meet the condition at that moment; how many."""
        with self._engine.begin() as connection:
            return connection.execute(self._table.update().where(condition).values(values)).rowcount

    def remove(self, condition: ColumnElement[bool]) -> int:
        """Deletes the rows that meet the condition; how many."""
        with self._engine.begin() as connection:
            return connection.execute(delete(self._table).where(condition)).rowcount


def is_storable(text: str) -> bool:
    """Whether this could be an id or name of ours at all; PostgreSQL refuses NUL with an error, not with no
    row.
    """
    return text.isascii() and text.isprintable()
