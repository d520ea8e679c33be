"""The real platform, made slow, greedy or forgetful: `python wasteful_platform.py DEFECT[,DEFECT …] serve …`."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

from broken_platform import PREDICT, around_the_app

MIB = 1024 * 1024


def slow() -> None:
    """Takes 150 ms longer for each prediction."""

    async def wait(app: Any, scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") == PREDICT:
            await asyncio.sleep(0.15)
        await app(scope, receive, send)

    around_the_app(wait)


def superlinear() -> None:
    """Takes time that grows with the power 1.7 of the body: 0.6 s for 100,000 rows of 5 numbers."""

    async def wait(app: Any, scope: Any, receive: Any, send: Any) -> None:
        sizes = [int(value) for name, value in scope.get("headers", ()) if name == b"content-length"]
        if scope.get("path") == PREDICT and sizes:
            time.sleep(0.6 * (sizes[0] / (40 * 100_000)) ** 1.7)  # noqa: ASYNC251 - that is the defect
        await app(scope, receive, send)

    around_the_app(wait)


def disturbed() -> None:
    """Predictions that are under way at the same time hold each other up, by 80 ms for each one."""
    under_way = 0

    async def hinder(app: Any, scope: Any, receive: Any, send: Any) -> None:
        nonlocal under_way
        if scope.get("path") != PREDICT:
            await app(scope, receive, send)
            return
        under_way += 1
        try:
            await asyncio.sleep(0.005)
            if under_way > 1:
                time.sleep(0.08)  # noqa: ASYNC251 - that is the defect
            await app(scope, receive, send)
        finally:
            under_way -= 1

    around_the_app(hinder)


def forgetful() -> None:
    """Remembers no answer."""
    from pynomaly.cache.memory import MemoryCache

    MemoryCache.get = lambda self, key: None  # type: ignore[method-assign]


def greedy() -> None:
    """Takes 300 MB at its first prediction, and keeps them."""
    hoard: list[bytes] = []

    async def take(app: Any, scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") == PREDICT and not hoard:
            hoard.append(b"x" * (300 * MIB))
        await app(scope, receive, send)

    around_the_app(take)


def keeping() -> None:
    """Keeps 2 KB of every prediction."""
    hoard: list[bytearray] = []

    async def keep(app: Any, scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") == PREDICT:
            hoard.append(bytearray(b"x" * 2048))
        await app(scope, receive, send)

    around_the_app(keep)


DEFECTS: dict[str, Callable[[], None]] = {
    defect.__name__: defect for defect in (slow, superlinear, disturbed, forgetful, greedy, keeping)
}


def main() -> None:
    for name in sys.argv.pop(1).split(","):
        DEFECTS[name]()
    from pynomaly.cli import main as run

    run()


if __name__ == "__main__":
    main()
