"""Neighbours in many columns, where boxes leave nothing out: by one matrix product, then exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pynomaly.detection.model import Floats

MORE_COLUMNS = 15  # beyond these scikit-learn multiplies as well
FEW_ROWS = 4  # for fewer the product does not pay
CELLS_PER_BLOCK = 1 << 19  # of the product: it stays in cache
POINTS_PER_BLOCK = 4096
N_TRIED = 32
POINTS_PER_EXACT = 90  # a product in single precision saves, on so many points, what one exact distance costs
_SMALLEST = np.finfo(np.float64).tiny


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Of the rows from `begin`: squared distances (n_rows, k) ascending, and which training points they are to."""

    begin: int
    rows: Floats
    nearest: Floats
    indices: NDArray[np.int32]


class WideSearch:
    """The training points (n, d) made ready for products: brought to their centre and to length 1, by column."""

    def __init__(self, points: Floats, n_neighbours: int) -> None:
        self._points = points
        self._centre = points.mean(axis=0)
        self._n_neighbours = n_neighbours
        centred = points - self._centre
        self._norms = _lengths(centred)
        self._delta = 4 * (points.shape[1] + 8) * float(np.finfo(np.float64).eps)
        directions = centred / np.maximum(self._norms, _SMALLEST)[:, None]
        self.dtype = np.float32 if self._is_single_enough(directions) else np.float64
        firsts = range(0, len(points), POINTS_PER_BLOCK)
        self._by_column = [
            np.ascontiguousarray(directions[i : i + POINTS_PER_BLOCK].T, dtype=self.dtype) for i in firsts
        ]

    def blocks(self, rows: Floats) -> Iterator[Neighbours]:
        """The neighbours of usable rows (n_rows, d), a block of rows at a time so that the product stays in cache."""
        from pynomaly.detection.kernels import neighbours

        is_single = self.dtype == np.float32
        search = neighbours.nearest_by_products if is_single else neighbours.nearest_by_products_in_double
        gamma, delta = self._gamma(self.dtype), self._delta
        n_rows = max(FEW_ROWS, CELLS_PER_BLOCK // self._by_column[0].shape[1])
        for begin in range(0, len(rows), n_rows):
            block = rows[begin : begin + n_rows]
            centred = block - self._centre
            lengths = _lengths(centred)
            directions = (centred / np.maximum(lengths, _SMALLEST)[:, None]).astype(self.dtype)
            nearest = np.full((len(block), self._n_neighbours), np.inf)
            indices = np.full(nearest.shape, np.iinfo(np.int32).max, np.int32)
            for number, columns in enumerate(self._by_column):
                first = number * POINTS_PER_BLOCK
                norms = self._norms[first : first + POINTS_PER_BLOCK]
                search(
                    block, self._points, first, directions @ columns, norms, lengths, gamma, delta,
                    nearest, indices,
                )  # fmt: skip
            yield Neighbours(begin, block, nearest, indices)

    def _gamma(self, dtype: type[np.floating[Any]]) -> float:
        """Twice the most by which a cosine can be wrong, summed in whatever order (Higham 2002, section 3.1)."""
        n_sums: int = self._points.shape[1] + 8
        return n_sums * float(np.finfo(dtype).eps)

    def _is_single_enough(self, directions: Floats) -> bool:
        """Whether in single precision few points more would have to be measured, as some of the points tell."""
        tried = np.linspace(0, len(directions) - 1, min(N_TRIED, len(directions))).astype(np.int64)
        products = directions[tried] @ directions.T
        n_more = 0.0
        for lengths, cosines in zip(self._norms[tried], products, strict=True):
            bounds = self._norms * (self._norms - 2 * lengths * cosines)
            doubt = 4 * self._gamma(np.float32) * lengths * self._norms
            kth = np.partition(bounds, self._n_neighbours - 1)[self._n_neighbours - 1]
            n_more += np.count_nonzero(bounds - doubt <= kth) - self._n_neighbours
        return n_more / len(tried) <= len(directions) / POINTS_PER_EXACT


def _lengths(vectors: Floats) -> Floats:
    lengths: Floats = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return lengths


def wide_search(points: Floats, n_neighbours: int) -> WideSearch | None:
    """The search by products, if the points have columns enough for it."""
    return WideSearch(points, n_neighbours) if points.shape[1] > MORE_COLUMNS else None
