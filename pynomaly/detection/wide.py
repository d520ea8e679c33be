"""Neighbours in many columns, where boxes leave nothing out: by one matrix product, then exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pynomaly.detection.model import Floats

MORE_COLUMNS = 15  # beyond these scikit-learn multiplies as well
FEW_ROWS = 4  # for fewer the product does not pay
ROWS_PER_BLOCK = 256
POINTS_PER_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Of the rows from `begin`: squared distances (n_rows, k) ascending, and which training points they are to."""

    begin: int
    rows: Floats
    nearest: Floats
    indices: NDArray[np.int32]


class WideSearch:
    """The training points (n, d) made ready for products: centred, with their squared norms."""

    def __init__(self, points: Floats, n_neighbours: int) -> None:
        self._points = points
        self._centre = points.mean(axis=0)
        centred = points - self._centre
        firsts = range(0, len(points), POINTS_PER_BLOCK)
        self._by_column = [np.ascontiguousarray(centred[i : i + POINTS_PER_BLOCK].T) for i in firsts]
        self._squares = np.einsum("ij,ij->i", centred, centred)
        self._largest = float(np.sqrt(self._squares.max()))
        self._n_neighbours = n_neighbours

    def blocks(self, rows: Floats) -> Iterator[Neighbours]:
        """The neighbours of usable rows (n_rows, d), a block of rows at a time so that the product stays in cache."""
        from pynomaly.detection.kernels.neighbours import nearest_by_products

        for begin in range(0, len(rows), ROWS_PER_BLOCK):
            block = rows[begin : begin + ROWS_PER_BLOCK]
            centred = block - self._centre
            squares = np.einsum("ij,ij->i", centred, centred)
            slacks = self._slacks(squares)
            nearest = np.full((len(block), self._n_neighbours), np.inf)
            indices = np.full(nearest.shape, np.iinfo(np.int32).max, np.int32)
            for number, columns in enumerate(self._by_column):
                first, products = number * POINTS_PER_BLOCK, centred @ columns
                nearest_by_products(
                    block, self._points, first, products, self._squares, squares, slacks, nearest, indices
                )
            yield Neighbours(begin, block, nearest, indices)

    def _slacks(self, squares: Floats) -> Floats:
        """Several times the most by which rounding can make a squared distance look too large."""
        n_columns = self._points.shape[1]
        slacks: Floats = (
            16 * (n_columns + 8) * np.finfo(np.float64).eps * (np.sqrt(squares) + self._largest) ** 2
        )
        return slacks


def wide_search(points: Floats, n_neighbours: int) -> WideSearch | None:
    """The search by products, if the points have columns enough for it."""
    return WideSearch(points, n_neighbours) if points.shape[1] > MORE_COLUMNS else None
