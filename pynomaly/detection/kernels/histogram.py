"""HBOS: which bin of its column each value falls into, and that bin's score.

Column j has the run starts[j] : starts[j + 1] of `edges` (its n bins' n + 1 edges, then two that nothing exceeds) and
of `bins` (the score of a value with that many edges below it). The bins are of equal width but for rounding, so the
bin is guessed and then told exactly from three edges.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pynomaly.detection.kernels.compiled import INT64S, MATRIX, OUT, ROWS, VECTOR, all_usable, compiled

ROWS_PER_BLOCK = 256


@compiled(ROWS, VECTOR, VECTOR, INT64S, MATRIX, OUT)
def score_bins(
    rows: Any, edges: Any, bins: Any, starts: Any, columns: Any, scores: Any
) -> bool:  # pragma: no cover - compiled
    """scores = sum over columns of the score of the value's bin.

    columns: (d, 6): lowest edge, bins per unit, how far below it still counts as the first bin, highest edge, how far
    above it still counts as the last bin, score of anything farther out.
    """
    n_rows, n_columns = rows.shape
    for begin in range(0, n_rows, ROWS_PER_BLOCK):
        end = min(begin + ROWS_PER_BLOCK, n_rows)
        if not all_usable(rows, begin, end):
            return False
        scores[begin:end] = 0.0
        for j in range(n_columns):
            first = starts[j]
            most = np.float64(starts[j + 1] - first - 4)
            low, per_unit, below, high, above, outside = columns[j]
            for row in range(begin, end):
                x = rows[row, j]
                guess = first + np.int64(min(max((x - low) * per_unit - 1.0, 0.0), most))
                one, two, three = (
                    edges[np.uint64(guess)],
                    edges[np.uint64(guess + 1)],
                    edges[np.uint64(guess + 2)],
                )
                at = guess + np.int64(one < x) + np.int64(two < x) + np.int64(three < x)
                is_outside = (low - x > below) | (x - high > above)
                scores[row] += outside if is_outside else bins[np.uint64(at)]
    return True
