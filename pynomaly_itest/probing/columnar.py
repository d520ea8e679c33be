"""Arrow, Parquet and .npy content for probes: valid, and such that whoever believes it reads too far or too much."""

from __future__ import annotations

import io
import random
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

ARROW_TYPE, NPY_TYPE = "application/vnd.apache.arrow.stream", "application/x-npy"
_OFFSETS = struct.pack("<3i", 0, 2, 4)
_LYING = (0, 7, 32_767, 1_500_000_000, 2**31 - 1, 2**32 - 1, 2**62)


def arrow_stream(table: pa.Table, compression: str | None = None) -> bytes:
    """The table as an Arrow IPC stream."""
    import pyarrow as pa

    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def parquet_file(table: pa.Table, **options: Any) -> bytes:
    """The table as a Parquet file."""
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def npy_file(shape: str, n_values: int, kind: str = "<f8") -> bytes:
    """An .npy file whose header says any `shape` of Python, with so many float64 zeros behind it."""
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    head = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode("latin-1")
    return head + bytes(8 * n_values)


def numbers_and_text() -> pa.Table:
    """Two rows of the columns a, b and c, and a text column beside them."""
    import pyarrow as pa

    return pa.table({**{name: [0.1, 0.2] for name in "abc"}, "t": ["ab", "cd"]})


def with_offsets(stream: bytes, *offsets: int) -> bytes:
    """The stream of `numbers_and_text` with other offsets of its text."""
    return stream.replace(_OFFSETS, struct.pack("<3i", *offsets))


def damaged(content: bytes, seed: int) -> bytes:
    """The content with one to three of its 4- or 8-byte words replaced by sizes that are likely to be believed."""
    source = random.Random(seed)  # noqa: S311 - test data
    changed = bytearray(content)
    for _ in range(source.choice((1, 1, 2, 3))):
        width = source.choice((4, 4, 8))
        at = source.randrange(len(changed) // width) * width
        changed[at : at + width] = (source.choice(_LYING) % (1 << 8 * width)).to_bytes(width, "little")
    return bytes(changed)


def zeros_stream(n_rows: int) -> bytes:
    """An Arrow stream of the columns a, b and c that unpacks to 24 bytes a row."""
    import numpy as np
    import pyarrow as pa

    column = pa.array(np.zeros(n_rows))
    return arrow_stream(pa.table(dict.fromkeys("abc", column)), compression="zstd")


def repeated_text(n_rows: int, cell_bytes: int, *, as_dictionary: bool) -> bytes:
    """A Parquet file of a number and one text that is written once and stands in every row."""
    import numpy as np
    import pyarrow as pa

    text = pa.DictionaryArray.from_arrays(np.zeros(n_rows, np.int32), ["x" * cell_bytes])
    table = pa.table({"a": np.zeros(n_rows), "t": text})
    return parquet_file(table, compression="zstd", store_schema=as_dictionary)
