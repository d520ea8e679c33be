"""Files: what is read, and for each that is no good the file, the line and the mend."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from pynomaly_itest.datasets.base import Dataset
from pynomaly_itest.datasets.materialize import materialize
from pynomaly_itest.errors import UsageError

SHARED = Path(os.environ.get("PYNOMALY_ITEST_SHARED_DATA", Path(__file__).parents[3] / "../shared/data"))


@dataclass(frozen=True)
class Spec:
    config: dict[str, Any]
    base: str
    name: str = "tried"
    kind: str = "file"


def read(path: Path, **config: Any) -> Dataset:
    return materialize(Spec({"path": path.name, **config}, str(path.parent)))


def written(folder: Path, data: bytes | str, name: str = "x.csv") -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def refusal(folder: Path, data: bytes | str, name: str = "x.csv", **config: Any) -> str:
    path = written(folder, data, name)
    with pytest.raises(UsageError) as caught:
        read(path, **config)
    return f"{caught.value.message} | {caught.value.hint}".replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("data", "config", "told"),
    [
        ("", {}, "x.csv is empty | its first line names the columns"),
        ("a,b\n", {}, "x.csv has no rows below its header | a dataset needs at least one row of values"),
        (
            "1,2\n3,4\n",
            {},
            "x.csv:1 has no header: its values are numbers | name the columns in the first line",
        ),
        (
            "a,b\n1,2\n\n3\n",
            {},
            "x.csv:4 has 1 fields, the header has 2 | each line needs a value for each column",
        ),
        ("a,b\n1,2,3\n", {}, "x.csv:2 has 3 fields, the header has 2 |"),
        (
            "a,b\n1,\n3,4\n",
            {},
            "x.csv:2: 'b' has no number (1 rows lack one) | fill it in, or say 'missing: drop'",
        ),
        ("a,b\n1,NaN\n3,4\n", {}, "x.csv:2: 'b' has no number"),
        ("a,b\n1,2\n3,x\n4,5\n", {}, "x.csv:3: 'x' in column 'b' is no number, as most others there are"),
        ("a,b\n1,inf\n", {}, "x.csv:2: 'b' is infinite"),
        ("a;b\n1;2\n", {}, "x.csv:1: the fields seem to stand between ';' | write ','"),
        ("a,a\n1,2\n", {}, "x.csv:1: two columns are called 'a'"),
        ("a,\n1,2\n", {}, "x.csv:1: column 2 has no name"),
        (b"a,b\n1,\xff\n", {}, "x.csv:2 is not UTF-8 text | save the file as UTF-8"),
        ('a,b\n1,"x\n', {}, "x.csv:2 is no csv line: unexpected end of data"),
        (
            "a,label\n1,0\n",
            {"label": "lable"},
            "x.csv has no column 'lable' for the labels | did you mean 'label'?",
        ),
        ("a,label\n1,0\n2,3\n", {"label": "label"}, "x.csv:3: the label 3.0 in 'label' is neither 0 nor 1"),
        ("a,label\n1,bad\n", {"label": "label"}, "x.csv:2: the label 'bad' in 'label' is neither 0 nor 1"),
        ("label\n1\n", {"label": "label"}, "x.csv has no column besides the label 'label'"),
        ("a,b\n1,\n", {"missing": "drop"}, "x.csv: every row lacks a number: none is left"),
        ("a,label\n1,\n2,1\n", {"label": "label"}, "x.csv:2: the label nan in 'label' is neither 0 nor 1"),
    ],
)
def test_bad_csv(tmp_path: Path, data: str | bytes, config: dict[str, Any], told: str) -> None:
    assert told in refusal(tmp_path, data, **config)


def test_lines_are_told_as_an_editor_counts_them(tmp_path: Path) -> None:
    assert "x.csv:5 has 1 fields" in refusal(tmp_path, 'a,b\n"two\nlines",2\n3,4\n5\n')


@pytest.mark.parametrize(
    ("labels", "expected"),
    [("0,1", [0, 1]), ("1,-1", [0, 1]), ("true,False", [1, 0]), ("0.0,1.0", [0, 1]), ("0,0", [0, 0])],
)
def test_labels_as_they_are_written(tmp_path: Path, labels: str, expected: list[int]) -> None:
    first, second = labels.split(",")
    dataset = read(written(tmp_path, f"a,y\n5,{first}\n6,{second}\n"), label="y")
    assert dataset.labels is not None
    assert dataset.labels.tolist() == expected
    assert dataset.feature_names == ("a",)


def test_a_byte_order_mark_constants_and_texts_are_taken(tmp_path: Path) -> None:
    dataset = read(written(tmp_path, b"\xef\xbb\xbfa,b,c\n1,7,x\n2,7,y\n3,7,x\n"))
    assert dataset.feature_names == ("a", "b", "c")
    assert dataset.X.tolist() == [[1, 7, 0], [2, 7, 1], [3, 7, 0]]
    assert dataset.texts == {"c": ["x", "y", "x"]}
    assert dataset.labels is None


def test_missing_numbers_are_dropped_or_kept_if_asked(tmp_path: Path) -> None:
    path = written(tmp_path, "a,t,y\n1,p,0\n,q,1\n3,r,1\n")
    dropped = read(path, label="y", missing="drop")
    assert dropped.X[:, 0].tolist() == [1, 3]
    assert dropped.labels is not None
    assert dropped.labels.tolist() == [0, 1]
    assert dropped.texts == {"t": ["p", "r"]}
    kept = read(path, label="y", missing="keep")
    assert np.isnan(kept.X[1, 0])


def test_two_hundred_thousand_rows_are_read(tmp_path: Path) -> None:
    rows = "".join(f"{number},1.5,0\n" for number in range(200_000))
    dataset = read(written(tmp_path, "a,b,label\n" + rows), label="label")
    assert dataset.X.shape == (200_000, 2)
    assert dataset.X[-1, 0] == 199_999


@pytest.mark.parametrize("file_format", ["csv", "tsv", "parquet"])
def test_what_is_written_can_be_read_again(tmp_path: Path, file_format: str) -> None:
    first = read(written(tmp_path, 'a,"b,c",t,y\n0.1,2,x,0\n1e-300,-7,"q,""r",1\n'), label="y")
    again = read(written(tmp_path, first.write(file_format), f"y.{file_format}"), label="label")
    assert again.content_hash == first.content_hash
    assert again.feature_names == ("a", "b,c", "t")


def test_npy_has_the_labels_last(tmp_path: Path) -> None:
    first = read(written(tmp_path, "a,b,y\n1,2,0\n3,4,1\n"), label="y")
    again = read(written(tmp_path, first.write("npy"), "x.npy"), label=-1)
    assert np.array_equal(again.X, first.X)
    assert again.labels is not None
    assert again.labels.tolist() == [0, 1]
    with pytest.raises(ValueError, match="not written as 'xls'"):
        first.write("xls")


def test_a_column_called_label_is_taken_for_the_labels(tmp_path: Path) -> None:
    """Learnt from as a feature, it would make any detector look perfect."""
    dataset = read(written(tmp_path, "a,label\n1,0\n2,1\n"))
    assert dataset.feature_names == ("a",)
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [0, 1]
    dataset = read(written(tmp_path, "a,label\n1,5\n2,7\n"))
    assert (dataset.feature_names, dataset.labels) == (("a", "label_feature"), None)


def test_a_feature_called_label_does_not_collide(tmp_path: Path) -> None:
    dataset = read(written(tmp_path, "label,y\n5,0\n6,1\n"), label="y")
    assert dataset.feature_names == ("label_feature",)
    assert dataset.write("csv").splitlines()[0] == b'"label_feature","label"'


def test_missing_numbers_are_empty_fields(tmp_path: Path) -> None:
    dataset = read(written(tmp_path, "a,b\n1,\n"), missing="keep")
    assert dataset.write("csv").splitlines()[1] == b"1,"


def test_npz_takes_X_and_y(tmp_path: Path) -> None:  # noqa: N802 - the arrays' names
    path = tmp_path / "x.npz"
    np.savez(path, X=np.ones((3, 2), dtype=np.float32), y=np.array([[0], [1], [0]]))
    for config in ({}, {"label": "y"}):
        dataset = read(path, **config)
        assert dataset.X.dtype == np.float64
        assert dataset.labels is not None
        assert dataset.labels.tolist() == [0, 1, 0]
    np.savez(path, X=np.ones((3, 2)))
    assert read(path).labels is None
    np.savez(path, X=np.ones((3, 2)), y=np.array([0, 1]))
    with pytest.raises(UsageError, match="2 labels for 3 rows"):
        read(path)
    np.savez(path, data=np.ones((3, 2)))
    with pytest.raises(UsageError, match="no array 'X'"):
        read(path)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones(3), "a table is"),
        (np.ones((2, 2, 2)), "a table is"),
        (np.ones((0, 2)), "has no rows"),
        (np.array([["a", "b"]]), "no numbers"),
        (np.array([[1 + 2j]]), "no numbers"),
        (np.array([[np.inf, 1.0]]), "row 0: 'feature_1' is infinite"),
    ],
)
def test_arrays_that_are_no_tables(tmp_path: Path, array: Any, message: str) -> None:
    path = tmp_path / "x.npy"
    np.save(path, array)
    with pytest.raises(UsageError, match=message):
        read(path)


def test_python_objects_are_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.array([[object]], dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match="Python objects"):
        read(path)


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.parquet"])
def test_garbage_is_refused(tmp_path: Path, name: str) -> None:
    assert name in refusal(tmp_path, b"garbage", name)


def test_parquet_takes_numbers_texts_and_truths(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table = pa.table(
        {"a": [1, None], "b": [True, False], "c": ["x", "y"], "d": pa.array(["u", "v"]).dictionary_encode()}
    )
    parquet.write_table(table, path)
    dataset = read(path, missing="keep")
    assert np.isnan(dataset.X[1, 0])
    assert dataset.X[:, 1].tolist() == [1, 0]
    assert list(dataset.texts) == ["c", "d"]
    parquet.write_table(pa.table({"a": [[1], [2]]}), path)
    with pytest.raises(UsageError, match="neither number nor text"):
        read(path)


def test_a_file_is_looked_for_in_each_folder(tmp_path: Path) -> None:
    written(tmp_path, "a\n5\n")
    spec = Spec({"path": "x.csv"}, str(tmp_path / "nobody"))
    assert materialize(spec, [tmp_path]).X.tolist() == [[5]]
    with pytest.raises(UsageError, match=r"there is no file x\.csv"):
        materialize(spec)


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    assert "known are csv, npy, npz, parquet, tsv" in refusal(tmp_path, "x", "x.doc")
    assert read(written(tmp_path, "a\n5\n", "y.doc"), format="csv").X.tolist() == [[5]]


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no data at {SHARED}")
def test_real_files() -> None:
    from_csv = read(SHARED / "thyroid.csv", label="label")
    from_npz = read(SHARED / "adbench" / "38_thyroid.npz")
    assert from_csv.X.shape == from_npz.X.shape
    assert from_csv.labels is not None
    assert from_npz.labels is not None
    assert from_csv.labels.sum() == from_npz.labels.sum() == 93
    for path in sorted((SHARED / "adbench").glob("*.npz")):
        assert read(path).labels is not None
