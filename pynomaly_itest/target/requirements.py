"""What a scenario may require (`requires: [redis]`), found out by trying; unmet is a skip with its reason."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import unquote, urlsplit

from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.base import Target

REDIS_URL = "redis://127.0.0.1:6379"
DATABASE_URL = "postgresql://postgres@127.0.0.1:5432/test"
_PATIENCE_S = 3.0

Check = Callable[[Target, Mapping[str, str]], Awaitable[str | None]]
"""Gives the reason why a requirement is not met, or None where it is. The mapping is our environment."""


async def _redis(target: Target, environment: Mapping[str, str]) -> str | None:
    url = environment.get("PYNOMALY_TEST_REDIS_URL", REDIS_URL)
    if not _is_address(url):
        return f"$PYNOMALY_TEST_REDIS_URL is no address, as {REDIS_URL} is one"
    where = Redactor().text(url)
    reply = await _greet(url, 6379, _login(url) or _command("PING"))
    if reply is None:
        return f"no server answers at {where}"
    if reply.startswith((b"+OK", b"+PONG")):
        return None
    if reply.startswith((b"-NOAUTH", b"-WRONGPASS", b"-ERR")):  # a cache that can't be used is none
        return f"Redis at {where} does not let us in ({reply[1:].split()[0].decode(errors='replace')})"
    return f"what answers at {where} is no Redis"


def _is_address(url: str) -> bool:
    """Whether it can be taken apart: a bracket too few, or bytes that are no text, and nothing can be asked there."""
    try:
        url.encode()
        urlsplit(url).port  # noqa: B018 - a look is what raises
    except ValueError:
        return False
    return True


def _login(url: str) -> bytes:
    """The command that logs in with the URL's name and password; nothing where it has none."""
    parts = urlsplit(url)
    words = [unquote(word) for word in (parts.username, parts.password) if word]
    return _command("AUTH", *words) if parts.password else b""


def _command(*words: str) -> bytes:
    """A command as Redis reads it."""
    told = [word.encode() for word in words]
    return b"*%d\r\n" % len(told) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in told)


async def _database(target: Target, environment: Mapping[str, str]) -> str | None:
    url = environment.get("PYNOMALY_TEST_DATABASE_URL", DATABASE_URL)
    if not _is_address(url):
        return f"$PYNOMALY_TEST_DATABASE_URL is no address, as {DATABASE_URL} is one"
    ssl_request = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"  # PostgreSQL answers S or N before any log-in
    reply = await _greet(url, 5432, ssl_request)
    if reply is None:
        return f"no server answers at {Redactor().text(url)}"
    if reply[:1] not in (b"S", b"N"):
        return f"what answers at {Redactor().text(url)} is no PostgreSQL"
    return await asyncio.to_thread(_refusal, url)


def _refusal(url: str) -> str | None:
    """Why the database doesn't let us make a schema of our own; None where it does."""
    import psycopg

    where = Redactor().text(url)
    try:
        with psycopg.connect(url, connect_timeout=int(_PATIENCE_S)) as connection:
            asked = "SELECT has_database_privilege(current_database(), 'CREATE')"
            found = connection.execute(asked).fetchone()
    except (
        Exception
    ) as problem:  # psycopg's, and its parsers' on a strange server; the text may hold the address
        return f"PostgreSQL at {where} does not let us in ({type(problem).__name__})"
    return None if found and found[0] else f"PostgreSQL at {where} does not let us make a schema"


async def _bundled(target: Target, environment: Mapping[str, str]) -> str | None:
    return (
        None
        if target.info.kind in ("bundled", "started")
        else "only the processes of a service that the tool starts are ours to touch"
    )


async def _greet(url: str, default_port: int, greeting: bytes) -> bytes | None:
    """The first bytes that a server answers to `greeting`; None where there is none in time."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer = await asyncio.open_connection(
                parts.hostname or "127.0.0.1", parts.port or default_port
            )
            try:
                writer.write(greeting)
                return await reader.read(64)
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):  # also a name of a host that is none
        return None


CHECKS: dict[str, Check] = {"redis": _redis, "database": _database, "bundled": _bundled}


async def unmet(requires: tuple[str, ...], target: Target, environment: Mapping[str, str]) -> str | None:
    """The first requirement that is not met, as `redis: reason`; None where all are."""
    for name in requires:
        if name not in CHECKS:
            continue  # a capability of the service: its adapter has said already that it is there
        reason = await CHECKS[name](target, environment)
        if reason is not None:
            return f"requires {name}: {reason}"
    return None
