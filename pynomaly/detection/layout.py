"""Checks on the arrays of a model before a kernel may read them: kernels don't check bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pynomaly.detection.model import Arrays
from pynomaly.domain.errors import CorruptStore


def require(condition: object, what: str) -> None:
    """Raise CorruptStore saying `what` is wrong unless `condition` holds."""
    if not condition:
        raise CorruptStore(f"the model's arrays do not fit together: {what}")


def require_arrays(arrays: Arrays, **dtypes_and_ndims: str) -> None:
    """Exactly these arrays, each of a dtype and dimension, as in `nodes="i8/2"`; floating ones finite."""
    require(set(arrays) == set(dtypes_and_ndims), f"expected {', '.join(sorted(dtypes_and_ndims))}")
    for name, wanted in dtypes_and_ndims.items():
        dtype, ndim = wanted.split("/")
        array = arrays[name]
        require(array.dtype == np.dtype(f"<{dtype}") and array.ndim == int(ndim), f"'{name}' is not {wanted}")
        require(array.dtype.kind != "f" or np.isfinite(array).all(), f"'{name}' is not finite")


def require_within(array: NDArray[Any], low: int, high: int, name: str) -> None:
    """All values of an integer array in [low, high)."""
    require(array.size == 0 or (array.min() >= low and array.max() < high), f"'{name}' points out of bounds")


def require_sorted(array: NDArray[Any], name: str) -> None:
    """A vector that never decreases."""
    require(bool(np.all(array[1:] >= array[:-1])), f"'{name}' is not sorted")
