"""Training points laid out for the neighbour search: what k nearest neighbours, LOF and ABOD share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pynomaly.detection.layout import require
from pynomaly.detection.model import LARGEST, Arrays, Floats

BLOCK = 64
_NOWHERE = 1e120  # where the places of an unfilled block are: farther than any row, and its square is finite


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """blocks (n_blocks, d, BLOCK): near points together, by column; members (n_blocks * BLOCK,): which they are;
    lows, highs (d, n_blocks): the boxes they fit in."""

    blocks: Floats
    members: NDArray[np.int32]
    lows: Floats
    highs: Floats


def lay_out(points: Floats) -> Neighbourhood:
    """Blocks of near points of `points` (n, d): halved at the median of the widest column until they fit."""
    groups = _halve(points)
    n_columns = points.shape[1]
    blocks = np.full((len(groups), n_columns, BLOCK), _NOWHERE)
    members = np.full((len(groups), BLOCK), np.iinfo(np.int32).max, dtype=np.int32)
    for number, group in enumerate(groups):
        blocks[number, :, : len(group)] = points[group].T
        members[number, : len(group)] = group
    lows = np.stack([points[group].min(axis=0) for group in groups], axis=1)
    highs = np.stack([points[group].max(axis=0) for group in groups], axis=1)
    return Neighbourhood(blocks, members.ravel(), np.ascontiguousarray(lows), np.ascontiguousarray(highs))


def verify_points(arrays: Arrays, n_features: int, n_neighbours: int) -> None:
    """Raise CorruptStore unless `points` are n_features wide, usable and at least n_neighbours many."""
    points = arrays["points"]
    require(points.shape[1] == n_features and (np.abs(points) <= LARGEST).all(), "'points'")
    require(1 <= n_neighbours <= len(points), "more neighbours than points")


def _halve(points: Floats) -> list[NDArray[np.int64]]:
    done: list[NDArray[np.int64]] = []
    waiting = [np.arange(len(points))]
    while waiting:
        group = waiting.pop()
        if len(group) <= BLOCK:
            done.append(np.sort(group))
            continue
        here = points[group]
        column = int(np.argmax(here.max(axis=0) - here.min(axis=0)))
        # whole blocks to the left, so that only one block stays unfilled
        middle = -(-len(group) // (2 * BLOCK)) * BLOCK
        order = np.argpartition(here[:, column], middle)
        waiting += [group[order[middle:]], group[order[:middle]]]
    return done
