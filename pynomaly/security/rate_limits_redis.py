"""The same token buckets in Redis, shared by all processes and hosts; without Redis each process limits
alone.
"""

from __future__ import annotations

import logging
from typing import Any, Protocol

from pynomaly.security.foundation import Clock
from pynomaly.security.rate_limits import Buckets, RateDecision, RateLimit, decision

_log = logging.getLogger(__name__)

_TAKE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local burst, per_s, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(kept[1]) or burst, tonumber(kept[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) * per_s)
local allowed = 0
if tokens >= cost then allowed, tokens = 1, tokens - cost end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) / per_s * 1000) + 1000)
return {allowed, tostring(tokens)}
"""
"""One step in the server, on the server's clock: callers with clocks of their own can't be told apart."""


class RedisClient(Protocol):
    """What is needed of `redis.Redis`."""

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any: ...


class RedisBuckets:
    """Buckets in Redis. When it doesn't answer, `fallback` limits in its place, and Redis is left alone a
    while.
    """

    def __init__(
        self,
        client: RedisClient,
        fallback: Buckets,
        clock: Clock,
        *,
        prefix: str = "pynomaly:rate:",
        pause_s: float = 5,
    ) -> None:
        self._client = client
        self._fallback = fallback
        self._clock = clock
        self._prefix = prefix
        self._pause_s = pause_s
        self._paused_until = 0.0

    def take(self, key: str, limit: RateLimit, cost: float) -> RateDecision:
        """See Buckets."""
        if self._clock() < self._paused_until:
            return self._fallback.take(key, limit, cost)
        from redis import RedisError

        try:
            answer = self._client.eval(_TAKE, 1, self._prefix + key, limit.burst, limit.per_s, cost)
            allowed, left = bool(answer[0]), float(answer[1])
        except (RedisError, OSError) as error:
            _log.warning("rate limits fall back to this process: %s", type(error).__name__)
            self._paused_until = self._clock() + self._pause_s
            return self._fallback.take(key, limit, cost)
        return decision(allowed, left, limit, cost)
