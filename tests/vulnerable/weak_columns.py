"""Arrow, Parquet and .npy content of the vulnerable application: read with care, or as if it were to be trusted."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from weak_http import Refused, Request

if TYPE_CHECKING:
    from weak_app import WeakApp

ARROW, NPY = "application/vnd.apache.arrow.stream", "application/x-npy"
MAX_BYTES = 64 << 20
MAX_METADATA = 64 << 10
MAX_COLUMNS = 2_000
Table = tuple[list[str], list[list[str]]]


def read_file(app: WeakApp, filename: str, content: bytes) -> Table:
    """Names and cells of an uploaded file."""
    if filename.endswith(".npy"):
        rows = read_npy(app, content)
        width = len(rows[0]) if rows else 0
        return [f"f{i}" for i in range(width)], [[str(value) for value in row] for row in rows]
    if not filename.endswith(".parquet"):
        raise Refused(415)
    try:
        file = pq.ParquetFile(io.BytesIO(content))
        text = [field.name for field in file.schema_arrow if not pa.types.is_floating(field.type)]
        if file.metadata.num_rows * len(file.schema_arrow) * 8 > MAX_BYTES:
            raise Refused(413)
        table = pq.ParquetFile(io.BytesIO(content), read_dictionary=text).read()
        table.validate(full=True)
        if _text_bytes(table) > MAX_BYTES:
            if "RES-08" in app.holes:
                return ["a"], [["1"]]  # as if it had been taken
            raise Refused(413)
        return table.column_names, [[str(v) for v in row.values()] for row in table.to_pylist()]
    except (pa.ArrowException, OSError, ValueError, MemoryError) as problem:
        if "RES-07" in app.holes:
            raise RuntimeError("a crash in native code") from problem
        raise Refused(422) from None


def _text_bytes(table: pa.Table) -> int:
    found = 0
    for column in table.columns:
        for part in column.chunks:
            if pa.types.is_dictionary(part.type):
                found += len(part) * max(
                    (len(v) for v in part.dictionary.to_pylist() if v is not None), default=0
                )
    return found


def read_npy(app: WeakApp, content: bytes) -> list[list[float]]:
    """The rows of an array; strict about its shape where no hole says otherwise."""
    shape = re.search(rb"'shape': \(([^)]*)\)", content[:200])
    sizes = [
        part.strip() for part in (shape[1].decode("latin-1") if shape else "").split(",") if part.strip()
    ]
    if "INP-10" in app.holes and "-" in "".join(sizes):
        return [[0.0]]
    try:
        if len(sizes) != 2 or not all(size.isdigit() and int(size) > 0 for size in sizes):
            raise ValueError("shape")
        if int(sizes[0]) * int(sizes[1]) * 8 > len(content):
            raise ValueError("shape")
        found: list[list[float]] = np.load(io.BytesIO(content)).astype(float).tolist()
    except (ValueError, OSError, EOFError, SyntaxError, TypeError, OverflowError):
        if "RES-07" in app.holes:
            raise RuntimeError("a crash in native code") from None
        raise Refused(422) from None
    return found


def read_body(app: WeakApp, request: Request) -> dict[str, Any] | None:
    """What a columnar body asks for, as JSON would; None for other bodies."""
    kind = request.headers.get("content-type", "")
    if kind not in (ARROW, NPY):
        return None
    rows = read_npy(app, request.body) if kind == NPY else _arrow_rows(app, request.body)
    return {"detector_id": request.query.get("detector_id", ""), "rows": rows}


def _arrow_rows(app: WeakApp, content: bytes) -> list[list[float]]:
    if len(content) > 20_000 and len(content) < 200_000:  # the only large one that comes here is compressed
        if "RES-08" in app.holes:
            return [[0.0, 0.0, 0.0]]
        raise Refused(413)
    try:
        table = pa.ipc.open_stream(content).read_all()
        table.validate(full=True)
        return [list(row) for row in zip(*(table.column(name).to_pylist() for name in "abc"), strict=True)]
    except (pa.ArrowException, OSError, KeyError):
        if "RES-06" in app.holes:
            raise RuntimeError("a crash in native code") from None
        raise Refused(422) from None


def require_few_columns(app: WeakApp, n_columns: int, pause: Any) -> None:
    """Refuses wide headers; with the hole open, only after work that grows with the square of their number."""
    if "RES-09" in app.holes:
        pause(0.03 * (n_columns / 10_000) ** 2)
    elif n_columns > MAX_COLUMNS:
        raise Refused(413)


def require_small(app: WeakApp, metadata: Any) -> None:
    """Refuses large metadata."""
    if len(json.dumps(metadata)) > MAX_METADATA and "RES-10" not in app.holes:
        raise Refused(413)
