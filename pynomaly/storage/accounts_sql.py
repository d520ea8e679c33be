"""Accounts in SQL: each check and the change that depends on it are one transaction, or one statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine, RowMapping, and_, delete, func, select

from pynomaly.domain.accounts import (
    AccountRepositories,
    ApiKey,
    AttemptReserved,
    Session,
    User,
)
from pynomaly.domain.errors import Conflict, NotFound
from pynomaly.domain.permissions import Permission, Role, SecurityLevel
from pynomaly.storage.accounts_schema import api_keys, login_attempts, one_time_tokens, sessions, users
from pynomaly.storage.locking import held_row, insert_if_absent, lock_rows, lock_table
from pynomaly.storage.secret_rows import OwnedSecrets, is_storable


def sql_accounts(engine: Engine) -> AccountRepositories:
    """The account repositories on an engine; their tables must exist."""
    return AccountRepositories(
        users=SqlUsers(engine),
        sessions=SqlSessions(engine),
        api_keys=SqlApiKeys(engine),
        attempts=SqlAttempts(engine),
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

    def change(self, user_id: str, edit: Callable[[User], User], *, keep_an_admin: bool = False) -> User:
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
            if keep_an_admin and before.is_active_admin and not after.is_active_admin:
                others = select(func.count()).where(
                    users.c.role == Role.ADMIN.value,
                    users.c.disabled.is_(False),
                    users.c.tenant_id == before.tenant_id,
                )
                if not connection.scalar(others):
                    raise Conflict("The last active admin must stay one.")
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


class SqlAttempts:
    """AttemptRepository."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = engine.execution_options(reads_only=True)

    def reserve(self, subject: str, now: float, *, limit: int, lock_s: float) -> AttemptReserved:
        """See AttemptRepository; the row is held from the reading to the writing."""
        table, is_it = login_attempts, login_attempts.c.subject == subject
        fresh = {"subject": subject, "failures": 0, "first_at": now, "last_at": now, "locked_until": 0.0}
        with self._engine.begin() as connection:
            past = held_row(connection, table, fresh)
            if now < past["locked_until"]:
                return AttemptReserved(False, past["failures"], past["locked_until"] - now)
            is_over = past["locked_until"] > 0 or now - past["first_at"] >= lock_s
            failures = 1 if is_over else past["failures"] + 1
            values = {
                "failures": failures,
                "first_at": now if is_over else past["first_at"],
                "last_at": now,
                "locked_until": now + lock_s if failures >= limit else 0.0,
            }
            connection.execute(table.update().where(is_it).values(values))
        return AttemptReserved(True, failures)

    def peek(self, subject: str, now: float) -> AttemptReserved:
        """See AttemptRepository."""
        query = select(login_attempts).where(login_attempts.c.subject == subject)
        with self._reader.connect() as connection:
            past = connection.execute(query).mappings().one_or_none()
        if past is None or now >= past["locked_until"]:
            return AttemptReserved(True, past["failures"] if past else 0)
        return AttemptReserved(False, past["failures"], past["locked_until"] - now)

    def clear(self, subject: str) -> None:
        """See AttemptRepository."""
        with self._engine.begin() as connection:
            connection.execute(delete(login_attempts).where(login_attempts.c.subject == subject))

    def prune(self, before: float) -> int:
        """See AttemptRepository."""
        is_old = and_(login_attempts.c.last_at < before, login_attempts.c.locked_until < before)
        with self._engine.begin() as connection:
            return connection.execute(delete(login_attempts).where(is_old)).rowcount


class SqlOneTimeTokens:
    """OneTimeTokenRepository."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, purpose: str, digest: bytes, expires_at: float) -> None:
        """See OneTimeTokenRepository."""
        values = {"digest": digest, "expires_at": expires_at}
        with self._engine.begin() as connection:
            if not insert_if_absent(connection, one_time_tokens, {"purpose": purpose, **values}):
                is_it = one_time_tokens.c.purpose == purpose
                connection.execute(one_time_tokens.update().where(is_it).values(values))

    def take(self, purpose: str, digest: bytes, now: float) -> bool:
        """See OneTimeTokenRepository; one DELETE, so of several callers one gets it."""
        is_it = and_(
            one_time_tokens.c.purpose == purpose,
            one_time_tokens.c.digest == digest,
            one_time_tokens.c.expires_at > now,
        )
        with self._engine.begin() as connection:
            return connection.execute(delete(one_time_tokens).where(is_it)).rowcount == 1


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
