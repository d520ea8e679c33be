"""Data of one's own: csv, tsv, parquet, npz and npy files, refused with a mend where they are no good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from pynomaly_itest.datasets.base import LABEL, Dataset, DatasetConfig
from pynomaly_itest.datasets.columns import Table
from pynomaly_itest.errors import UsageError
from pynomaly_itest.registry import DATASETS

MOST_BYTES = 2_000_000_000
_SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".parquet": "parquet", ".npz": "npz", ".npy": "npy"}


@DATASETS.register("file")
class File(DatasetConfig):
    """A table in a file. In an npz, X are the features and y (if it is there) the labels.

    Without `label`, a column of that very name is taken if it holds labels: it must never be learnt from.
    Labels are 0 and 1 (1 is an anomaly), false and true, normal and anomaly, inlier and outlier, no and yes, or
    scikit-learn's 1 and -1 (-1 is an anomaly).
    """

    summary: ClassVar[str] = "a csv, tsv, parquet, npz or npy file"

    path: str = Field(min_length=1, description="relative to the profile, or to --data-dir")
    label: str | int | None = Field(None, description="the label column's name; in npy its number (-1: last)")
    format: Literal["csv", "tsv", "parquet", "npz", "npy"] | None = Field(
        None, description="if not by suffix"
    )
    missing: Literal["refuse", "drop", "keep"] = Field(
        "refuse", description="what to do with rows in which a number is missing"
    )

    def build(self, name: str, folders: Sequence[Path]) -> Dataset:
        path = self._find(folders)
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path} is larger than {MOST_BYTES // 10**9} GB")
        table = self._read(path)
        labels = table.take_labels(self.label)
        table.settle_missing(self.missing)
        if labels is not None:
            labels = labels[table.kept]
        return Dataset(
            name,
            table.matrix(),
            table.names_beside(LABEL),
            labels,
            table.texts_beside(LABEL),
            table.integers_beside(LABEL),
        )

    def _find(self, folders: Sequence[Path]) -> Path:
        given = Path(self.path)
        for path in [given] if given.is_absolute() else [folder / given for folder in folders]:
            if _is_there(path):
                return path
        raise UsageError(
            f"there is no file {self.path}", hint="--data-dir DIR or --dataset NAME=FILE says where"
        )

    def _read(self, path: Path) -> Table:
        kind = self.format or _SUFFIXES.get(path.suffix.lower())
        if kind is None:
            known = ", ".join(sorted(set(_SUFFIXES.values())))
            raise UsageError(
                f"{path}: {path.suffix or 'no suffix'} is no known format", hint=f"known are {known}"
            )
        try:
            return _READERS[kind](path)
        except OSError as problem:
            raise UsageError(f"can't read {path}: {problem.strerror or problem}") from problem


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _read_text(path: Path, delimiter: str) -> Table:
    from pynomaly_itest.datasets.delimited import read_delimited

    return read_delimited(path, delimiter)


def _read_arrays(path: Path) -> Table:
    from pynomaly_itest.datasets.arrays import read_arrays

    return read_arrays(path)


def _read_parquet(path: Path) -> Table:
    from pynomaly_itest.datasets.arrays import read_parquet

    return read_parquet(path)


_READERS: dict[str, Callable[[Path], Table]] = {
    "csv": lambda path: _read_text(path, ","),
    "tsv": lambda path: _read_text(path, "\t"),
    "parquet": _read_parquet,
    "npz": _read_arrays,
    "npy": _read_arrays,
}
