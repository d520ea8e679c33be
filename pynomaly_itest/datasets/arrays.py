"""Reads npy, npz and parquet files; nothing in them is ever unpickled."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pynomaly_itest.datasets.base import feature_names
from pynomaly_itest.datasets.columns import MAX_EXACT, Table, inexact
from pynomaly_itest.errors import UsageError

MOST_UNPACKED_BYTES = 4_000_000_000
_PANDAS_INDEX = re.compile(r"__index_level_\d+__")


def read_arrays(path: Path) -> Table:
    """An npy's array, or an npz' X with its y as labels. Raises UsageError where it is no table of numbers."""
    import numpy as np

    if path.suffix.lower() == ".npz" or zipfile.is_zipfile(path):
        _check_unpacked_size(path)
    with _refusing(f"{path} is no array file of numbers", "save it with numpy.save"):
        loaded = np.load(path, allow_pickle=False)
    if not isinstance(loaded, np.lib.npyio.NpzFile):
        return _from_matrix(path, loaded, None)
    with loaded:
        if "X" not in loaded.files:
            known = ", ".join(loaded.files) or "nothing"
            raise UsageError(f"{path} has no array 'X'", hint=f"it has {known}; X and y are needed")
        labels = _labels(path, _member(path, loaded, "y")) if "y" in loaded.files else None
        return _from_matrix(path, _member(path, loaded, "X"), labels)


@contextmanager
def _refusing(what: str, hint: str) -> Iterator[None]:
    """Turns whatever a library raises on a damaged file into a UsageError: there is no end of the kinds.

    Only calls of the library stand inside, so that no mistake of ours passes for one of the file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except OSError as problem:
        why = problem.strerror or str(problem)
        raise UsageError(f"{what}: {_line(why)}", hint=hint) from problem
    except MemoryError as problem:
        raise UsageError(f"{what}: it asks for more memory than there is", hint=hint) from problem
    except Exception as problem:
        why = "it holds Python objects" if "pickle" in str(problem).lower() else str(problem)
        raise UsageError(f"{what}: {_line(why)}", hint=hint) from problem


def _line(text: str) -> str:
    return " ".join(text.split())[:200]


def _member(path: Path, archive: Any, name: str) -> Any:
    """An array of an npz."""
    import numpy as np

    with _refusing(f"{path}: {name!r} is no array of numbers", "save it with numpy.savez"):
        found = archive[name]
    if not isinstance(found, np.ndarray):
        raise UsageError(f"{path}: {name!r} is no array", hint="save it with numpy.savez")
    return found


def _labels(path: Path, labels: Any) -> Any:
    """The y of an npz, (n,): numbers, or texts as in a csv."""
    import numpy as np

    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", "replace")
    if labels.dtype.kind not in "fiubU":
        raise UsageError(f"{path}: 'y' holds {labels.dtype}, no labels", hint="1 marks an anomaly, 0 none")
    return labels.ravel()


def read_parquet(path: Path) -> Table:
    """A parquet file's columns. Raises UsageError where it is none, or has columns that are no plain values."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    hint = "write it anew with pyarrow or pandas"
    with _refusing(f"{path} can't be read as parquet", hint):
        with parquet.ParquetFile(path, memory_map=False) as file:
            table = file.read()
        names = [name for name in table.column_names if not _PANDAS_INDEX.fullmatch(name)]
    numbers: dict[str, Any] = {}
    texts: dict[str, Any] = {}
    if not names:
        raise UsageError(f"{path} has no column besides pandas' row index")
    for index, name in enumerate(names):
        if not name or name in names[:index]:
            what = f"two columns are called {name!r}" if name else f"column {index + 1} has no name"
            raise UsageError(f"{path}: {what}", hint="name each column once")
    for name in names:
        with _refusing(f"{path}: column {name!r} can't be read", hint):
            column = table.column(name)
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            if _is_text(column.type):
                texts[name] = [value or "" for value in column.to_pylist()]
        if name in texts:
            continue
        if _is_numeric(column.type):
            numbers[name] = _floats(path, name, column)
        else:
            what = f"{path}: column {name!r} is {column.type}, neither number nor text"
            raise UsageError(what, hint="cast it to a number or a text, or leave it out")
    whole = {name for name in numbers if pa.types.is_integer(table.column(name).type)}
    return Table(str(path), names, table.num_rows, numbers, texts, integers=whole)


def _floats(path: Path, name: str, column: Any) -> Any:
    """A column of numbers as float64, NaN where null."""
    import pyarrow as pa

    if pa.types.is_int64(column.type) or pa.types.is_uint64(column.type):
        _require_exact(path, name, column.drop_null().to_numpy())
    return column.cast(pa.float64(), safe=False).to_numpy()


def _require_exact(path: Path, name: str, values: Any) -> None:
    """Raise UsageError for an integer that float64 can't hold."""
    import numpy as np

    floats = values.astype(np.float64)
    for row in np.flatnonzero(np.abs(floats) >= MAX_EXACT).tolist():
        if int(floats[row]) != int(values[row]):
            raise inexact(str(path), name, int(values[row]))


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_numeric(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _from_matrix(path: Path, matrix: Any, labels: Any) -> Table:
    if matrix.dtype.kind not in "fiub":
        raise UsageError(f"{path} holds {matrix.dtype}, no numbers", hint="save an array of numbers")
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise UsageError(f"{path} has the shape {matrix.shape}: a table is (rows, columns)")
    names = feature_names(matrix.shape[1])
    if matrix.dtype.kind in "iu" and matrix.dtype.itemsize == 8:
        for index, name in enumerate(names):
            _require_exact(path, name, matrix[:, index])
    with _refusing(f"{path} holds numbers that float64 can't", "save it as float64"):
        columns = {name: matrix[:, index].astype(float) for index, name in enumerate(names)}
    whole = set(names) if matrix.dtype.kind in "iu" else set()
    return Table(str(path), list(names), matrix.shape[0], columns, own_labels=labels, integers=whole)


def _check_unpacked_size(path: Path) -> None:
    """A small archive can unpack to more than any memory holds."""
    with _refusing(f"{path} is no npz file", "save it with numpy.savez"), zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > MOST_UNPACKED_BYTES:
        raise UsageError(f"{path} unpacks to more than {MOST_UNPACKED_BYTES // 10**9} GB")
