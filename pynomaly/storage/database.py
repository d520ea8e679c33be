"""Opens the database: SQLite in WAL mode with durable commits, or PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from pynomaly.domain.errors import Misconfigured

_BUSY_TIMEOUT_S = 30


def open_database(url: str) -> Engine:
    """An engine for `sqlite:///…` or `postgresql://…`; raises Misconfigured for anything else. Connects lazily."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Misconfigured("PYNOMALY_DATABASE_URL is not a database URL.") from error
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _open_sqlite(parsed)
    if backend == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        return create_engine(parsed, pool_size=10, max_overflow=10, pool_pre_ping=True, pool_timeout=10)
    raise Misconfigured(f"PYNOMALY_DATABASE_URL: {backend} is not supported, only sqlite and postgresql.")


def wipe(engine: Engine) -> None:
    """Rewrite an SQLite database, so that what was in clear is left neither in its free pages nor in its journal."""
    if engine.dialect.name != "sqlite":
        return
    connection = engine.raw_connection()
    try:
        for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            connection.cursor().execute(statement)
    finally:
        connection.close()


def _make_private(database: str | None) -> None:
    """Make the file, or what SQLite keeps beside it, readable by its owner only, whatever folder it lies in."""
    if not database or database == ":memory:":
        return
    path = Path(database)
    if path.parent.is_dir():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        if file.exists() and file.stat().st_uid == os.geteuid():
            file.chmod(0o600)


def _open_sqlite(parsed: URL) -> Engine:
    url = parsed.render_as_string(hide_password=False)
    engine = create_engine(
        url, connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False}, pool_size=10
    )

    _make_private(parsed.database)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        # "immediate" below only works if the driver leaves transactions to us
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # a reader must not wait for writers, a writer must not discover at its first write that it came too late
        is_reading = connection.get_execution_options().get("reads_only", False)
        connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")

    return engine
