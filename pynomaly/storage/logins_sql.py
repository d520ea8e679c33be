"""What is counted and remembered of logins, in SQL: failures, known addresses, tokens that count once."""

from __future__ import annotations

from sqlalchemy import Engine, and_, delete, or_, select

from pynomaly.domain.accounts import AttemptReserved, Throttle
from pynomaly.storage.accounts_schema import known_sources, login_attempts, one_time_tokens, users
from pynomaly.storage.locking import held_row, insert_if_absent


class SqlAttempts:
    """AttemptRepository."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = engine.execution_options(reads_only=True)

    def reserve(self, subject: str, now: float, throttle: Throttle) -> AttemptReserved:
        """See AttemptRepository; the row is held from the reading to the writing."""
        table, is_it = login_attempts, login_attempts.c.subject == subject
        fresh = {"subject": subject, "failures": 0, "first_at": now, "last_at": now, "locked_until": 0.0}
        with self._engine.begin() as connection:
            past = held_row(connection, table, fresh)
            if now < past["locked_until"]:
                return AttemptReserved(False, past["failures"], past["locked_until"] - now)
            is_over = now - max(past["last_at"], past["locked_until"]) >= throttle.max_s
            failures = 1 if is_over else past["failures"] + 1
            values = {
                "failures": failures,
                "first_at": now if is_over else past["first_at"],
                "last_at": now,
                "locked_until": _locked_until(now, throttle.delay_s(failures)),
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

    def clear_all(self, name: str) -> None:
        """See AttemptRepository."""
        subject = login_attempts.c.subject
        is_its = or_(subject == name, subject.startswith(f"{name}:", autoescape=True))
        with self._engine.begin() as connection:
            connection.execute(delete(login_attempts).where(is_its))

    def release(self, subject: str) -> None:
        """See AttemptRepository."""
        row = login_attempts.c
        is_it = and_(row.subject == subject, row.failures > 0)
        values = {"failures": row.failures - 1, "locked_until": 0.0}
        with self._engine.begin() as connection:
            connection.execute(login_attempts.update().where(is_it).values(values))

    def prune(self, before: float) -> int:
        """See AttemptRepository."""
        is_old = and_(login_attempts.c.last_at < before, login_attempts.c.locked_until < before)
        with self._engine.begin() as connection:
            return connection.execute(delete(login_attempts).where(is_old)).rowcount


class SqlKnownSources:
    """KnownSourceRepository."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = engine.execution_options(reads_only=True)

    def remember(self, subject: str, user_id: str, now: float) -> None:
        """See KnownSourceRepository."""
        row = {"subject": subject, "user_id": user_id, "last_at": now}
        with self._engine.begin() as connection:
            is_there = select(users.c.id).where(users.c.id == user_id)
            if connection.execute(is_there).one_or_none() is None:
                return
            if not insert_if_absent(connection, known_sources, row):
                is_it = known_sources.c.subject == subject
                connection.execute(known_sources.update().where(is_it).values(user_id=user_id, last_at=now))

    def is_known(self, subject: str, since: float) -> bool:
        """See KnownSourceRepository."""
        query = select(known_sources.c.last_at).where(known_sources.c.subject == subject)
        with self._reader.connect() as connection:
            last_at = connection.scalar(query)
        return last_at is not None and last_at >= since

    def prune(self, before: float) -> int:
        """See KnownSourceRepository."""
        with self._engine.begin() as connection:
            return connection.execute(delete(known_sources).where(known_sources.c.last_at < before)).rowcount


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


def _locked_until(now: float, delay_s: float) -> float:
    return now + delay_s if delay_s else 0.0
