"""Judge a detector on a dataset whose truth is known: its target column says which rows are anomalies."""

from __future__ import annotations

import numpy as np

from pynomaly.domain.datasets import target_labels
from pynomaly.domain.detections import Evaluation, ScoredRows, evaluate_labels
from pynomaly.domain.errors import InvalidInput
from pynomaly.domain.permissions import Permission
from pynomaly.security.foundation import Caller
from pynomaly.usecases.detect import score_blocks, serve
from pynomaly.usecases.platform import Platform


def evaluate(platform: Platform, caller: Caller, detector_id: str, dataset_id: str) -> Evaluation:
    """Score the dataset and compare with its target column; raises InvalidInput if it has none."""
    detector = platform.detector(caller, detector_id, Permission.DETECTION_RUN)
    dataset = platform.dataset_to_read(caller, dataset_id, "evaluate")
    target = dataset.target_column
    if target is None:
        raise InvalidInput(
            "The dataset has no target column to compare with.", hint="Upload it with target_column=NAME."
        )
    truth = target_labels(
        np.concatenate([block.columns[target] for block in platform.rows.read(dataset, [target])])
    )
    parts = list(score_blocks(platform, serve(platform, detector).served, dataset))
    rows = ScoredRows(
        np.concatenate([part.scores for part in parts]), np.concatenate([part.labels for part in parts])
    )
    return evaluate_labels(truth, rows)
