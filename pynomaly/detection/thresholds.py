"""Where the threshold lies: the share `contamination` of the scores is above it, fewer where scores are equal."""

from __future__ import annotations

import numpy as np

from pynomaly.detection.model import Floats

ROUNDING = 1e-12  # of the range of scores: far more than two processors differ by, far less than rows do
_LARGEST_RANGE = 1e300
_SMALLER = 2.0**-8


def threshold_of(scores: Floats, contamination: float) -> float:
    """The (1 - contamination) percentile of `scores` (n,), finite; at most ceil(contamination x n) are above it.

    Of equal scores at the percentile none is above: the threshold is a trace higher than they are (half-way to the
    next score at most), so that they stay below on a processor that rounds another way, too.
    """
    if np.abs(scores).max() > _LARGEST_RANGE:  # differences would overflow
        return threshold_of(scores * _SMALLER, contamination) / _SMALLER
    percentile = float(np.percentile(scores, 100 * (1 - contamination)))
    if not (scores == percentile).any():
        return percentile
    trace = ROUNDING * (float(np.ptp(scores)) or abs(percentile))
    above = scores[scores > percentile]
    half_way = (float(above.min()) - percentile) / 2 if len(above) else trace
    return percentile + min(trace, half_way)
