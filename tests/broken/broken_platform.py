"""The real platform, broken on purpose: `python broken_platform.py VARIANT serve …`.

Run as a process of its own, it takes the place of `pynomaly serve`. What is broken is put in from outside, before
anything is built; no line of the platform knows of it.
"""

from __future__ import annotations

import asyncio
import functools
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

PREDICT = "/api/v1/detection/predict"
UPLOAD = "/api/v1/datasets/upload"
LATE_S = 2.0


def leaks() -> None:
    """Keeps 1 KB of every request for ever."""
    hoard: list[bytearray] = []

    async def keep(app: Any, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            hoard.append(bytearray(b"x" * 1024))
        await app(scope, receive, send)

    around_the_app(keep)


def loses_uploads() -> None:
    """Acknowledges an upload that is entered in the database only a while later: kill -9 loses it."""
    from pynomaly.storage.datasets_sql import SqlDatasets

    waiting: dict[str, Any] = {}
    enter, find = SqlDatasets.add, SqlDatasets.get

    def add(self: Any, dataset: Any) -> None:
        def late() -> None:
            if waiting.pop(dataset.id, None) is not None:
                enter(self, dataset)

        waiting[dataset.id] = dataset
        timer = threading.Timer(LATE_S, late)
        timer.daemon = True
        timer.start()

    SqlDatasets.add = add  # type: ignore[method-assign]
    SqlDatasets.get = lambda self, id_: waiting.get(id_) or find(self, id_)  # type: ignore[method-assign]


def swaps_replies() -> None:
    """Now and then gives a prediction to whoever asked for another one at the same time."""
    chance = random.Random(1)  # noqa: S311 - to be repeated
    in_flight = 0
    last: list[Any] = []

    async def mix_up(app: Any, scope: Any, receive: Any, send: Any) -> None:
        nonlocal in_flight, last
        if scope.get("path") != PREDICT:
            await app(scope, receive, send)
            return
        in_flight += 1
        said: list[Any] = []

        async def hear(message: Any) -> None:
            said.append(message)

        try:
            await app(scope, receive, hear)
            await asyncio.sleep(0.002)
            if in_flight > 1 and last and chance.random() < 0.05:
                said = last
        finally:
            in_flight -= 1
        if said[0]["status"] == 200:
            last = said
        for message in said:
            await send(message)

    around_the_app(mix_up)


def hangs() -> None:
    """Where it has too much to do, it answers nobody instead of refusing."""
    from pynomaly.api.gateway import Gateway
    from pynomaly.domain.errors import Overloaded, RateLimited

    refuse = Gateway._refuse

    async def never_refuse(self: Any, scope: Any, exchange: Any, error: Exception) -> None:
        if isinstance(error, Overloaded | RateLimited):
            await asyncio.sleep(3600)
        await refuse(self, scope, exchange, error)

    Gateway._refuse = never_refuse  # type: ignore[method-assign]


def scores_anew() -> None:
    """Scores a little differently after each start."""
    from pynomaly.usecases import predict

    drift = 1.0 + (time.time() % 1000) * 1e-6
    score = predict.Predictor.predict

    @functools.wraps(score)
    def score_otherwise(self: Any, rows: Any) -> Any:
        found = score(self, rows)
        scored = type(found.rows)(found.rows.scores * drift, found.rows.labels)
        return type(found)(found.detector, found.model, scored)

    predict.Predictor.predict = score_otherwise  # type: ignore[method-assign]


def gives_redis_up() -> None:
    """Never asks Redis again once it was away."""
    from pynomaly.cache.redis import RedisCache

    def rest(self: Any, error: Exception) -> None:
        self._rests_until_s = float("inf")

    RedisCache._rest = rest  # type: ignore[method-assign]


def holds_uploads() -> None:
    """Has every upload in memory, twice, before it looks at it."""

    async def read_first(app: Any, scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") != UPLOAD:
            await app(scope, receive, send)
            return
        parts: list[bytes] = []
        more = True
        while more:
            message = await receive()
            parts.append(bytes(message.get("body", b"")))
            more = message.get("more_body", False)
        left = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

        async def again() -> Any:
            return left.pop() if left else await receive()

        await app(scope, again, send)
        parts.clear()

    around_the_app(read_first)


def takes_any_size() -> None:
    """Doesn't count what it is sent."""
    from pynomaly.api import datasets

    datasets.limited = lambda scope, receive, max_bytes: receive


VARIANTS: dict[str, Callable[[], None]] = {
    "leaks": leaks,
    "loses-uploads": loses_uploads,
    "swaps-replies": swaps_replies,
    "hangs": hangs,
    "scores-anew": scores_anew,
    "gives-redis-up": gives_redis_up,
    "holds-uploads": holds_uploads,
    "takes-any-size": takes_any_size,
    "healthy": lambda: None,
}


def around_the_app(wrapper: Any) -> None:
    """Put `wrapper(app, scope, receive, send)` around the whole application."""
    import pynomaly.app

    gateway = pynomaly.app.Gateway

    def wrapped(*arguments: Any, **named: Any) -> Any:
        return functools.partial(wrapper, gateway(*arguments, **named))

    pynomaly.app.Gateway = wrapped  # type: ignore[assignment,misc]


def main() -> None:
    VARIANTS[sys.argv.pop(1)]()
    from pynomaly.cli import main as run

    run()


if __name__ == "__main__":
    main()
