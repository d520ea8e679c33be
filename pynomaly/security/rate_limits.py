"""Rate limits: a token bucket for each caller, so that short bursts pass and no one takes more than a
share.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from pynomaly.domain.errors import Misconfigured, RateLimited
from pynomaly.security.foundation import Clock


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`burst` requests at once, and `per_s` a second in the long run."""

    burst: float
    per_s: float

    def __post_init__(self) -> None:
        if not (self.burst >= 1 and 0 < self.per_s < math.inf):
            raise Misconfigured("A rate limit needs a burst of at least 1 and a rate above 0.")


@dataclass(frozen=True, slots=True)
class RateDecision:
    """Whether it may pass, how many more may at once, and after how many seconds it may if it may not."""

    allowed: bool
    remaining: int
    retry_after_s: float


class Buckets(Protocol):
    """Where the buckets are: in this process, or shared by several."""

    def take(self, key: str, limit: RateLimit, cost: float) -> RateDecision:
        """Takes `cost` tokens from the key's bucket if they are there, atomically."""


class MemoryBuckets:
    """Buckets of one process, `size` at most; beyond that the one longest unused is forgotten.

    Whoever rotates through names to make his own bucket be forgotten needs more than `size` of them; give the
    limit for addresses a key that he can't rotate.
    """

    def __init__(self, clock: Clock, *, size: int = 100_000) -> None:
        self._clock = clock
        self._size = size
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, key: str, limit: RateLimit, cost: float) -> RateDecision:
        """See Buckets."""
        now = self._clock()
        with self._lock:
            tokens, filled_at = self._buckets.get(key, (limit.burst, now))
            tokens = min(limit.burst, tokens + max(0.0, now - filled_at) * limit.per_s)
            allowed = tokens >= cost
            left = tokens - cost if allowed else tokens
            self._buckets[key] = (left, now)
            self._buckets.move_to_end(key)
            if len(self._buckets) > self._size:
                self._buckets.popitem(last=False)
        return decision(allowed, left, limit, cost)

    def __len__(self) -> int:
        return len(self._buckets)


class RateLimiter:
    """One limit over one kind of key (a principal, an address), kept wherever its buckets are."""

    def __init__(self, name: str, limit: RateLimit, buckets: Buckets) -> None:
        self._name = name
        self._limit = limit
        self._buckets = buckets

    def check(self, key: str, cost: float = 1) -> RateDecision:
        """Takes `cost` tokens if they are there. A cost above the burst is charged as the burst, or none
        could pass.
        """
        return self._buckets.take(f"{self._name}:{key}", self._limit, min(cost, self._limit.burst))

    def require(self, key: str, cost: float = 1) -> None:
        """Raises RateLimited with whole seconds to wait."""
        found = self.check(key, cost)
        if not found.allowed:
            raise RateLimited("Too many requests.", retry_after_s=max(1, math.ceil(found.retry_after_s)))


def decision(allowed: bool, left: float, limit: RateLimit, cost: float) -> RateDecision:
    """What a bucket with `left` tokens answers."""
    wait_s = 0.0 if allowed else (cost - left) / limit.per_s
    return RateDecision(allowed, int(left), wait_s)
