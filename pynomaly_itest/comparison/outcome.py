"""What a live comparison is asked for, and what it has found so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from pynomaly_itest.comparison.metrics import Metric, Wanted
from pynomaly_itest.comparison.pairing import Pair, SideFailed
from pynomaly_itest.comparison.workload import Question
from pynomaly_itest.measure import Comparison
from pynomaly_itest.measure.regression import DEFAULT_ERROR
from pynomaly_itest.measure.sequential import LOOKS
from pynomaly_itest.results import combine
from pynomaly_itest.verdicts import Verdict


@dataclass(frozen=True)
class Terms:
    """What to compare, and how long that may take. asking_s: of a pair's questions in turn; None: as long as the
    metrics and the start of a pair call for."""

    wanted: Wanted = field(default_factory=Wanted)
    budget_s: float = 120.0
    asking_s: float | None = None
    error: float = DEFAULT_ERROR
    seed: int = 42
    most_pairs: int = LOOKS[-1]
    always_all: bool = False
    """Go on to `most_pairs` even where everything is clear: for finding out what a machine can tell."""


@dataclass(frozen=True)
class Judged:
    """A metric with both absolute figures and what is concluded; clusters: the medians of its pairs' log ratios."""

    metric: Metric
    base: float
    candidate: float
    conclusion: Comparison
    ignore: float
    forbid: float
    clusters: tuple[float, ...] = ()


@dataclass
class Outcome:
    """A comparison so far, or at its end."""

    base: str
    candidate: str
    judged: tuple[Judged, ...] = ()
    pairs: list[Pair] = field(default_factory=list)
    pair_s: list[float] = field(default_factory=list)
    preparation_s: float = 0.0
    duration_s: float = 0.0
    failure: SideFailed | None = None
    interrupted: bool = False
    out_of_time: bool = False
    weaker: str | None = None
    cores: tuple[int, ...] = ()
    questions: tuple[Question, ...] = ()
    versions: tuple[str | None, str | None] = (None, None)
    notes: list[str] = field(default_factory=list)

    @property
    def stalled_share(self) -> float | None:
        """The mean over pairs; None where the system does not tell."""
        told = [pair.stalled_share for pair in self.pairs if pair.stalled_share is not None]
        return sum(told) / len(told) if told else None

    @property
    def verdict(self) -> Verdict:
        """The worst of the metrics'; a side that does not answer as it should decides by itself."""
        if self.failure is not None:
            return Verdict.FAILED if self.failure.index == 1 else Verdict.ERROR
        return combine(each.conclusion.verdict for each in self.judged)
