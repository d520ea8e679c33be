"""Rows as a request brings them: JSON by rows or columns, or .npy. Arrow streams are read by a process of their own."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from pynomaly.api import schemas
from pynomaly.domain.datasets import Block
from pynomaly.domain.errors import DimensionMismatch, InvalidInput, TooLarge
from pynomaly.domain.limits import DataLimits
from pynomaly.storage.formats.npy import NpyRows

Rows = NDArray[np.float64] | Block

JSON_TYPES = frozenset({"application/json", ""})
NPY_TYPES = frozenset({"application/x-npy", "application/octet-stream"})
ARROW_TYPES = frozenset({"application/vnd.apache.arrow.stream"})


def rows_of(body: schemas.PredictRequest, limits: DataLimits) -> Rows:
    """The rows of a JSON body; raises InvalidInput unless exactly one of its three forms is there."""
    given = [value for value in (body.rows, body.data, body.columns) if value is not UNSET]
    if len(given) != 1:
        raise InvalidInput("Send exactly one of rows, data and columns.")
    values: Any = given[0]
    if isinstance(values, dict):
        _require_few_columns(len(values), limits)
        return _of_columns(values, limits.max_rows)
    if len(values) > limits.max_rows:
        raise TooLarge(f"{len(values)} rows are over the limit of {limits.max_rows} a request.")
    if values:
        _require_few_columns(len(values[0]), limits)
    if values and isinstance(values[0], dict):
        return _of_objects(values)
    return _matrix(values)


def _require_few_columns(n_columns: int, limits: DataLimits) -> None:
    if n_columns > limits.max_columns:
        raise TooLarge(f"{n_columns} columns are over the limit of {limits.max_columns}.")


def npy_rows(content: bytes, limits: DataLimits) -> NDArray[np.float64]:
    """The rows of an .npy body: numbers behind a header that is read without evaluating anything."""
    source = NpyRows(io.BytesIO(content), limits)
    parts = [np.column_stack(list(block.columns.values())) for block in source.blocks()]
    return np.ascontiguousarray(np.concatenate(parts))


def _matrix(values: Sequence[Sequence[Any]]) -> NDArray[np.float64]:
    try:
        matrix = np.array(values)  # without a dtype: with one, numpy would read "1" as a number
    except ValueError:
        widths = {len(row) for row in values}
        raise DimensionMismatch(f"The rows have different lengths: {min(widths)} to {max(widths)}.") from None
    if matrix.dtype.kind != "f":
        raise InvalidInput(
            "Rows as lists must be all numbers.",
            hint="Send rows with text or missing cells as objects by name.",
        )
    if matrix.ndim != 2:
        if len(values) == 0:
            raise InvalidInput("There are no rows.")
        raise DimensionMismatch("The rows have no columns.")
    return matrix


def _of_objects(values: Sequence[Mapping[str, Any]]) -> Block:
    names = values[0].keys()
    if any(not isinstance(row, dict) or row.keys() != names for row in values):
        raise DimensionMismatch("The rows do not all have the same names.")
    return _of_columns({name: [row[name] for row in values] for name in names}, len(values))


def _of_columns(columns: Mapping[str, Sequence[Any]], max_rows: int) -> Block:
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1:
        raise DimensionMismatch("The columns do not all have the same length, or there are none.")
    n_rows = lengths.pop()
    if n_rows == 0:
        raise InvalidInput("There are no rows.")
    if n_rows > max_rows:
        raise TooLarge(f"{n_rows} rows are over the limit of {max_rows} a request.")
    return Block({name: _column(values) for name, values in columns.items()}, n_rows)


def _column(values: Sequence[Any]) -> NDArray[Any]:
    if all(type(value) is float for value in values):
        return np.array(values, np.float64)
    column = np.empty(len(values), object)
    column[:] = values
    return column
