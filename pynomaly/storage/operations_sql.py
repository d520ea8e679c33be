"""Operations in SQL: a final state is entered once and stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Double, Engine, Index, RowMapping, SmallInteger, String, Table

from pynomaly.domain.operations import Operation, OperationKind, OperationState
from pynomaly.domain.permissions import SecurityLevel
from pynomaly.domain.ports import Listing, Page, Scope
from pynomaly.storage.schema import Instant, metadata
from pynomaly.storage.sql import OwnedRows

operations = Table(
    "operations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    Column("tenant_id", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("progress", Double, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("subject", JSON, nullable=False),
    Column("result", JSON),
    Column("error", JSON),
    Column("level", SmallInteger, nullable=False, server_default="0"),
    Index(None, "tenant_id", "owner_id", "created_at"),
)

_LIVE = operations.c.state.in_([OperationState.PENDING.value, OperationState.RUNNING.value])


class SqlOperations:
    """OperationRepository on an engine; the clock gives aware datetimes."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._rows = OwnedRows(engine, operations)
        self._clock = clock

    def add(self, operation: Operation) -> None:
        """Keep a new, pending operation."""
        self._rows.insert(
            {
                "id": operation.id,
                "owner_id": operation.owner_id,
                "tenant_id": operation.tenant_id,
                "kind": operation.kind.value,
                "state": operation.state.value,
                "progress": operation.progress,
                "created_at": operation.created_at,
                "subject": dict(operation.subject),
                "level": int(operation.level),
            }
        )

    def get(self, operation_id: str) -> Operation | None:
        """The operation, or None."""
        row = self._rows.row(operation_id)
        return None if row is None else _build(row)

    def list(self, scope: Scope, page: Page) -> Listing[Operation]:
        """One page of the scope's operations, newest first."""
        return self._rows.page(scope, page, _build)

    def of_owner(self, owner_id: str) -> Sequence[Operation]:
        """Everything of one owner."""
        return self._rows.of_owner(owner_id, _build)

    def delete(self, operation_id: str) -> bool:
        """Forget the operation; whether it was there."""
        return self._rows.remove(operation_id)

    def start(self, operation_id: str) -> bool:
        """From pending to running; False if it was cancelled meanwhile."""
        pending = operations.c.state == OperationState.PENDING.value
        values = {"state": OperationState.RUNNING.value, "started_at": self._clock()}
        return self._rows.change(operation_id, values, pending)

    def finish(
        self,
        operation_id: str,
        state: OperationState,
        *,
        result: Mapping[str, Any] | None = None,
        error: Mapping[str, Any] | None = None,
    ) -> bool:
        """Enter a final state; False if there was one already."""
        values: dict[str, Any] = {
            "state": state.value,
            "finished_at": self._clock(),
            "result": None if result is None else dict(result),
            "error": None if error is None else dict(error),
        }
        if state is OperationState.COMPLETED:
            values["progress"] = 1.0
        return self._rows.change(operation_id, values, _LIVE)

    def fail_interrupted(self, reason: str) -> int:
        """Fail all live operations with that reason; returns how many."""
        values = {
            "state": OperationState.FAILED.value,
            "finished_at": self._clock(),
            "error": {"code": "interrupted", "detail": reason},
        }
        with self._rows.engine.begin() as connection:
            return connection.execute(operations.update().where(_LIVE).values(values)).rowcount


def _build(row: RowMapping) -> Operation:
    return Operation(
        id=row["id"],
        owner_id=row["owner_id"],
        tenant_id=row["tenant_id"],
        kind=OperationKind(row["kind"]),
        state=OperationState(row["state"]),
        progress=row["progress"],
        created_at=row["created_at"],
        subject=row["subject"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        result=row["result"],
        error=row["error"],
        level=SecurityLevel(row["level"]),
    )
