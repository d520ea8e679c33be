"""What the server and a parsing process say to each other: typed JSON headers, each followed by what it announces.

Whatever comes from the process may have been written by whoever sent the file: it is decoded into plain numbers and
text only, bounded in size.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from pynomaly.domain.datasets import Block, Column, ColumnKind
from pynomaly.domain.limits import DataLimits


class Limits(msgspec.Struct, frozen=True):
    """How much one request may take: of the data, and of the processor's time."""

    data: DataLimits
    cpu_s: float


class Open(msgspec.Struct, frozen=True, tag="open"):
    """Open a file of that format and size. Answered by Need …, then Opened."""

    file_format: str
    size_bytes: int
    limits: Limits


class Next(msgspec.Struct, frozen=True, tag="next"):
    """Give the next rows of the open file. Answered by Need …, then RowsFollow or End."""


class ReadBody(msgspec.Struct, frozen=True, tag="read-body"):
    """Read the Arrow stream that follows. Answered by BodyFollows."""

    limits: Limits


class Close(msgspec.Struct, frozen=True, tag="close"):
    """Forget the open file. Answered by End."""


class Alive(msgspec.Struct, frozen=True, tag="alive"):
    """The process has imported what it needs."""

    resident_bytes: int


class Need(msgspec.Struct, frozen=True, tag="need"):
    """Send these bytes of the file, fewer at its end."""

    offset: int
    n_bytes: int


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    """The columns, each a name and a kind."""

    columns: list[tuple[str, ColumnKind]]


class RowsFollow(msgspec.Struct, frozen=True, tag="rows"):
    """Some rows: their numbers follow, column after column, then their text as MessagePack where there is any."""

    n_rows: int


class BodyFollows(msgspec.Struct, frozen=True, tag="body"):
    """The columns and all rows of a body; numbers and text follow as for RowsFollow."""

    columns: list[tuple[str, ColumnKind]]
    n_rows: int
    resident_bytes: int


class End(msgspec.Struct, frozen=True, tag="end"):
    """There are no more rows, or the file is closed."""

    resident_bytes: int


class Unusable(msgspec.Struct, frozen=True, tag="unusable"):
    """The content was refused; status, code, detail and hint as the platform's errors have them."""

    status: int
    code: str
    detail: str
    hint: str | None = None


Request = Open | Next | ReadBody | Close
Reply = Alive | Need | Opened | RowsFollow | BodyFollows | End | Unusable

encode = msgspec.json.Encoder().encode
decode_request = msgspec.json.Decoder(Request).decode
decode_reply = msgspec.json.Decoder(Reply).decode
encode_text = msgspec.msgpack.Encoder().encode
decode_text = msgspec.msgpack.Decoder(list[list[str | None]]).decode


def columns_of(told: list[tuple[str, ColumnKind]]) -> tuple[Column, ...]:
    """The columns as the rest of the platform knows them."""
    return tuple(Column(name, kind) for name, kind in told)


def numbers_of(block: Block, columns: tuple[Column, ...]) -> memoryview:
    """The numeric columns of a block one after the other, as float64."""
    numeric = [block.columns[c.name] for c in columns if c.kind is ColumnKind.NUMERIC]
    return np.array(numeric, np.float64).reshape(-1).view(np.uint8).data


def text_of(block: Block, columns: tuple[Column, ...]) -> list[list[str | None]]:
    """The text columns of a block."""
    return [block.columns[c.name].tolist() for c in columns if c.kind is ColumnKind.CATEGORICAL]


def block_from(numbers: bytes, text: bytes | None, columns: tuple[Column, ...], n_rows: int) -> Block:
    """The block again; raises ValueError where it doesn't have the shape that was announced."""
    matrix = np.frombuffer(numbers, np.float64)
    texts = iter([] if text is None else decode_text(text))
    arrays: dict[str, NDArray[Any]] = {}
    start = 0
    for column in columns:
        if column.kind is ColumnKind.NUMERIC:
            arrays[column.name] = matrix[start : start + n_rows]
            start += n_rows
        else:
            arrays[column.name] = np.empty(n_rows, object)
            arrays[column.name][:] = next(texts, [])
        if len(arrays[column.name]) != n_rows:
            raise ValueError("A column is shorter than announced.")
    return Block(arrays, n_rows)
