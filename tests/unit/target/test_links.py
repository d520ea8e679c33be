"""Between the platform and its servers stands a proxy where one is wanted, or a reason why none can."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from pynomaly_itest.errors import NotApplicable, UsageError
from pynomaly_itest.target.launch import Launch, serve_words
from pynomaly_itest.target.links import Links

BOTH = frozenset({"redis", "database"})


def started(settings: dict[str, str], wanted: frozenset[str] = BOTH) -> tuple[dict[str, str], Links]:
    links = Links(wanted, seed=1)

    async def run() -> dict[str, str]:
        try:
            return await links.start(settings)
        finally:
            for name in wanted:
                try:
                    assert links.get(name).port
                except NotApplicable:
                    continue
            await links.close()

    return asyncio.run(run()), links


def test_both_servers_are_reached_through_proxies_and_all_else_stays() -> None:
    given = {
        "redis_url": "redis://:secret@10.0.0.1:6380/3",
        "database_url": "postgresql://me:pw@db.example/app?options=x",
        "log_level": "debug",
    }
    found, _ = started(given)
    redis, database = urlsplit(found["redis_url"]), urlsplit(found["database_url"])
    assert (redis.hostname, redis.password, redis.path) == ("127.0.0.1", "secret", "/3")
    assert (database.hostname, database.username, database.query) == ("127.0.0.1", "me", "options=x")
    assert redis.port != database.port
    assert found["log_level"] == "debug"


def test_what_nobody_wants_to_disturb_is_left_alone() -> None:
    given = {"redis_url": "redis://10.0.0.1/0"}
    assert started(given, frozenset())[0] == given


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "uses no Redis"),
        ({"redis_url": "unix:///run/redis.sock"}, "uses no Redis"),
        ({"redis_url": "rediss://10.0.0.1:6380/0"}, "nothing can be put before"),
    ],
)
def test_what_has_no_proxy_says_why(settings: dict[str, str], said: str) -> None:
    found, links = started(settings, frozenset({"redis"}))
    assert found == settings
    with pytest.raises(NotApplicable, match=said):
        links.get("redis")


def test_another_build_is_started_by_the_words_of_the_environment() -> None:
    assert serve_words({}) == Launch().serve
    assert serve_words({"PYNOMALY_ITEST_PLATFORM": "'my app.py' serve"}) == ("my app.py", "serve")
    with pytest.raises(UsageError, match="PYNOMALY_ITEST_PLATFORM"):
        serve_words({"PYNOMALY_ITEST_PLATFORM": "'half"})
