"""Imports PyOD without what fitting doesn't need, so that a process that fits is half as large.

PyOD compiles small functions with numba, at their first call and anew in every process, which takes seconds. Two of
those that fitting calls are here in numpy, with the same results; others are compiled where they are called. Two models
import matplotlib to plot explanations, one scikit-learn's own tests (and with them pytest): 70 MB that nothing here
calls. numba itself is first imported when the training rows are scored, for the threshold.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

_LARGE_FOR_NOTHING = tuple(
    f"pyod.{name}"
    for name in (
        "utils.stat_models",
        "models.hbos",
        "models.abod",
        "models.cblof",
    )
)
_FIRST_NEEDED = ("sklearn.ensemble", "pyod.models.iforest")


def import_fitting() -> None:
    """Import ahead of the first training what takes the longest; the second time it does nothing.

    Not while other threads import: for as long as PyOD is being imported, other modules stand in their places.
    """
    if _LARGE_FOR_NOTHING[0] in sys.modules:
        return
    with _standing_in(_stand_ins()):
        for name in (*_LARGE_FOR_NOTHING, *_FIRST_NEEDED):
            importlib.import_module(name)
    for module, function, ours in (
        ("pyod.utils.stat_models", "_pairwise_distances_no_broadcast_helper", distances_by_row),
        ("pyod.models.hbos", "_calculate_outlier_scores", look_up_bins),
    ):
        if hasattr(sys.modules[module], function):
            setattr(sys.modules[module], function, ours)


def distances_by_row(X: Any, Y: Any) -> Any:
    """Euclidean distance of each row of X (n, d) to the same row of Y (n, d); (n,)."""
    return np.sqrt(np.sum(np.square(Y - X), axis=1))


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


def _stand_ins() -> dict[str, types.ModuleType]:
    """What PyOD's modules find in the place of large ones: the names that they take from there, and nothing else."""
    names = ("numba", "matplotlib", "matplotlib.pyplot", "sklearn.utils.estimator_checks")
    modules = {name: types.ModuleType(name) for name in names}
    modules["numba"].__dict__["njit"] = _CompiledAtFirstCall
    modules["matplotlib"].__dict__["pyplot"] = modules["matplotlib.pyplot"]
    modules["sklearn.utils.estimator_checks"].__dict__["check_estimator"] = None
    return modules


@contextmanager
def _standing_in(modules: dict[str, types.ModuleType]) -> Iterator[None]:
    """These modules in the places of those that are not loaded yet, which are found again afterwards."""
    missing = {name: module for name, module in modules.items() if name not in sys.modules}
    sys.modules.update(missing)
    try:
        yield
    finally:
        for name in missing:
            sys.modules.pop(name, None)
