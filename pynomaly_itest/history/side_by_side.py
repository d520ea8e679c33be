"""Two runs next to each other: what became of each scenario, and each figure with its difference. Pure; no verdict.

Figures of two runs at different times are shown, not judged: the machine was not the same. `pynomaly-itest compare`
measures two builds in turn and judges.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from pynomaly_itest.history.past import Figure, Key, PastRun
from pynomaly_itest.verdicts import Verdict

K = TypeVar("K")


@dataclass(frozen=True)
class ScenarioPair:
    """A scenario in both runs; None where it was not planned."""

    id: str
    a: Verdict | None
    b: Verdict | None

    @property
    def changed(self) -> bool:
        return self.a is not self.b


@dataclass(frozen=True)
class FigurePair:
    """A figure in both runs. `change`: of b against a, as a share of a; None where it can't be told."""

    key: Key
    a: Figure | None
    b: Figure | None

    @property
    def change(self) -> float | None:
        if self.a is None or self.b is None or not self.a.value:
            return None
        return self.b.value / self.a.value - 1

    @property
    def unit(self) -> str | None:
        known = self.b or self.a
        return known.unit if known else None


def scenario_pairs(a: PastRun, b: PastRun) -> list[ScenarioPair]:
    """Every scenario of either run, those whose verdict changed first."""
    first = {scenario.id: scenario.verdict for scenario in a.scenarios}
    second = {scenario.id: scenario.verdict for scenario in b.scenarios}
    pairs = [ScenarioPair(name, first.get(name), second.get(name)) for name in _both(first, second)]
    return sorted(pairs, key=lambda pair: not pair.changed)


def figure_pairs(a: PastRun, b: PastRun) -> list[FigurePair]:
    """Every figure of either run, those that gates judge first, in the order of their scenarios."""
    pairs = [FigurePair(key, a.figures.get(key), b.figures.get(key)) for key in _both(a.figures, b.figures)]
    return sorted(pairs, key=lambda pair: (pair.b or pair.a or Figure(0.0)).limit is None)


def _both(first: Iterable[K], second: Iterable[K]) -> list[K]:
    return list(dict.fromkeys([*first, *second]))
