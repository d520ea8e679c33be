"""Caches forget by size and by time, and never give anything but what was put in."""

from __future__ import annotations

import os
import secrets

import pytest
import redis

from pynomaly.cache.memory import MemoryCache
from pynomaly.cache.redis import RedisCache
from pynomaly.domain.errors import Misconfigured
from pynomaly.security.encryption import EncryptionService
from pynomaly.security.keyring import FileKeyring

URL = os.environ.get("PYNOMALY_TEST_REDIS_URL", "redis://127.0.0.1:6379/0")


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def test_memory_forgets_after_its_time(clock):
    cache = MemoryCache(100_000, ttl_s=10, timer=clock)
    cache.put("a", b"x")
    clock.now_s += 9
    assert cache.get("a") == b"x"
    clock.now_s += 2
    assert cache.get("a") is None


def test_memory_forgets_the_least_recently_used_and_stays_within_its_bytes(clock):
    cache = MemoryCache(10_000, ttl_s=10, timer=clock)
    for name in "abcdefgh":
        cache.put(name, b"x" * 1_000)
    cache.get("a")
    cache.put("i", b"x" * 1_000)
    assert cache.get("a") is not None
    assert cache.get("b") is None
    assert cache.size_bytes <= 10_000
    cache.put("huge", b"x" * 5_000)
    assert cache.get("huge") is None


@pytest.fixture
def cipher(tmp_path):
    return EncryptionService(FileKeyring(tmp_path / "keys"))


@pytest.fixture
def raw():
    client = redis.Redis.from_url(URL, socket_timeout=3)
    try:
        client.ping()
    except redis.RedisError:
        client.close()
        pytest.skip(f"requires Redis: none answers at {URL}")
    prefix = f"unit-{secrets.token_hex(4)}:"
    yield client, prefix
    for key in client.scan_iter(f"{prefix}*"):
        client.delete(key)
    client.close()


def test_redis_gives_back_what_was_put_sealed_and_for_a_while(raw, cipher):
    client, prefix = raw
    cache = RedisCache(URL, prefix, 60, cipher)
    assert cache.get("a") is None
    cache.put("a", b"canary")
    assert cache.get("a") == b"canary"
    assert b"canary" not in client.get(f"{prefix}a")
    assert 0 < client.pttl(f"{prefix}a") <= 60_000


def test_what_someone_else_wrote_is_a_miss(raw, cipher):
    client, prefix = raw
    cache = RedisCache(URL, prefix, 60, cipher)
    cache.put("a", b"x")
    client.set(f"{prefix}b", client.get(f"{prefix}a"))  # sealed, but for another key
    client.set(f"{prefix}c", b"plain")
    assert cache.get("b") is None
    assert cache.get("c") is None
    assert cache.is_up


def test_a_redis_that_is_down_is_a_miss_and_is_left_alone_for_a_while(cipher, clock):
    cache = RedisCache("redis://127.0.0.1:1/0", "x:", 60, cipher, clock)
    assert cache.get("a") is None
    assert cache.is_up is False
    cache.put("a", b"x")
    clock.now_s += 6
    assert cache.is_up is True  # it will be asked again


def test_a_url_that_is_none_is_refused_without_being_repeated(cipher):
    with pytest.raises(Misconfigured) as refusal:
        RedisCache("nonsense:hush", "x:", 60, cipher)
    assert "hush" not in refusal.value.detail
