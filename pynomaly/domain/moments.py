"""Mean and standard deviation of many numbers, of any size that float64 holds, block by block."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


class Moments:
    """Chan's pairwise update of mean and sum of squares, in units of about the largest number: nothing overflows."""

    def __init__(self) -> None:
        self.n = 0
        self._unit = 0.0
        self._mean = self._m2 = 0.0

    def add(self, values: NDArray[np.float64]) -> None:
        """Take in finite values (n,)."""
        if len(values) == 0:
            return
        self._measure_in(float(np.abs(values).max()))
        scaled = values / self._unit if self._unit else values
        n, mean = len(scaled), float(scaled.mean())
        delta, total = mean - self._mean, self.n + n
        self._m2 += float(((scaled - mean) ** 2).sum()) + delta**2 * self.n * n / total
        self._mean += delta * n / total
        self.n = total

    @property
    def mean(self) -> float | None:
        """None where there are no values."""
        return self._mean * self._unit if self.n else None

    @property
    def std(self) -> float | None:
        """By n, not n - 1; None where there are no values."""
        return math.sqrt(self._m2 / self.n) * self._unit if self.n else None

    def _measure_in(self, largest: float) -> None:
        """Units are powers of 2, in which numbers are exactly what they were."""
        unit = math.ldexp(1.0, math.frexp(largest)[1] - 1) if largest else 0.0
        if unit > self._unit:
            ratio = self._unit / unit
            self._mean, self._m2, self._unit = self._mean * ratio, self._m2 * ratio * ratio, unit
