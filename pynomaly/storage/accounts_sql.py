"""Accounts in SQL: each check and the change that depends on it are one transaction, or one statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, and_, delete, func, select

from pynomaly.domain.accounts import (
    AccountRepositories,
    ApiKey,
    EndedCredentials,
    Session,
    User,
)
from pynomaly.domain.errors import Conflict, NotFound
from pynomaly.domain.permissions import Permission, Role, SecurityLevel
from pynomaly.storage.accounts_schema import (
    api_keys,
    sessions,
    users,
)
from pynomaly.storage.locking import insert_if_absent, lock_rows, lock_table
from pynomaly.storage.logins_sql import SqlAttempts, SqlKnownSources, SqlOneTimeTokens
from pynomaly.storage.secret_rows import OwnedSecrets, is_storable


def sql_accounts(engine: Engine) -> AccountRepositories:
    """The account repositories on an engine; their tables must exist."""
    return AccountRepositories(
        users=SqlUsers(engine),
        sessions=SqlSessions(engine),
        api_keys=SqlApiKeys(engine),
        attempts=SqlAttempts(engine),
        known_sources=SqlKnownSources(engine),
        one_time_tokens=SqlOneTimeTokens(engine),
    )


class SqlUsers:
    """UserRepository."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = engine.execution_options(reads_only=True)

    def add(self, user: User, *, only_if_first: bool = False) -> None:
        """See UserRepository."""
        with self._engine.begin() as connection:
            lock_table(connection, users)
            if only_if_first and connection.scalar(select(func.count()).select_from(users)):
                raise Conflict("There are accounts already.")
            if not insert_if_absent(connection, users, _user_values(user)):
                raise Conflict("That username is taken.")

    def get(self, user_id: str) -> User | None:
        """See UserRepository."""
        return self._one(users.c.id == user_id) if is_storable(user_id) else None

    def by_username(self, username: str) -> User | None:
        """See UserRepository."""
        return self._one(users.c.username == username) if is_storable(username) else None

    def listed(self, tenant_id: str | None = None) -> Sequence[User]:
        """See UserRepository."""
        query = select(users).order_by(users.c.username)
        if tenant_id is not None:
            query = query.where(users.c.tenant_id == tenant_id)
        with self._reader.connect() as connection:
            return [_user(row) for row in connection.execute(query).mappings()]

    def change(
        self,
        user_id: str,
        edit: Callable[[User], User],
        *,
        keep_an_admin: bool = False,
        end: EndedCredentials | None = None,
    ) -> User:
        """See UserRepository."""
        if not is_storable(user_id):
            raise NotFound("There is no such user.")
        with self._engine.begin() as connection:
            if keep_an_admin:
                lock_table(connection, users)
            lock_rows(connection, users, users.c.id == user_id)
            row = connection.execute(select(users).where(users.c.id == user_id)).mappings().one_or_none()
            if row is None:
                raise NotFound("There is no such user.")
            before = _user(row)
            after = edit(before)
            connection.execute(users.update().where(users.c.id == user_id).values(_user_values(after)))
            if end is not None:
                _end_credentials(connection, user_id, end)
            if keep_an_admin and before.is_active_admin and not after.is_active_admin:
                _require_another_admin(connection, before.tenant_id)
        return after

    def delete(self, user_id: str) -> bool:
        """See UserRepository."""
        with self._engine.begin() as connection:
            return connection.execute(delete(users).where(users.c.id == user_id)).rowcount == 1

    def count(self) -> int:
        """See UserRepository."""
        with self._reader.connect() as connection:
            return int(connection.scalar(select(func.count()).select_from(users)) or 0)

    def _one(self, condition: Any) -> User | None:
        with self._reader.connect() as connection:
            row = connection.execute(select(users).where(condition)).mappings().one_or_none()
        return None if row is None else _user(row)


def _require_another_admin(connection: Connection, tenant_id: str) -> None:
    administrators = [role.value for role in Role if role.is_administrator]
    others = select(func.count()).where(
        users.c.role.in_(administrators), users.c.disabled.is_(False), users.c.tenant_id == tenant_id
    )
    if not connection.scalar(others):
        raise Conflict("The last active admin must stay one.")


def _end_credentials(connection: Connection, user_id: str, end: EndedCredentials) -> None:
    for table in (sessions, api_keys):
        is_alive = and_(table.c.user_id == user_id, table.c.revoked_at.is_(None))
        if table is sessions and end.keep_session is not None:
            is_alive = and_(is_alive, table.c.id != end.keep_session)
        connection.execute(table.update().where(is_alive).values(revoked_at=end.at))


class SqlSessions(OwnedSecrets[Session]):
    """SessionRepository."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, sessions, lambda row: Session(**row), asdict)

    def rotate(self, session_id: str, *, expected: str, replacement: str, now: float) -> bool:
        """See SessionRepository; one UPDATE, so of two callers with the same token one wins."""
        condition = and_(
            sessions.c.id == session_id,
            sessions.c.refresh_id == expected,
            sessions.c.revoked_at.is_(None),
            sessions.c.expires_at > now,
        )
        return self.update(condition, {"refresh_id": replacement}) == 1

    def revoke_all(self, user_id: str, now: float, *, keep: str | None = None) -> int:
        """See SessionRepository."""
        condition = and_(sessions.c.user_id == user_id, sessions.c.revoked_at.is_(None))
        if keep is not None:
            condition = and_(condition, sessions.c.id != keep)
        return self.update(condition, {"revoked_at": now})

    def prune(self, before: float) -> int:
        """See SessionRepository."""
        return self.remove(sessions.c.expires_at < before)


class SqlApiKeys(OwnedSecrets[ApiKey]):
    """ApiKeyRepository."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, api_keys, _api_key, _api_key_values)

    def revoke_all(self, user_id: str, now: float) -> int:
        """See ApiKeyRepository."""
        condition = and_(api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None))
        return self.update(condition, {"revoked_at": now})


def _user(row: RowMapping) -> User:
    fields = dict(row)
    fields["role"] = Role(row["role"])
    fields["clearance"] = SecurityLevel(row["clearance"])
    return User(**fields)


def _user_values(user: User) -> dict[str, Any]:
    return {**asdict(user), "role": user.role.value, "clearance": int(user.clearance)}


def _api_key(row: RowMapping) -> ApiKey:
    fields = dict(row)
    fields["permissions"] = frozenset(Permission(name) for name in row["permissions"].split())
    return ApiKey(**fields)


def _api_key_values(key: ApiKey) -> dict[str, Any]:
    return {**asdict(key), "permissions": " ".join(sorted(key.permissions))}
