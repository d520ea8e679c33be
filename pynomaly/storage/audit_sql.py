"""The audit log in SQL: one writer at a time, rows that the database itself refuses to change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    RowMapping,
    String,
    Subquery,
    Table,
    Text,
    event,
    func,
    insert,
    select,
)

from pynomaly.domain.audit import AuditEvent, AuditFilter, ChainHead, Link, Outcome
from pynomaly.storage.locking import held_row
from pynomaly.storage.schema import metadata

_BATCH = 1000
_ONLY = 1
"""The key of the one row of audit_head."""

audit_events = Table(
    "audit_events",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("occurred_at", String(32), nullable=False, index=True),
    Column("actor", Text, nullable=False, index=True),
    Column("action", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("resource", Text, nullable=False),
    Column("tenant_id", Text, nullable=False, index=True),
    Column("ip_address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("key_id", String(32), nullable=False),
    Column("previous_digest", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("seal", String(64), nullable=False),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("key_id", String(32), nullable=False),
    Column("seal", String(64), nullable=False),
)

_REFUSE = "SELECT RAISE(ABORT, 'the audit log is append-only')"
_FUNCTION = "audit_events_append_only()"

APPEND_ONLY = {
    "sqlite": (
        f"CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events BEGIN {_REFUSE}; END",
        f"CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events BEGIN {_REFUSE}; END",
    ),
    "postgresql": (
        f"""CREATE OR REPLACE FUNCTION {_FUNCTION} RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$""",
        f"""CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
        FOR EACH STATEMENT EXECUTE FUNCTION {_FUNCTION}""",
    ),
}
"""By dialect: what makes the database refuse changes. `create_all` runs it; a migration must too."""


@event.listens_for(audit_events, "after_create")
def _refuse_changes(_table: Table, connection: Connection, **_: Any) -> None:
    for statement in APPEND_ONLY.get(connection.dialect.name, ()):
        connection.exec_driver_sql(statement)


class SqlAudit:
    """AuditRepository."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = engine.execution_options(reads_only=True)

    def append(self, forge: Callable[[ChainHead], Link]) -> AuditEvent:
        """See AuditRepository; the head's row is the lock that writers in all processes queue at."""
        empty = {"id": _ONLY, **asdict(ChainHead(0, ""))}
        with self._engine.begin() as connection:
            link = forge(_head(held_row(connection, audit_head, empty)))
            connection.execute(insert(audit_events).values(_event_values(link.event)))
            connection.execute(audit_head.update().where(audit_head.c.id == _ONLY).values(asdict(link.head)))
        return link.event

    def head(self) -> ChainHead:
        """See AuditRepository."""
        with self._reader.connect() as connection:
            row = connection.execute(select(audit_head)).mappings().one_or_none()
        return ChainHead(0, "") if row is None else _head(row)

    def find(self, wanted: AuditFilter) -> Sequence[AuditEvent]:
        """See AuditRepository."""
        table = _own_numbers(wanted.tenant_id or "") if wanted.own_numbers else audit_events
        columns = table.c
        query = select(table).where(columns.sequence > wanted.after_sequence).limit(wanted.limit)
        for name in ("actor", "action", "outcome", "resource", "tenant_id"):
            value = getattr(wanted, name)
            if value is not None:
                query = query.where(columns[name] == str(value))
        if wanted.since is not None:
            query = query.where(columns.occurred_at >= wanted.since)
        if wanted.until is not None:
            query = query.where(columns.occurred_at < wanted.until)
        order = columns.sequence.desc() if wanted.newest_first else columns.sequence
        with self._reader.connect() as connection:
            return [_event(row) for row in connection.execute(query.order_by(order)).mappings()]

    def count_of(self, tenant_id: str, *, before: int | None = None) -> int:
        """See AuditRepository."""
        query = select(func.count()).where(audit_events.c.tenant_id == tenant_id)
        if before is not None:
            query = query.where(audit_events.c.sequence < before)
        with self._reader.connect() as connection:
            return int(connection.scalar(query) or 0)

    def stream(self, *, after: int = 0) -> Iterator[AuditEvent]:
        """See AuditRepository; reads a batch at a time and holds no transaction open while the caller
        works.
        """
        while batch := self.find(AuditFilter(after_sequence=after, limit=_BATCH)):
            yield from batch
            after = batch[-1].sequence


def _own_numbers(tenant_id: str) -> Subquery:
    """A tenant's events, numbered from 1 among themselves."""
    number = func.row_number().over(order_by=audit_events.c.sequence).label("sequence")
    others = [column for column in audit_events.c if column.name != "sequence"]
    return select(number, *others).where(audit_events.c.tenant_id == tenant_id).subquery()


def _head(row: RowMapping) -> ChainHead:
    return ChainHead(row["sequence"], row["digest"], row["key_id"], row["seal"])


def _event(row: RowMapping) -> AuditEvent:
    fields: dict[str, Any] = dict(row)
    fields["outcome"] = Outcome(row["outcome"])
    fields["details"] = json.loads(row["details"])
    return AuditEvent(**fields)


def _event_values(event: AuditEvent) -> dict[str, Any]:
    details = json.dumps(dict(event.details), sort_keys=True, ensure_ascii=True)
    return {**asdict(event), "outcome": event.outcome.value, "details": details}
