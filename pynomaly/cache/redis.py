"""A cache in Redis that several starts of the server share; sealed, since Redis is not ours alone.

A Redis that is down costs at most the timeout, and is left alone for a while after: the cache slows, never breaks.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pynomaly.domain.errors import CorruptStore, Misconfigured

if TYPE_CHECKING:
    from pynomaly.domain.ports import Cipher

logger = logging.getLogger(__name__)

_TIMEOUT_S = 0.25
_REST_S = 5.0
_MAX_ENTRY_BYTES = 32 << 20


class RedisCache:
    """ResultCache in Redis under keys with a prefix; entries expire after `ttl_s`."""

    def __init__(
        self,
        url: str,
        prefix: str,
        ttl_s: float,
        cipher: Cipher,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        import redis

        try:
            self._redis = redis.Redis.from_url(
                url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, health_check_interval=30
            )
        except ValueError as error:
            raise Misconfigured("PYNOMALY_REDIS_URL is not a Redis URL.") from error
        self._errors = redis.RedisError
        self._prefix = prefix
        self._ttl_ms = int(ttl_s * 1000)
        self._cipher = cipher
        self._timer = timer
        self._rests_until_s = -1.0

    def get(self, key: str) -> bytes | None:
        """The value, or None: also where Redis doesn't answer, or what it has isn't what was put there."""
        if self._is_resting:
            return None
        try:
            sealed = self._redis.get(self._prefix + key)
        except self._errors as error:
            self._rest(error)
            return None
        if not isinstance(sealed, bytes):
            return None
        try:
            return self._cipher.decrypt_data(sealed, context=f"cache:{key}")
        except CorruptStore:
            logger.warning("a cache entry was not ours")
            return None

    def put(self, key: str, value: bytes) -> None:
        """Keep a value for a while, if Redis will."""
        if self._is_resting or len(value) > _MAX_ENTRY_BYTES:
            return
        sealed = self._cipher.encrypt_data(value, context=f"cache:{key}")
        try:
            self._redis.set(self._prefix + key, sealed, px=self._ttl_ms)
        except self._errors as error:
            self._rest(error)

    @property
    def is_up(self) -> bool:
        """Whether Redis answered when it was last asked."""
        return not self._is_resting

    @property
    def _is_resting(self) -> bool:
        return self._timer() < self._rests_until_s

    def _rest(self, error: Exception) -> None:
        logger.warning("the cache is down: %s", type(error).__name__)
        self._rests_until_s = self._timer() + _REST_S
