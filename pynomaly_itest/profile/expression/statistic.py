"""The statistics a series answers to, shared by the checker before the run and the gates after it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pynomaly_itest.shapes import STATISTICS

_QUANTILE = re.compile(r"p(\d{1,2})")
_UNITLESS = ("n",)


@dataclass(frozen=True)
class Statistic:
    """A named statistic, or with `quantile` (0 to 1) set a quantile."""

    name: str
    quantile: float | None = None

    def unit(self, series_unit: str | None) -> str | None:
        """The statistic's unit: a count and a slope have none of the series' own."""
        if self.name in _UNITLESS:
            return None
        if self.name == "slope":
            return f"{series_unit}/s" if series_unit else None
        return series_unit


def statistic_of(parts: Sequence[str]) -> Statistic | None:
    """The statistic that these last parts of a name ask for; None where they ask for none.

    Quantiles are p5, p10 … p95 in steps of five, and any (with decimals: p99.9) up to p10 and from p90: that
    is all that is asked for in practice, and `p59` is a slip for `p95` that would make a gate nearly vacuous.
    """
    if len(parts) == 1 and parts[0] in STATISTICS:
        return Statistic(parts[0])
    if not 1 <= len(parts) <= 2 or not (whole := _QUANTILE.fullmatch(parts[0])):
        return None
    if len(parts) == 2 and not re.fullmatch(r"\d{1,4}", parts[1]):
        return None
    percent = float(".".join((whole[1], *parts[1:])))
    if not 0 < percent < 100 or (10 < percent < 90 and percent % 5):
        return None
    return Statistic(".".join(parts), percent / 100)
