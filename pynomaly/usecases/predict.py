"""Score rows that come with the request; nothing is kept. The hot path: what can be in memory is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pynomaly.domain.datasets import Block
from pynomaly.domain.detections import ScoredRows
from pynomaly.domain.detectors import Detector, TrainedModel
from pynomaly.domain.errors import DimensionMismatch, InvalidInput
from pynomaly.domain.permissions import Permission
from pynomaly.security.foundation import Caller
from pynomaly.usecases.detect import InService, serve
from pynomaly.usecases.platform import Platform


@dataclass(frozen=True, slots=True)
class Prediction:
    """Scores and labels of the rows, and the model that gave them."""

    detector: Detector
    model: TrainedModel
    rows: ScoredRows


@dataclass(frozen=True, slots=True)
class Predictor:
    """A detector that the caller may use, with its model: found once, used for any number of rows."""

    detector: Detector
    in_service: InService

    def predict(self, rows: NDArray[np.float64] | Block) -> Prediction:
        """Score a matrix (n, d) in the order of the model's columns, or named columns.

        Raises DimensionMismatch and NonFiniteValues; a missing value in a request is refused, not filled in.
        """
        served = self.in_service.served
        if isinstance(rows, Block):
            _refuse_missing(rows)
            matrix = served.preparation.matrix(rows)
        elif served.preparation.is_numeric:
            matrix = rows
        else:
            raise InvalidInput(
                "The detector was trained on text columns too; plain numbers can't stand for them.",
                hint=f"Send rows as objects, or columns, named {', '.join(served.preparation.names[:20])}.",
            )
        scores = served.model.score(matrix)
        return Prediction(
            self.detector, self.in_service.model, ScoredRows(scores, served.model.labels(scores))
        )


def find_predictor(platform: Platform, caller: Caller, detector_id: str) -> Predictor:
    """The detector, ready to score; raises NotFound, Forbidden or NotFitted. May read from the disk."""
    detector = platform.detector(caller, detector_id, Permission.DETECTION_RUN)
    return Predictor(detector, serve(platform, detector))


def predictor_at_hand(platform: Platform, caller: Caller, detector_id: str) -> Predictor | None:
    """As find_predictor if all of it is in memory, so that it may be asked on the event loop; else None."""
    detector = platform.detectors.remembered(detector_id)
    if detector is None or detector.model is None:
        return None
    served = platform.shelf.at_hand(detector.model.id)
    if served is None or not platform.may_use(caller, detector):
        return None
    return Predictor(detector, InService(detector.model, served))


def _refuse_missing(rows: Block) -> None:
    for name, values in rows.columns.items():
        if len(values) != rows.n_rows:
            raise DimensionMismatch(
                f"Column {name[:80]!r} has {len(values)} values where the first has {rows.n_rows}."
            )
        if values.dtype.kind == "O" and any(value is None for value in values):
            raise InvalidInput(f"Column {name[:80]!r} has missing values.", hint="Fill them before asking.")
