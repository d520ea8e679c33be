"""Rows read in order to be changed: no other writer may come between the reading and the change."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, false, select


def lock_rows(connection: Connection, table: Table, condition: ColumnElement[bool]) -> None:
    """Holds the rows that meet the condition until the transaction ends, in the order of their key.

    PostgreSQL locks the rows; SQLite has one lock for all writers, and a write that changes nothing takes it.
    """
    key = next(iter(table.primary_key.columns))
    if connection.dialect.name == "sqlite":
        connection.execute(table.update().where(condition).values({key.name: key}))
    else:
        connection.execute(select(key).where(condition).order_by(key).with_for_update())


def lock_table(connection: Connection, table: Table) -> None:
    """Keeps every other writer from the table until the transaction ends; readers go on."""
    if connection.dialect.name == "sqlite":
        connection.execute(table.update().where(false()).values({next(iter(table.c)).name: None}))
    else:
        name = connection.dialect.identifier_preparer.format_table(table)
        connection.exec_driver_sql(f"LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE")


def held_row(connection: Connection, table: Table, fresh: dict[str, Any]) -> RowMapping:
    """The row of that key, made from `fresh` if it is absent, and held until the transaction ends.

    One statement, because inserting and then locking lets PostgreSQL's writers wait for each other in a
    circle.
    """
    key = next(iter(table.primary_key.columns))
    statement = _insert(connection, table).values(fresh)
    kept = statement.on_conflict_do_update(
        index_elements=[key], set_={key.name: statement.excluded[key.name]}
    )
    return connection.execute(kept.returning(*table.c)).mappings().one()


def insert_if_absent(connection: Connection, table: Table, values: dict[str, Any]) -> bool:
    """Adds the row unless its key is taken, also when another transaction is just adding it; whether it
    did.
    """
    key = next(iter(table.primary_key.columns))
    statement = _insert(connection, table).values(values).on_conflict_do_nothing().returning(key)
    return connection.execute(statement).one_or_none() is not None


def _insert(connection: Connection, table: Table) -> Any:
    """The dialect's own insert, which knows conflicts; only the dialect that is used is imported."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table)
    from sqlalchemy.dialects.postgresql import insert as postgresql_insert

    return postgresql_insert(table)
