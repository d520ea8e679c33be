"""Databases for the repositories: SQLite in a file, and PostgreSQL where one answers."""

from __future__ import annotations

import os
import secrets

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from pynomaly.storage.database import open_database

POSTGRES = os.environ.get("PYNOMALY_TEST_DATABASE_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/test")


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request, tmp_path):
    """An empty database, gone afterwards."""
    if request.param == "sqlite":
        found = open_database(f"sqlite:///{tmp_path / 'x.db'}")
        yield found
        found.dispose()
        return
    schema = f"unit_{secrets.token_hex(4)}"
    outside = open_database(POSTGRES)
    try:
        with outside.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    except OperationalError:
        outside.dispose()
        pytest.skip(f"requires PostgreSQL: none answers at {POSTGRES}")
    found = open_database(f"{POSTGRES}?options=-csearch_path%3D{schema}")
    yield found
    found.dispose()
    with outside.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    outside.dispose()


@pytest.fixture
def in_process(tmp_path):
    """Makes platforms in this process, each closed afterwards."""
    from tests.support.platform_in_process import PlatformInProcess

    made = []

    def make(name="one", **settings):
        made.append(PlatformInProcess(tmp_path / name, **settings))
        return made[-1]

    yield make
    for platform in made:
        platform.close()
