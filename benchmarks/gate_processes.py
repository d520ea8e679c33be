"""Series of latencies as services make them, with a known share of slow answers: what gates are tried on.

A process is a bulk (fast answers, how they remember) and a tail (how slow answers come about). Limits stand at 100 ms;
the bulk lies far below, the tail beyond, unless the tail *is* the bulk's own ("of the bulk": there, the limit is its
quantile). Every process takes the share of slow answers, so that a test that knows it can be simulated beside ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter
from scipy.special import ndtr, ndtri

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Bulk = Callable[[np.random.Generator, int, int], FloatArray]
Tail = Callable[[np.random.Generator, FloatArray, float], BoolArray]

LIMIT_MS = 100.0
RATE = 40.0
"""Requests a second where pauses last for a time."""


def remembering(rng: np.random.Generator, runs: int, n: int, memory: float) -> FloatArray:
    """(runs, n) of unit variance whose correlation fades over `memory` values."""
    rho = np.exp(-1 / memory)
    first = rng.normal(size=(runs, 1))
    shocks = rng.normal(size=(runs, n - 1)) * np.sqrt(1 - rho**2)
    return np.asarray(lfilter([1], [1, -rho], np.concatenate([first, shocks], axis=1), axis=1))


def alternating(
    rng: np.random.Generator, runs: int, n: int, on: float, off: float, *, regular: bool = False
) -> BoolArray:
    """(runs, n) of a state that is on for `on` values on average, then off for `off`: stationary, in random phase.

    regular: every stretch is as long as the average (rounded at random, so that the share of time is kept).
    """
    rows = np.empty((runs, n), dtype=bool)
    pairs = int(n / (on + off) * 2 + 8 * np.sqrt(n / (on + off) + 1) + 8)
    for row in rows:
        if regular:
            edges = np.cumsum(np.tile([off, on], pairs)) - rng.uniform(0, on + off)
            places = np.searchsorted(edges, np.arange(n), side="right")
            row[:] = places % 2 == 1
            continue
        begins_on = rng.random() < on / (on + off)
        means = np.tile([on, off] if begins_on else [off, on], pairs)
        lengths = rng.geometric(np.minimum(1.0, 1 / means))
        state = np.repeat(np.tile([begins_on, not begins_on], pairs), lengths)
        row[:] = state[:n]
    return rows


def _bursts(rng: np.random.Generator, runs: int, n: int) -> FloatArray:
    """A neighbour slows a fifth of the time, some 25 requests at a time."""
    return rng.normal(size=(runs, n)) + 2.0 * alternating(rng, runs, n, 25, 100)


def _drift(memory: float, share: float) -> Bulk:
    def bulk(rng: np.random.Generator, runs: int, n: int) -> FloatArray:
        noise = np.sqrt(1 - share) * rng.normal(size=(runs, n))
        return noise + np.sqrt(share) * remembering(rng, runs, n, memory)

    return bulk


BULKS: dict[str, Bulk] = {
    "independent": lambda rng, runs, n: rng.normal(size=(runs, n)),
    "memory 5": lambda rng, runs, n: remembering(rng, runs, n, 5),
    "memory 50": lambda rng, runs, n: remembering(rng, runs, n, 50),
    "memory n/4": lambda rng, runs, n: remembering(rng, runs, n, n / 4),
    "drifting": _drift(50, 0.2),
    "bursty": _bursts,
    "warm-up": lambda rng, runs, n: rng.normal(size=(runs, n)) + 3 * np.exp(-np.arange(n) / (0.05 * n)),
}


def _at_random(rng: np.random.Generator, bulk: FloatArray, share: float) -> BoolArray:
    return np.asarray(rng.random(bulk.shape) < share)


def _stretches(on: float, *, regular: bool = False) -> Tail:
    """Pauses of `on` requests, as many as make up the share."""

    def tail(rng: np.random.Generator, bulk: FloatArray, share: float) -> BoolArray:
        return alternating(rng, *bulk.shape, on, on * (1 - share) / share, regular=regular)

    return tail


def _with_bulk(correlation: float) -> Tail:
    """Slow answers are likelier where fast ones are slower."""

    def tail(rng: np.random.Generator, bulk: FloatArray, share: float) -> BoolArray:
        own = np.sqrt(1 - correlation**2) * rng.normal(size=bulk.shape)
        return np.asarray(correlation * bulk + own > ndtri(1 - share))

    return tail


def _busy(on: float, off: float, times: float) -> Tail:
    """Slow answers are `times` as likely while a neighbour is busy: for `on` requests, `off` apart."""

    def tail(rng: np.random.Generator, bulk: FloatArray, share: float) -> BoolArray:
        busy = alternating(rng, *bulk.shape, on, off)
        quiet = share * (on + off) / (off + times * on)
        return np.asarray(rng.random(bulk.shape) < np.where(busy, quiet * times, quiet))

    return tail


TAILS: dict[str, Tail] = {
    "independent": _at_random,
    "periodic pauses": _stretches(3, regular=True),
    "pauses of 3": _stretches(3),
    "pauses of 12": _stretches(12),
    "stalls of 40": _stretches(40),
    "busy neighbour": _busy(25, 100, 8),
    "correlated": _with_bulk(0.6),
    "of the bulk": _with_bulk(1.0),
}

LIBRARY: Mapping[str, tuple[str, str]] = {
    f"{bulk} / {tail}": (bulk, tail)
    for bulk, tail in (
        *((bulk, "independent") for bulk in BULKS),
        *(
            ("independent", tail)
            for tail in TAILS
            if tail not in ("independent", "correlated", "of the bulk")
        ),
        ("drifting", "periodic pauses"),
        ("drifting", "pauses of 12"),
        ("memory 5", "correlated"),
        ("memory 50", "correlated"),
        ("drifting", "correlated"),
        ("memory 5", "of the bulk"),
        ("memory 50", "of the bulk"),
        ("drifting", "of the bulk"),
        ("bursty", "of the bulk"),
        ("memory n/4", "of the bulk"),
    )
}
"""By name: a bulk and a tail."""


def slow_ones(
    name: str, rng: np.random.Generator, runs: int, n: int, share: float
) -> tuple[FloatArray, BoolArray]:
    """The bulk's scores, and which answers are slow; (runs, n) each."""
    bulk, tail = LIBRARY[name]
    scores = BULKS[bulk](rng, runs, n)
    if tail == "of the bulk" and bulk == "bursty":  # no normal scores: a mixture of two
        return scores, np.asarray(scores > bursty_quantile(1 - share))
    return scores, TAILS[tail](rng, scores, share)


def bursty_quantile(p: float) -> float:
    low, high = -8.0, 12.0
    for _ in range(60):
        middle = (low + high) / 2
        below = 0.8 * ndtr(middle) + 0.2 * ndtr(middle - 2)
        low, high = (middle, high) if below < p else (low, middle)
    return low


def latencies(name: str, rng: np.random.Generator, runs: int, n: int, share: float) -> FloatArray:
    """(runs, n) in ms: `share` of them (on average) are over 100."""
    scores, slow = slow_ones(name, rng, runs, n, share)
    if name.endswith("of the bulk"):
        edge = scores[slow].min() if slow.any() else scores.max() + 1
        return LIMIT_MS * np.exp(0.3 * (scores - edge) + 1e-9)
    return np.where(slow, LIMIT_MS * (1.5 + rng.pareto(3, size=slow.shape)), 2.0 * np.exp(0.3 * scores))
