"""The steps lead to the schema that the code declares, in both databases, and are run once."""

from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from pynomaly import app
from pynomaly.storage import migrations
from pynomaly.storage.audit_sql import audit_events
from pynomaly.storage.schema import metadata


def test_head_is_the_newest_step():
    config = Config()
    config.set_main_option("script_location", str(migrations.__path__[0]))
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.HEAD


def test_the_steps_lead_to_what_the_code_declares(engine):
    assert app.migrate is migrations.migrate  # and so every table is declared
    migrations.migrate(engine)
    migrations.migrate(engine)
    with engine.connect() as connection:
        assert migrations.current_step(connection) == migrations.HEAD
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def upgraded_to(engine, step):
    from alembic import command

    config = Config()
    config.set_main_option("script_location", str(migrations.__path__[0]))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, step)


def fill_first_version(engine):
    """Accounts and objects as the first schema held them."""
    user = "INSERT INTO users VALUES (:id, :id, :tenant, 'admin', 4, 'h', :at, :closed, 1, NULL, :no, -1)"
    dataset = "INSERT INTO datasets VALUES (:id, 'u', 't', 'n', NULL, '[]', 1, NULL, 1, 1, '{}', :level)"
    detector = "INSERT INTO detectors VALUES (:id, 'u', 't', 'n', NULL, 'ecod', 0.1, '{}', 1, 1, :mdl, :model, 1, '{}')"
    operation = "INSERT INTO operations VALUES (:id, 'u', 't', 'train', 'completed', 1, 1, 1, 1, :subject, NULL, NULL)"
    users = [("closed", "default", 1, True), ("b", "default", 3, False), ("a", "default", 2, False)]
    users.append(("other", "elsewhere", 0, False))
    model = '{"version": 1, "level": 3}'
    with engine.begin() as connection:
        for name, tenant, at, closed in users:
            values = {"id": name, "tenant": tenant, "at": at, "closed": closed, "no": False}
            connection.execute(text(user), values)
        for name, level in (("low", 0), ("high", 4)):
            connection.execute(text(dataset), {"id": name, "level": level})
        connection.execute(text(detector), {"id": "fitted", "mdl": "m", "model": model})
        connection.execute(text(detector), {"id": "bare", "mdl": None, "model": None})
        for name, subject in (
            ("one", '{"dataset_id": "high"}'),
            ("batch", '{"dataset_ids": ["low", "high"]}'),
            ("gone", '{"dataset_id": "was"}'),
        ):
            connection.execute(text(operation), {"id": name, "subject": subject})


def test_what_the_first_version_kept_gets_its_levels_and_its_operator(engine):
    upgraded_to(engine, "0001")
    fill_first_version(engine)
    migrations.migrate(engine)
    with engine.connect() as connection:
        levels = {
            row.id: row.level
            for table in ("detectors", "operations")
            for row in connection.execute(text(f"SELECT id, level FROM {table}"))  # noqa: S608
        }
        roles = {row.id: row.role for row in connection.execute(text("SELECT id, role FROM users"))}
    assert levels == {"fitted": 3, "bare": 0, "one": 4, "batch": 4, "gone": 1}
    assert roles == {"closed": "admin", "a": "operator", "b": "admin", "other": "admin"}


def test_servers_that_start_together_migrate_once(engine):
    broken = []

    def migrate():
        try:
            migrations.migrate(engine)
        except BaseException as error:
            broken.append(error)

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not broken


def test_the_database_itself_refuses_to_change_the_audit(engine):
    migrations.migrate(engine)
    event = {column.name: 1 if column.name == "sequence" else "x" for column in audit_events.columns}
    with engine.begin() as connection:
        connection.execute(insert(audit_events).values(event))
    for change in ("UPDATE audit_events SET actor = 'y'", "DELETE FROM audit_events"):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(change))
