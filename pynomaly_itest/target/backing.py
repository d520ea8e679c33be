"""A bundled platform's corner of the user's PostgreSQL and Redis: a schema and a key prefix, removed behind it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from pynomaly_itest.errors import TargetStartFailed

_POSTGRES = ("postgresql://", "postgres://")
_PATIENCE_S = 5


@dataclass
class Backing:
    """`settings` are those of the platform, pointed at the corner. Nothing is touched before `prepare`."""

    asked: Mapping[str, Any] = field(repr=False)
    name: str = field(default_factory=lambda: f"itest_{secrets.token_hex(6)}")

    @property
    def database_url(self) -> str:
        """The user's PostgreSQL; empty where the platform keeps to its own file."""
        url = str(self.asked.get("database_url") or "")
        return url if url.startswith(_POSTGRES) else ""

    @property
    def redis_url(self) -> str:
        """The user's Redis; empty where the cache is in the platform's memory."""
        return str(self.asked.get("redis_url") or "")

    @property
    def settings(self) -> dict[str, Any]:
        """The platform's settings, its schema first in PostgreSQL's search path, its keys under a prefix."""
        own = dict(self.asked)
        if self.database_url:
            joint = "&" if "?" in self.database_url else "?"
            search_path = quote(f"-csearch_path={self.name}", safe="")
            own["database_url"] = f"{self.database_url}{joint}options={search_path}"
        if self.redis_url:
            own["redis_prefix"] = f"{self.name}:"
        return own

    async def prepare(self) -> None:
        """Make the schema; raises TargetStartFailed where the database does not let us."""
        if self.database_url:
            await asyncio.to_thread(self._run, f'CREATE SCHEMA "{self.name}"')

    async def remove(self) -> str | None:
        """Take schema and keys away; what could not be removed, as a sentence."""
        left = []
        if self.database_url:
            try:
                await asyncio.to_thread(self._run, f'DROP SCHEMA IF EXISTS "{self.name}" CASCADE')
            except TargetStartFailed as problem:
                left.append(f"the database schema {self.name} ({problem.message})")
        if self.redis_url:
            problem_text = await asyncio.to_thread(self._remove_keys)
            if problem_text:
                left.append(f"the Redis keys {self.name}:* ({problem_text})")
        return f"left behind: {', '.join(left)}" if left else None

    def _run(self, statement: str) -> None:
        import psycopg

        try:
            with psycopg.connect(
                self.database_url, connect_timeout=_PATIENCE_S, autocommit=True
            ) as connection:
                connection.execute(statement.encode())
        except (
            Exception
        ) as problem:  # psycopg's own, and what its parsers raise on an address or server that is none
            kind = type(problem).__name__  # the text may hold the address with its password
            raise TargetStartFailed(
                f"PostgreSQL refused: {kind}", hint="does it run, and may that account make a schema?"
            ) from problem

    def _remove_keys(self) -> str | None:
        import redis

        try:
            client = redis.Redis.from_url(
                self.redis_url, socket_connect_timeout=_PATIENCE_S, socket_timeout=_PATIENCE_S
            )
            with client:
                keys = list(client.scan_iter(f"{self.name}:*", count=1000))
                for at in range(0, len(keys), 500):
                    client.delete(*keys[at : at + 500])
        except Exception as problem:  # redis' own, and what its parsers raise on a server that is none
            return type(problem).__name__
        return None
