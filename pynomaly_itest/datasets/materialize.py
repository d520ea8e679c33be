"""From what a profile says of a dataset to its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pynomaly_itest.datasets.base import Dataset, DatasetConfig
from pynomaly_itest.errors import UsageError
from pynomaly_itest.registry import DATASETS


class Spec(Protocol):
    """A dataset of a plan: its name, its kind, that kind's config, and the folder where its paths start."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def config(self) -> Mapping[str, Any]: ...
    @property
    def base(self) -> str: ...


def materialize(spec: Spec, data_folders: Sequence[Path] = ()) -> Dataset:
    """The table that the spec means; relative paths start at its own folder, then at each of `data_folders`.

    The same spec gives the same table, bit for bit. Raises UsageError where a file is missing or no good.
    """
    kind: Any = DATASETS[spec.kind]
    config: DatasetConfig = kind.model_validate(dict(spec.config))
    try:
        return config.build(spec.name, [Path(spec.base), *data_folders])
    except MemoryError as problem:
        raise UsageError(f"dataset {spec.name!r} is too large for this machine's memory") from problem
