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
