"""Imports PyOD without its compiler, so that a process that fits is no larger than fitting needs.

PyOD compiles four small functions with numba, at their first call and anew in every process: numba and LLVM take
70 MB, and compiling takes seconds. Two of the functions are here in numpy, with the same results to the last bit
of what they compare and select; the others are compiled if somebody calls them.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

_WITH_NUMBA = ("pyod.utils.stat_models", "pyod.models.hbos", "pyod.models.abod")
_FIRST_NEEDED = ("sklearn.ensemble", "pyod.models.iforest")


def import_fitting() -> None:
    """Import ahead of the first training what takes the longest; the second time it does nothing.

    Not while other threads import numba: for as long as PyOD is being imported, another module stands in its place.
    """
    if _WITH_NUMBA[0] in sys.modules:
        return
    stands_in = "numba" not in sys.modules
    if stands_in:
        sys.modules["numba"] = _numba_at_first_call()
    try:
        for name in (*_WITH_NUMBA, *_FIRST_NEEDED):
            importlib.import_module(name)
    finally:
        if stands_in:
            del sys.modules["numba"]
    for module, function, ours in (
        ("pyod.utils.stat_models", "ecdf_terminate_equals_inplace", end_ties_together),
        ("pyod.models.hbos", "_calculate_outlier_scores", look_up_bins),
    ):
        if hasattr(sys.modules[module], function):
            setattr(sys.modules[module], function, ours)


def end_ties_together(matrix: Any, probabilities: Any) -> None:
    """Give equal neighbours in a sorted column of `matrix` (n, d) the last one's probability, in place."""
    for column in range(matrix.shape[1]):  # one at a time: the matrix may be large
        last = np.flatnonzero(np.append(matrix[:-1, column] != matrix[1:, column], True))
        lengths = np.diff(last, prepend=-1)
        probabilities[:, column] = np.repeat(probabilities[last, column], lengths)


def look_up_bins(X: Any, bin_edges: Any, hist: Any, n_bins: int, alpha: float, tol: float) -> Any:
    """The log density (n, d) of the bin of each value of X (n, d), by PyOD's rules for those beyond the outer bins.

    bin_edges: (n_bins + 1, d); hist: (n_bins, d). A value farther out than `tol` of a bin's width gets the least.
    """
    scores = np.empty(X.shape)
    for column in range(X.shape[1]):
        values, edges = X[:, column], bin_edges[:, column]
        bins = np.digitize(values, edges, right=True)
        densities = np.log2(hist[:, column] + alpha)
        found = densities[np.clip(bins - 1, 0, n_bins - 1)]
        far_below = (bins == 0) & (edges[0] - values > (edges[1] - edges[0]) * tol)
        far_above = (bins == n_bins + 1) & (values - edges[-1] > (edges[-1] - edges[-2]) * tol)
        scores[:, column] = np.where(far_below | far_above, densities.min(), found)
    return scores


class _CompiledAtFirstCall:
    """A function that numba compiles when it is called for the first time."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._is_compiled = False

    def __call__(self, *args: Any) -> Any:
        if not self._is_compiled:
            import numba

            self._function, self._is_compiled = numba.njit(self._function), True
        return self._function(*args)


def _numba_at_first_call() -> types.ModuleType:
    """What stands in for numba while PyOD is being imported: all it takes from there is `njit`, without arguments."""
    module = types.ModuleType("numba")
    module.__dict__["njit"] = _CompiledAtFirstCall
    return module
