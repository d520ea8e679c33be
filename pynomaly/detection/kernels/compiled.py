"""How kernels are compiled: for declared types only, at import, cached on disk, without the GIL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core import types

from pynomaly.detection.model import LARGEST

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

BOOL = types.boolean
INT = types.int64
FLOAT = types.float64


def readonly(dtype: Any, ndim: int) -> Any:
    """The type of a C-contiguous array that the kernel reads (writeable ones are accepted as well)."""
    return types.Array(dtype, ndim, "C", readonly=True)


ROWS = readonly(types.float64, 2)
MATRIX = ROWS
VECTOR = readonly(types.float64, 1)
FLOAT32_MATRIX = readonly(types.float32, 2)
INT32S = readonly(types.int32, 1)
INT64S = readonly(types.int64, 1)
INT32_MATRIX = readonly(types.int32, 2)
INT64_MATRIX = readonly(types.int64, 2)
BLOCKS = readonly(types.float64, 3)
OUT = types.Array(types.float64, 1, "C")
OUT_MATRIX = types.Array(types.float64, 2, "C")
OUT_INT32_MATRIX = types.Array(types.int32, 2, "C")

# Sums may be reordered (that is what lets them use vector registers) and fused, always in the same way for the same
# length. NaN and infinity keep their meaning: the finiteness check depends on it.
REORDERED = frozenset({"reassoc", "contract", "nsz", "arcp"})


def compiled(*signature: Any, returns: Any = BOOL) -> Callable[[Kernel], Kernel]:
    """Compile for this one signature, now. Falls back to memory alone where no cache directory can be written."""
    declared = returns(*signature)
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}

    def compile_now(kernel: Kernel) -> Kernel:
        try:
            return cast(Kernel, numba.njit([declared], cache=True, **options)(kernel))
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise
            return cast(Kernel, numba.njit([declared], **options)(kernel))

    return compile_now


def part(kernel: Kernel) -> Kernel:
    """Part of kernels of the same file (numba's cache looks at no other): compiled into its callers."""
    return cast(Kernel, numba.njit(nogil=True, error_model="numpy")(kernel))


def reordered_part(kernel: Kernel) -> Kernel:
    """Part of kernels of the same file whose sums may be reordered."""
    return cast(Kernel, numba.njit(nogil=True, error_model="numpy", fastmath=set(REORDERED))(kernel))


@part
def all_usable(rows: Any, begin: Any, end: Any) -> Any:  # pragma: no cover - compiled
    """Whether rows begin..end hold neither NaN nor infinity nor anything beyond LARGEST. Changing it means clearing
    numba's cache: that knows only the file of the kernel."""
    flat = rows.reshape(rows.size)
    bad = 0
    for i in range(begin * rows.shape[1], end * rows.shape[1]):
        bad |= not (abs(flat[i]) <= LARGEST)
    return bad == 0
