"""How the schema came to be, step by step; Alembic runs the steps that a database hasn't had yet."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

HEAD = "0003"
"""The newest step. Known here so that a start finds out in one query that there is nothing to do."""

_LOCK_ID = 0x50594E4F  # any number, as long as every server takes the same


def migrate(engine: Engine) -> None:
    """Bring the database to the newest schema; servers that start at the same time wait for one another."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK_ID})
        if current_step(connection) != HEAD:
            _upgrade(connection)


def current_step(connection: Connection) -> str | None:
    """The newest step that this database has had, None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    step: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar_one_or_none()
    return step


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
