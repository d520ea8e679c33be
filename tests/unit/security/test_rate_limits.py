"""Bursts pass, floods don't, and neither Redis nor a rotating address changes that."""

from __future__ import annotations

import os
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from pynomaly.domain.errors import Misconfigured, RateLimited
from pynomaly.security.client_address import client_address, limit_key, trusted_networks
from pynomaly.security.rate_limits import MemoryBuckets, RateLimit, RateLimiter
from pynomaly.security.rate_limits_redis import RedisBuckets

REDIS = os.environ.get("PYNOMALY_TEST_REDIS_URL", "redis://127.0.0.1:6379/0")


@pytest.fixture
def redis_client():
    import redis

    client = redis.Redis.from_url(REDIS, socket_timeout=2, socket_connect_timeout=2)
    try:
        client.ping()
    except redis.RedisError:
        pytest.skip("requires: redis (no server answers)")
    yield client
    client.close()


@pytest.fixture
def prefix(redis_client):
    prefix = f"test:{secrets.token_hex(6)}:"
    yield prefix
    for key in redis_client.scan_iter(f"{prefix}*"):
        redis_client.delete(key)


def allowed(limiter, n, key="a"):
    return sum(limiter.check(key).allowed for _ in range(n))


def test_a_burst_passes_then_the_rate(clock):
    limiter = RateLimiter("login", RateLimit(burst=5, per_s=2), MemoryBuckets(clock))
    assert allowed(limiter, 20) == 5
    clock.turn(1)
    assert allowed(limiter, 20) == 2
    clock.turn(1000)
    assert allowed(limiter, 20) == 5, "waiting saves up no more than a burst"


def test_the_decision_says_how_many_are_left_and_how_long_to_wait(clock):
    limiter = RateLimiter("login", RateLimit(burst=2, per_s=0.1), MemoryBuckets(clock))
    assert [limiter.check("a").remaining for _ in range(3)] == [1, 0, 0]
    assert limiter.check("a").retry_after_s == pytest.approx(10)
    clock.turn(9.5)
    with pytest.raises(RateLimited) as refusal:
        limiter.require("a")
    assert refusal.value.retry_after_s == 1
    clock.turn(refusal.value.retry_after_s)
    limiter.require("a")


def test_callers_and_limits_do_not_touch_each_other(clock):
    buckets = MemoryBuckets(clock)
    limits = [RateLimiter(name, RateLimit(1, 1), buckets) for name in ("login", "api")]
    assert [allowed(limiter, 3, key) for limiter in limits for key in ("a", "b")] == [1, 1, 1, 1]


def test_a_dear_request_takes_more_and_is_never_impossible(clock):
    limiter = RateLimiter("train", RateLimit(burst=10, per_s=1), MemoryBuckets(clock))
    assert limiter.check("a", cost=8).remaining == 2
    assert not limiter.check("a", cost=8).allowed
    clock.turn(8)
    assert limiter.check("a", cost=10**9).allowed


def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing(clock):
    limiter = RateLimiter("x", RateLimit(2, 1), MemoryBuckets(clock))
    assert allowed(limiter, 3) == 2
    clock.turn(-100)
    assert allowed(limiter, 3) == 0
    clock.turn(2)
    assert allowed(limiter, 3) == 2


def test_memory_is_bounded_whoever_rotates_keys(clock):
    buckets = MemoryBuckets(clock, size=100)
    limiter = RateLimiter("x", RateLimit(1, 1), buckets)
    for i in range(1000):
        limiter.check(str(i))
    assert len(buckets) == 100


def test_threads_together_get_no_more_than_one(clock):
    limiter = RateLimiter("x", RateLimit(50, 0.001), MemoryBuckets(clock))
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: limiter.check("a").allowed, range(400))) == 50


@pytest.mark.parametrize(("burst", "per_s"), [(0, 1), (1, 0), (1, -1), (1, float("inf")), (float("nan"), 1)])
def test_a_limit_that_limits_nothing_or_everything_is_refused(burst, per_s):
    with pytest.raises(Misconfigured):
        RateLimit(burst, per_s)


def test_processes_share_buckets_through_redis(redis_client, prefix, clock):
    limiters = [
        RateLimiter(
            "x", RateLimit(10, 0.001), RedisBuckets(redis_client, MemoryBuckets(clock), clock, prefix=prefix)
        )
        for _ in range(2)
    ]
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda i: limiters[i % 2].check("a").allowed, range(60))) == 10
    found = limiters[0].check("a")
    assert 0 < found.retry_after_s <= 1000
    ttl_ms = redis_client.pttl(f"{prefix}x:a")
    assert 0 < ttl_ms <= 11_001_000


def test_without_redis_each_process_limits_alone(clock):
    import redis

    class Down:
        n_calls = 0

        def eval(self, *_):
            self.n_calls += 1
            raise redis.ConnectionError("no route to redis://user:password@host")

    down = Down()
    limiter = RateLimiter(
        "x", RateLimit(3, 0.001), RedisBuckets(down, MemoryBuckets(clock), clock, pause_s=5)
    )
    assert allowed(limiter, 10) == 3
    assert down.n_calls == 1, "a Redis that is down must not slow every request"
    clock.turn(5)
    allowed(limiter, 10)
    assert down.n_calls == 2


def test_forwarded_addresses_count_only_from_our_own_proxies():
    proxies = trusted_networks("10.0.0.0/8, 2001:db8::1")
    assert client_address("203.0.113.9", "1.2.3.4", ()) == "203.0.113.9"
    assert client_address("203.0.113.9", "1.2.3.4", proxies) == "203.0.113.9"
    assert client_address("10.0.0.1", "1.2.3.4", proxies) == "1.2.3.4"
    assert client_address("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.9.9.9", proxies) == "1.2.3.4"
    assert client_address("10.0.0.1", "1.2.3.4, rubbish", proxies) == "10.0.0.1"
    assert client_address("10.0.0.1", None, proxies) == "10.0.0.1"
    assert client_address("2001:db8::1", "2001:db8:5::7", proxies) == "2001:db8:5::7"
    assert client_address("testclient", "1.2.3.4", proxies) == "testclient"


def test_a_trusted_proxy_is_a_network_or_nothing():
    assert trusted_networks("") == ()
    with pytest.raises(Misconfigured, match="PYNOMALY_TRUSTED_PROXIES"):
        trusted_networks("anything")


def test_one_customer_is_one_key():
    assert limit_key("2001:db8:1:2:3::4") == limit_key("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert limit_key("2001:db8:1:3::4") != limit_key("2001:db8:1:2::4")
    assert limit_key("::ffff:192.0.2.1") == limit_key("192.0.2.1") == "192.0.2.1"
