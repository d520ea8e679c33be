"""The security services over repositories in memory, SQLite and PostgreSQL, with a clock that tests turn."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError

from pynomaly.domain.accounts import AccountRepositories, User
from pynomaly.domain.audit import AuditRepository
from pynomaly.domain.permissions import Principal, Role
from pynomaly.security.auth import AuthService
from pynomaly.security.epoch import LocalEpoch
from pynomaly.security.foundation import SYSTEM, Caller
from pynomaly.security.keyring import FixedKeyring, KeySet
from pynomaly.security.memory import MemoryAudit, in_memory_accounts
from pynomaly.security.services import SecurityServices, build_security
from pynomaly.security.settings import PasswordCost, SecuritySettings
from pynomaly.security.tokens import TokenPair
from pynomaly.storage.accounts_schema import (
    api_keys,
    known_sources,
    login_attempts,
    one_time_tokens,
    sessions,
    users,
)
from pynomaly.storage.accounts_sql import sql_accounts
from pynomaly.storage.audit_sql import SqlAudit, audit_events, audit_head
from pynomaly.storage.database import open_database
from pynomaly.storage.schema import metadata

SECRET = "kV9#mQ2x!Lw7-Zr4@Tb6+Yh8=Nd1_Pc5"
PASSWORD = "grape-lantern-otter-91"
OTHER_PASSWORD = "velvet-tractor-mango-17"
CHEAP = PasswordCost(memory_kib=8, passes=1, lanes=1)
POSTGRES = os.environ.get("PYNOMALY_TEST_DATABASE_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/test")
TABLES = [users, sessions, api_keys, login_attempts, known_sources, one_time_tokens, audit_events, audit_head]


class Clock:
    """Stands still until a test turns it."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Stores:
    """The two things that are kept."""

    accounts: AccountRepositories
    audit: AuditRepository
    engine: Engine | None = None


@dataclass(frozen=True)
class World:
    """Services, and what a test needs to look behind them."""

    security: SecurityServices
    stores: Stores
    clock: Clock
    settings: SecuritySettings
    epoch: LocalEpoch
    password: str = PASSWORD
    other_password: str = OTHER_PASSWORD

    @property
    def auth(self) -> AuthService:
        return self.security.auth

    def user(self, username: str = "alice", role: Role = Role.ANALYST, tenant_id: str = "default") -> User:
        return self.security.auth.create_user(username, PASSWORD, role, by=SYSTEM, tenant_id=tenant_id)

    def login(self, username: str = "alice", password: str = PASSWORD) -> TokenPair:
        session = self.security.auth.authenticate_user(username, password, "192.0.2.1", "tests")
        assert session is not None
        return self.security.auth.issue_tokens(session)

    def principal(self, username: str = "alice") -> Principal:
        return self.security.auth.verify_access_token(self.login(username).access_token)

    def caller(self, username: str = "alice") -> Caller:
        return Caller(self.principal(username), "192.0.2.1", "tests")

    def actions(self) -> list[str]:
        return [f"{event.action}:{event.outcome}" for event in self.stores.audit.stream()]


def make_settings(**changes: object) -> SecuritySettings:
    values: dict[str, object] = {"secret_key": SECRET, "password_cost": CHEAP, **changes}
    return SecuritySettings(**values)  # type: ignore[arg-type]


def make_world(stores: Stores, clock: Clock, **changes: object) -> World:
    settings, epoch = make_settings(**changes), LocalEpoch()
    keyring = FixedKeyring(KeySet.fresh())
    security = build_security(stores.accounts, stores.audit, keyring, settings, clock, epoch)
    return World(security, stores, clock, settings, epoch)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    """In memory: for what doesn't depend on the store."""
    return make_world(Stores(in_memory_accounts(), MemoryAudit()), clock)


@pytest.fixture
def settings_with() -> Callable[..., SecuritySettings]:
    """Settings that are safe and cheap, but for what is named."""
    return make_settings


@pytest.fixture
def world_with(clock: Clock) -> Callable[..., World]:
    """A world in memory with other settings."""

    def build(**changes: object) -> World:
        return make_world(Stores(in_memory_accounts(), MemoryAudit()), clock, **changes)

    return build


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    """Every store in turn: for what depends on it."""
    if request.param == "memory":
        yield Stores(in_memory_accounts(), MemoryAudit())
        return
    engine = (
        open_database(f"sqlite:///{tmp_path / 'accounts.db'}") if request.param == "sqlite" else _postgres()
    )
    metadata.create_all(engine, tables=TABLES)
    yield Stores(sql_accounts(engine), SqlAudit(engine), engine)
    schema = getattr(engine, "test_schema", None)
    if schema is not None:
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture
def stored(stores: Stores, clock: Clock) -> World:
    """The services over every store in turn."""
    return make_world(stores, clock)


def _postgres() -> Engine:
    """An engine whose connections see only a schema of their own; skips where no server answers."""
    engine = create_engine(POSTGRES, connect_args={"connect_timeout": 2})
    schema = f"security_{secrets.token_hex(6)}"
    try:
        with engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    except OperationalError:
        engine.dispose()
        pytest.skip(f"requires: postgresql (no server answers at {engine.url.host}:{engine.url.port})")

    @event.listens_for(engine, "connect")
    def _enter(connection: object, _record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute(f"SET search_path TO {schema}")
        connection.commit()  # type: ignore[attr-defined]

    engine.dispose()
    engine.test_schema = schema  # type: ignore[attr-defined]
    return engine
