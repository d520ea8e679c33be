"""Requests that compute have few threads of their own: however many come, the others do not wait behind them."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from pynomaly.api import datasets, detection
from pynomaly.api.off_loop import SCORING, off_loop
from pynomaly.domain.errors import InvalidInput

N_REQUESTS = 60  # more than all threads that there are


class BusyPlatform:
    """Looks everything up at once, and computes for as long as it is told to."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.n_computing = self.most_computing = 0
        self._lock = threading.Lock()
        self.cache = SimpleNamespace(get=lambda key: None)
        self.shelf = SimpleNamespace(get=self.compute)
        self.rows = SimpleNamespace(read=lambda *_: self.compute())
        self.scores = SimpleNamespace(read=self.compute)

    def detector(self, *_: object) -> Any:
        return SimpleNamespace(id="det", model=SimpleNamespace(id="mdl"))

    def dataset(self, *_: object) -> Any:
        return SimpleNamespace(id="ds", columns=(), target_column="y", n_rows=1)

    def result(self, *_: object) -> Any:
        return SimpleNamespace(id="res")

    dataset_to_read, result_to_read = dataset, result

    def compute(self, *_: object) -> Any:
        with self._lock:
            self.n_computing += 1
            self.most_computing = max(self.most_computing, self.n_computing)
        self.may_end.wait()
        with self._lock:
            self.n_computing -= 1
        raise InvalidInput("done")


HANDLERS = {
    "detect": detection.detect_stored,
    "evaluate": detection.evaluate_stored,
    "quality": datasets.quality,
    "a result with its scores": detection.result,
}


@pytest.mark.parametrize("what", HANDLERS)
def test_a_storm_of_requests_that_compute_leaves_threads_to_the_others(what: str) -> None:
    platform = BusyPlatform()
    caller = SimpleNamespace(principal=SimpleNamespace(user_id="usr", tenant_id="t"))
    call: Any = SimpleNamespace(
        services=SimpleNamespace(platform=platform, metrics=None),
        caller=caller,
        path={"id": "x"},
        body=SimpleNamespace(detector_id="det", dataset_id="ds"),
    )

    async def ask() -> None:
        with pytest.raises(InvalidInput):
            await HANDLERS[what](call)

    async def storm() -> None:
        async with anyio.create_task_group() as requests:
            try:
                for _ in range(N_REQUESTS):
                    requests.start_soon(ask)
                with anyio.fail_after(20):
                    while platform.n_computing < SCORING.n:
                        await anyio.lowlevel.checkpoint()
                    assert await off_loop(lambda: "answered") == "answered"
            finally:
                platform.may_end.set()

    anyio.run(storm)
    assert platform.most_computing == SCORING.n
