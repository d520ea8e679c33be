"""Whatever is wrong with a file, it is refused in words of ours: libraries raise more kinds than anybody can list."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from pynomaly_itest.datasets.base import Dataset
from pynomaly_itest.datasets.file import File
from pynomaly_itest.errors import UsageError

X = np.arange(20.0).reshape(10, 2)
Y = np.arange(10) % 2
MUTATIONS = 150


def npy(array: Any) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array, allow_pickle=True)
    return sink.getvalue()


def npz(**arrays: Any) -> bytes:
    sink = io.BytesIO()
    np.savez(sink, **arrays)
    return sink.getvalue()


def zipped(name: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(name, b"nonsense")
    return sink.getvalue()


def header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00\x76\x00" + text.encode().ljust(117) + b"\n"


def table(*columns: Any, names: list[str]) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays([pa.array(column) for column in columns], names=names), sink)
    return sink.getvalue()


BROKEN_TEXT = pa.Array.from_buffers(
    pa.string(), 2, [None, pa.py_buffer(np.array([0, 1, 2], dtype=np.int32)), pa.py_buffer(b"\xff\xfe")]
)


def read(folder: Path, name: str, content: bytes, **config: Any) -> Dataset:
    path = folder / name
    path.write_bytes(content)
    return File(path=str(path), **config).build("tried", [])


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.npy", header("(" * 100), "is no array file of numbers"),
        ("x.npy", header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99999), }"), "memory"),
        ("x.npy", header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 2), }"), "is no array file"),
        ("x.npy", npy(np.array([[None]], dtype=object)), "it holds Python objects"),
        ("x.npy", npy(np.array([["2020-01-01"]], dtype="M8[D]")), "no numbers"),
        ("x.npy", npy(np.full((1, 1), np.longdouble("1e4000"))), "is infinite"),
        ("x.npz", zipped("X.npy"), "'X' is no array"),
        ("x.npz", npz(X=X, y=np.array([(1,)] * 10, dtype=[("a", "i4")])), "'y' holds"),
        ("x.npz", npz(X=X, y=np.array([1j] * 10)), "'y' holds complex128, no labels"),
        ("x.npz", npz(X=X, y=np.array(["good"] * 10)), "the label 'good' in 'y' is neither 0 nor 1"),
        ("x.npz", npz(X=X, y=np.array(3)), "'y' has 1 labels for 10 rows"),
        ("x.parquet", table(BROKEN_TEXT, names=["a"]), "column 'a' can't be read"),
        ("x.parquet", table([1.0], [2.0], names=["a", "a"]), "two columns are called 'a'"),
        ("x.parquet", table([1.0], [2.0], names=["a", ""]), "column 2 has no name"),
        ("x.parquet", table([Decimal("1.5")], names=["a"]), "neither number nor text"),
        ("x.parquet", table([[1], [2]], names=["a"]), "neither number nor text"),
        ("x.parquet", table(pa.array([2**64 - 1], type=pa.uint64()), names=["a"]), "beyond 2^53 and would be rounded"),
        ("x.parquet", b"PAR1nothingPAR1", "can't be read as parquet"),
        ("x.csv", b"a\n1" + b"0" * 400 + b"\n", "beyond 2^53 and would be rounded"),
        ("x.csv", b"a\n" + b"9" * 5000 + b"\n", "beyond 2^53 and would be rounded"),
        ("x.csv", b"a\n9007199254740993\n", "9007199254740993 in column 'a' is beyond 2^53"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_good_is_refused(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, name, content)
    assert told in caught.value.message
    assert caught.value.hint
    assert len(caught.value.message) < 500 + len(str(tmp_path))


@pytest.mark.parametrize("labels", [["0", "1"], ["normal", "anomaly"], [b"0", b"1"], [False, True], [1, -1]])
def test_the_labels_of_an_npz_may_be_texts(tmp_path: Path, labels: list[Any]) -> None:
    found = read(tmp_path, "x.npz", npz(X=X, y=np.array(labels * 5)))
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1] * 5


def test_text_views_and_dictionaries_are_texts(tmp_path: Path) -> None:
    view = pa.array(["u", "v"], type=pa.string_view())
    words = pa.array(["x", None]).dictionary_encode()
    found = read(tmp_path, "x.parquet", table(view, words, [1.0, 2.0], names=["view", "words", "n"]))
    assert {name: list(texts) for name, texts in found.texts.items()} == {
        "view": ["u", "v"],
        "words": ["x", ""],
    }


GOOD: dict[str, Callable[[], bytes]] = {
    "x.csv": lambda: b'a,"b ""x""",label\n1,2,0\n3,"4",1\n',
    "x.npy": lambda: npy(X),
    "x.npz": lambda: npz(X=X, y=Y),
    "x.parquet": lambda: table([1.0, 2.0], ["x", None], [0, 1], names=["a", "b", "label"]),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_file_damaged_anywhere_is_read_or_refused(tmp_path: Path, name: str) -> None:
    rng, good = random.Random(name), GOOD[name]()  # noqa: S311 - damage that can be repeated
    read(tmp_path, name, good)
    refused = 0
    for _ in range(MUTATIONS):
        try:
            read(tmp_path, name, damaged(good, rng), missing=rng.choice(["refuse", "keep"]))
        except UsageError:
            refused += 1
    assert refused > MUTATIONS // 5


def damaged(good: bytes, rng: random.Random) -> bytes:
    """A few bytes replaced, left out or put in; or its end cut off."""
    content = bytearray(good)
    for _ in range(rng.choice((1, 2, 5, 20))):
        at, how = rng.randrange(len(content) or 1), rng.random()
        if how < 0.6 and content:
            content[at] = rng.randrange(256)
        elif how < 0.75:
            del content[at : at + rng.randrange(1, 9)]
        elif how < 0.95:
            content[at:at] = bytes(rng.choice((0, 255, 34, 44, 10, 57)) for _ in range(rng.randrange(1, 9)))
        else:
            del content[at:]
    return bytes(content)
