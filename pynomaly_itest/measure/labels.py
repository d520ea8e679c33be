"""How the rows of an evaluation were labelled, kept small: what lets two evaluations be paired row by row."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pynomaly_itest.measure.estimate import Estimate
from pynomaly_itest.measure.quality import PairedOutcomes, bootstrap_rows, paired_difference

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    BoolArray = npt.NDArray[np.bool_]

_MANY_ROWS, _FEW_RESAMPLES, _MANY_RESAMPLES = 5_000, 199, 999


@dataclass(frozen=True, eq=False)
class Labels:
    """actual, found: (n,) bool, the true labels and those that came back; scores: a digest of the scores."""

    actual: BoolArray
    found: BoolArray
    scores: str

    @classmethod
    def of(cls, actual: Any, found: Any, scores: Any) -> Labels:
        """From labels of 0 and 1 and scores, all of one length."""
        import numpy as np

        exact = np.asarray(scores, dtype=np.float64).round(9).tobytes()
        return cls(np.asarray(actual, bool), np.asarray(found, bool), hashlib.sha256(exact).hexdigest()[:32])

    def packed(self) -> dict[str, Any]:
        """As the log keeps it."""
        import numpy as np

        packed = (
            base64.b64encode(np.packbits(bits).tobytes()).decode() for bits in (self.actual, self.found)
        )
        return {
            "n": len(self.actual),
            **dict(zip(("actual", "found"), packed, strict=True)),
            "scores": self.scores,
        }

    @classmethod
    def unpacked(cls, n: int, actual: str, found: str, scores: str) -> Labels:
        """From what the log keeps; raises ValueError where that is not n labels."""
        import numpy as np

        columns = []
        for text in (actual, found):
            try:
                bits = np.unpackbits(np.frombuffer(base64.b64decode(text, validate=True), np.uint8))
            except binascii.Error as problem:
                raise ValueError("the labels are not base64") from problem
            if not n <= bits.size < n + 8:
                raise ValueError(f"{bits.size} bits for {n} labels")
            columns.append(bits[:n].astype(bool))
        return cls(columns[0], columns[1], scores)


def labels_difference(
    metric: str, base: Labels, candidate: Labels, *, confidence: float = 0.95
) -> Estimate | None:
    """The candidate's figure less the base's on the same rows, with its paired interval.

    accuracy and recall by Newcombe's method 10, precision and f1 by bootstrap over rows. None where the rows are
    not the same, or the metric is none of labels (unless all scores are the same as well: then nothing differs).
    """
    import numpy as np

    if not np.array_equal(base.actual, candidate.actual) or not len(base.actual):
        return None
    n = len(base.actual)
    if np.array_equal(base.found, candidate.found) and (
        metric in _OF_LABELS or base.scores == candidate.scores
    ):
        return Estimate(0.0, "1", n, 0.0, 0.0, confidence, "the same for every row")
    if metric == "accuracy":
        return paired_difference(
            _outcomes(base.found == base.actual, candidate.found == base.actual), confidence=confidence
        )
    if metric == "recall":
        rows = base.actual
        return paired_difference(_outcomes(base.found[rows], candidate.found[rows]), confidence=confidence)
    if metric not in _OF_LABELS:
        return None
    resamples = _MANY_RESAMPLES if n <= _MANY_ROWS else _FEW_RESAMPLES
    return bootstrap_rows(
        _difference_of(_OF_LABELS[metric]),
        base.actual,
        base.found,
        candidate.found,
        confidence=confidence,
        resamples=resamples,
    )


def _outcomes(base: BoolArray, candidate: BoolArray) -> PairedOutcomes:
    return PairedOutcomes(
        both=int((base & candidate).sum()),
        only_base=int((base & ~candidate).sum()),
        only_candidate=int((~base & candidate).sum()),
        neither=int((~base & ~candidate).sum()),
    )


def _difference_of(figure: Callable[[Any, Any], float]) -> Callable[..., float]:
    return lambda actual, base, candidate: figure(actual, candidate) - figure(actual, base)


def _precision(actual: Any, found: Any) -> float:
    flagged = int(found.sum())
    return int((actual & found).sum()) / flagged if flagged else float("nan")


def _f1(actual: Any, found: Any) -> float:
    both = int(actual.sum()) + int(found.sum())
    return 2 * int((actual & found).sum()) / both if both else float("nan")


def _accuracy(actual: Any, found: Any) -> float:
    return float((actual == found).mean())


def _recall(actual: Any, found: Any) -> float:
    positives = int(actual.sum())
    return int((actual & found).sum()) / positives if positives else float("nan")


_OF_LABELS: dict[str, Callable[[Any, Any], float]] = {
    "accuracy": _accuracy,
    "precision": _precision,
    "recall": _recall,
    "f1": _f1,
}
