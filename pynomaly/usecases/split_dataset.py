"""Cut a dataset in two at random, each row falling on one side: to train on one and judge on the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pynomaly.domain.datasets import Block, Column, Dataset
from pynomaly.domain.errors import InvalidInput
from pynomaly.security.foundation import Caller
from pynomaly.usecases.platform import Platform
from pynomaly.usecases.upload_dataset import NewDataset, keep_dataset, require_upload


@dataclass(frozen=True, slots=True)
class SplitDataset:
    """The two sides."""

    train: Dataset
    test: Dataset


@dataclass(frozen=True, slots=True)
class _ChosenRows:
    """RowSource: the rows of a dataset for which `chosen` (n_rows,) is true."""

    platform: Platform
    dataset: Dataset
    chosen: NDArray[np.bool_]

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.dataset.columns

    def blocks(self) -> Iterator[Block]:
        start = 0
        for block in self.platform.rows.read(self.dataset):
            mask = self.chosen[start : start + block.n_rows]
            start += block.n_rows
            yield Block({name: values[mask] for name, values in block.columns.items()}, int(mask.sum()))


def split_dataset(
    platform: Platform, caller: Caller, dataset_id: str, *, test_fraction: float, seed: int
) -> SplitDataset:
    """Two new datasets or none; the test side gets round(n * test_fraction) rows, and neither may be empty."""
    dataset = platform.dataset_to_read(caller, dataset_id, "split")
    require_upload(platform, caller, dataset.level)
    n_test = round(dataset.n_rows * test_fraction)
    if not 0 < n_test < dataset.n_rows:
        raise InvalidInput(f"{dataset.n_rows} rows can't be split so that both sides have some.")
    is_test = np.zeros(dataset.n_rows, bool)
    is_test[np.random.default_rng(seed).choice(dataset.n_rows, n_test, replace=False)] = True
    sides: dict[str, Dataset] = {}
    try:
        for side, chosen in (("train", ~is_test), ("test", is_test)):
            rows = _ChosenRows(platform, dataset, chosen)
            sides[side] = keep_dataset(platform, caller, _side_of(dataset, side, seed), rows)
    except Exception:
        for kept in sides.values():
            platform.remove_dataset(kept)
        raise
    return SplitDataset(sides["train"], sides["test"])


def _side_of(dataset: Dataset, side: str, seed: int) -> NewDataset:
    return NewDataset(
        name=f"{dataset.name} ({side})"[:255],
        description=dataset.description,
        target_column=dataset.target_column,
        level=dataset.level,
        metadata={"split_of": dataset.id, "side": side, "seed": seed},
    )
