"""Inputs for every parser of the platform that are almost right: bits flipped, and structures that lie.

The same seed gives the same inputs.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ARROW, NPY = "application/vnd.apache.arrow.stream", "application/x-npy"
BOUNDARY = "itestboundary"
_LYING = (
    0,
    1,
    2,
    7,
    8,
    127,
    255,
    32_768,
    65_535,
    1_500_000_000,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**53,
    2**62,
    2**63,
    2**64 - 1,
)
_TOKENS = (
    b"NaN",
    b"-Infinity",
    b"1e400",
    b"1" * 400,
    b"[[[[",
    b"]]",
    b"{}",
    b'""',
    b'"\\ud800"',
    b"\xff",
    b"null",
    b"true",
    b'"x":1,"x":2',
    b",,",
    b"-",
    b"0x1",
    b'"detector_id"',
)
_CELLS = (
    b'"',
    b"\n",
    b"\r\n",
    b"\x00",
    b",",
    b",,,",
    b"\xff\xfe",
    b"1e999",
    b"9007199254740993",
    b"#DIV/0!",
    b"\xef\xbb\xbf",
    b";",
    b"'",
)
_SHAPES = (
    "(-1, 3)", "(True, 3)", "(6, -3)", "(6, 3, 1)", "()", "6", "(6.0, 3)", "(99999999999999999999, 3)", "(0, 3)",
    "(((((6,3)))))",
)  # fmt: skip
_MARKS = (
    b"\r\n--itestboundary", b"--", b"\r\n\r\n", b'; name="', b'filename="', b"\x00", b'"',
    b"X: " + b"y" * 900 + b"\r\n",
)  # fmt: skip


@dataclass(frozen=True)
class Malformed:
    """One request's body: `kind` names the parser, `media_type` how it is sent; `is_upload` where."""

    kind: str
    content: bytes
    media_type: str
    is_upload: bool
    headers: dict[str, str] = field(default_factory=dict)


def malformed(seed: int, count: int, detector_id: str) -> Iterator[Malformed]:
    """`count` inputs, all kinds in turn."""
    source = random.Random(seed)  # noqa: S311 - test data
    makers = [_arrow, _parquet, _npy, _npz, _delimited, _rows, _form, _gzip]
    seeds = _Seeds(detector_id)
    for number in range(count):
        yield makers[number % len(makers)](source, seeds)


class _Seeds:
    """Valid inputs, made once."""

    def __init__(self, detector_id: str) -> None:
        n = 40
        numbers = {"a": np.arange(n) / 7, "b": np.arange(n) % 5 * 1.0, "c": np.arange(n) * -1.5}
        words = [f"w{i % 4}" for i in range(n)]
        mixed = pa.table({**numbers, "t": words})
        plain = pa.table(numbers)
        small = pa.table({"x": pa.array(range(n), pa.int8()), "l": pa.array(words, pa.large_string())})
        nulls = pa.table({"x": [1.0, None] * 20, "t": pa.array(["a", None] * 20)})
        codes = pa.table({"d": pa.array(words).dictionary_encode(), "when": pa.array(range(n), pa.date32())})
        tables = [plain, mixed, small, nulls, codes]
        self.arrow = [
            _stream(t, **o) for t in tables for o in ({}, {"compression": "zstd"}, {"compression": "lz4"})
        ]
        self.parquet = [
            _parquet_file(t, **o)
            for t in tables
            for o in (
                {},
                {"compression": "zstd"},
                {"compression": "none", "use_dictionary": False},
                {"version": "1.0"},
            )
        ]
        arrays = [
            np.zeros((6, 3)),
            np.asfortranarray(np.ones((4, 3))),
            np.arange(9),
            np.zeros((3, 3), "?"),
            np.zeros((2, 3), ">f4"),
        ]
        self.npy = [_npy_file(array) for array in arrays]
        self.delimited = [
            b"a,b,c\n" + b"".join(b"%d,%d.5,-%de-3\n" % (i, i, i) for i in range(n)),
            b"a,t\n" + b"".join(b'%d,"w, %d"\n' % (i, i) for i in range(n)),
            b"1,2,3\n4,5,6\n",
        ]
        rows = [[0.5, 1, -2e3]] * 5
        objects = [dict(zip("abc", row, strict=True)) for row in rows]
        bodies = [
            {"rows": rows},
            {"data": rows},
            {"rows": objects},
            {"columns": {c: [1.0, 2.0] for c in "abc"}},
        ]
        self.json = [json.dumps({"detector_id": detector_id, **body}).encode() for body in bodies]


def _stream(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=25)
    return sink.getvalue()


def _parquet_file(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=25, **options)
    return sink.getvalue()


def _npy_file(array: np.ndarray) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array)
    return sink.getvalue()


def flipped(source: random.Random, content: bytes) -> bytes:
    """A few bits the other way round."""
    changed = bytearray(content)
    for _ in range(source.choice((1, 1, 2, 4, 16))):
        at = source.randrange(len(changed))
        changed[at] ^= 1 << source.randrange(8)
    return bytes(changed)


def lying(source: random.Random, content: bytes) -> bytes:
    """Aligned words (sizes, offsets, counts) replaced by numbers that are likely to be believed wrongly."""
    changed = bytearray(content)
    for _ in range(source.choice((1, 1, 2, 3))):
        width = source.choice((1, 2, 4, 4, 4, 8, 8))
        at = source.randrange(max(1, len(changed) // width)) * width
        value = (source.choice(_LYING) + source.choice((0, 0, 1, -1))) % (1 << 8 * width)
        changed[at : at + width] = value.to_bytes(width, "little")
    return bytes(changed)


def rearranged(source: random.Random, content: bytes) -> bytes:
    """A part left out, doubled, moved or cut off."""
    first, second = sorted((source.randrange(len(content)), source.randrange(len(content))))
    head, part, tail = content[:first], content[first:second], content[second:]
    return source.choice(
        (head + tail, head + part + part + tail, head + tail + part, head, head + part[::-1] + tail)
    )


def _damaged(source: random.Random, content: bytes) -> bytes:
    change = source.choice((flipped, flipped, lying, lying, lying, rearranged))
    return change(source, content)


def _arrow(source: random.Random, seeds: _Seeds) -> Malformed:
    content = source.choice(seeds.arrow)
    change = _with_wrong_offsets if source.random() < 0.3 else _damaged
    content = change(source, content)
    return Malformed("arrow", content, ARROW, is_upload=False)


def _with_wrong_offsets(source: random.Random, content: bytes) -> bytes:
    """The offsets of text columns, found by their shape (0, 2, 4, …), with some that point elsewhere."""
    for form in ("<3i", "<3q"):
        at = content.find(struct.pack(form, 0, 2, 4))
        if at >= 0:
            size = struct.calcsize(form) // 3
            wrong = (source.choice(_LYING) % (1 << 8 * size)).to_bytes(size, "little")
            at += size * source.randrange(3)
            return content[:at] + wrong + content[at + size :]
    return lying(source, content)


def _parquet(source: random.Random, seeds: _Seeds) -> Malformed:
    content = source.choice(seeds.parquet)
    footer_bytes = int.from_bytes(content[-8:-4], "little")
    start = len(content) - 8 - footer_bytes
    if source.random() < 0.5:  # the footer, kept in its place
        footer = _damaged(source, content[start:-8])
        content = content[:start] + footer + len(footer).to_bytes(4, "little") + b"PAR1"
    else:
        content = _damaged(source, content[:start]) + content[start:]
    return _file("parquet", content, "x.parquet")


def _npy(source: random.Random, seeds: _Seeds) -> Malformed:
    content = source.choice(seeds.npy)
    if source.random() < 0.5:
        shape = source.choice(_SHAPES)
        kind = source.choice(("<f8", "|O", "<c16", "|b1", "<f99", "<U3", "[('a', '<f8')]", ">i8", "?"))
        order = source.choice(("True", "False", "None", "__import__('os')"))
        header = f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}".ljust(117) + "\n"
        content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + content[128:]
    else:
        content = _damaged(source, content)
    if source.random() < 0.5:
        return Malformed("npy", content, NPY, is_upload=False)
    return _file("npy", content, "x.npy")


def _npz(source: random.Random, seeds: _Seeds) -> Malformed:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.npy", source.choice(seeds.npy))
    content = _damaged(source, packed.getvalue())
    if source.random() < 0.5:
        return Malformed("npz", content, NPY, is_upload=False)
    return _file("npz", content, source.choice(("x.npz", "x.npy", "x.parquet", "x.csv")))


def _delimited(source: random.Random, seeds: _Seeds) -> Malformed:
    content = source.choice(seeds.delimited)
    content = _inserted(source, content, _CELLS) if source.random() < 0.6 else _damaged(source, content)
    if source.random() < 0.02:
        content = b",".join(b"c%d" % i for i in range(30_000)) + b"\n" + content
    return _file("csv", content, source.choice(("x.csv", "x.tsv")))


def _rows(source: random.Random, seeds: _Seeds) -> Malformed:
    content = source.choice(seeds.json)
    content = _inserted(source, content, _TOKENS) if source.random() < 0.6 else _damaged(source, content)
    return Malformed("json", content, "application/json", is_upload=False)


def _form(source: random.Random, seeds: _Seeds) -> Malformed:
    whole = form_of(seeds.delimited[2], "x.csv")
    content = _inserted(source, whole, _MARKS) if source.random() < 0.6 else _damaged(source, whole)
    return Malformed("multipart", content, f"multipart/form-data; boundary={BOUNDARY}", is_upload=True)


def _gzip(source: random.Random, seeds: _Seeds) -> Malformed:
    content = gzip.compress(source.choice(seeds.json))
    if source.random() < 0.7:
        content = _damaged(source, content)
    return Malformed(
        "gzip", content, "application/json", is_upload=False, headers={"Content-Encoding": "gzip"}
    )


def _inserted(source: random.Random, content: bytes, parts: tuple[bytes, ...]) -> bytes:
    for _ in range(source.choice((1, 1, 2, 5))):
        at = source.randrange(len(content))
        content = content[:at] + source.choice(parts) + content[at + source.choice((0, 0, 1, 4)) :]
    return content


def form_of(content: bytes, filename: str) -> bytes:
    """An upload's form with that file."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def _file(kind: str, content: bytes, filename: str) -> Malformed:
    media_type = f"multipart/form-data; boundary={BOUNDARY}"
    return Malformed(kind, form_of(content, filename), media_type, is_upload=True)
