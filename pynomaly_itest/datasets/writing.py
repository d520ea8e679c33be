"""Writes a dataset as the file that is uploaded."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pynomaly_itest.datasets.base import Dataset

_DELIMITERS = {"csv": ",", "tsv": "\t"}


def write(dataset: Dataset, format: str, label: str) -> bytes:  # noqa: A002 - the field's word
    """The file's bytes, its labels in a column of that name; see `Dataset.write`."""
    if format == "npy":
        return _npy(dataset)
    if format not in (*_DELIMITERS, "parquet"):
        raise ValueError(f"datasets are not written as {format!r}")
    table = _arrow(dataset, label)
    sink = io.BytesIO()
    if format == "parquet":
        import pyarrow.parquet as parquet

        parquet.write_table(table, sink)
    else:
        import pyarrow.csv as csv

        options = csv.WriteOptions(delimiter=_DELIMITERS[format], quoting_style="needed")
        csv.write_csv(table, sink, options)
    return sink.getvalue()


def _arrow(dataset: Dataset, label: str) -> Any:
    """Columns by name; a missing number is a null, which a CSV shows as an empty field."""
    import pyarrow as pa

    columns: dict[str, Any] = {}
    for index, name in enumerate(dataset.feature_names):
        texts = dataset.texts.get(name)
        columns[name] = (
            pa.array(texts, type=pa.string())
            if texts is not None
            else pa.array(dataset.X[:, index], type=pa.float64(), from_pandas=True)
        )
    if dataset.labels is not None:
        columns[label] = pa.array(dataset.labels, type=pa.int64())
    return pa.table(columns)


def _npy(dataset: Dataset) -> bytes:
    import numpy as np

    values = dataset.X
    if dataset.labels is not None:
        values = np.column_stack([values, dataset.labels.astype(np.float64)])
    sink = io.BytesIO()
    np.save(sink, np.ascontiguousarray(values), allow_pickle=False)
    return sink.getvalue()
