"""The tool and the platform read files by the same rules: what one refuses the other refuses, too, naming the place."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from pynomaly.domain.datasets import ColumnKind, target_labels
from pynomaly.domain.errors import InvalidInput
from pynomaly.domain.limits import DataLimits
from pynomaly.storage.formats import open_rows
from pynomaly_itest.datasets.materialize import materialize
from pynomaly_itest.errors import UsageError

LIMITS = DataLimits(max_rows=10_000, max_columns=50)
NUMBERS = "".join(f"{n},{n / 4}\n" for n in range(60))


@dataclass(frozen=True)
class Spec:
    config: dict[str, Any]
    base: str
    name: str = "tried"
    kind: str = "file"


@dataclass(frozen=True)
class Read:
    """The numeric columns by name, and the names of those of text."""

    numbers: dict[str, list[float]]
    texts: list[str] = field(default_factory=list)


def by_the_tool(path: Path, **config: Any) -> Read:
    found = materialize(Spec({"path": path.name, "missing": "keep", **config}, str(path.parent)))
    columns = zip(found.feature_names, found.X.T.tolist(), strict=True)
    return Read({name: values for name, values in columns if name not in found.texts}, sorted(found.texts))


def by_the_platform(path: Path) -> Read:
    source = open_rows(io.BytesIO(path.read_bytes()), path.suffix[1:], LIMITS)
    blocks = list(source.blocks())
    numeric = [column.name for column in source.columns if column.kind is ColumnKind.NUMERIC]
    texts = [column.name for column in source.columns if column.kind is ColumnKind.CATEGORICAL]
    whole = {name: np.concatenate([block.columns[name] for block in blocks]).tolist() for name in numeric}
    return Read(whole, sorted(texts))


REFUSED = {
    "semicolons": ("a;b\n1;2\n", "';'", "ine 1", ":1"),
    "a spreadsheet's error among numbers": (f"a,b\n{NUMBERS}#DIV/0!,1\n", "#DIV/0!", "ine 62", ":62"),
    "thousands separators": (f'a,b\n{NUMBERS}"1,000.5",1\n', "1,000.5", "ine 62", ":62"),
    "underscores": (f"a,b\n1_0,1\n{NUMBERS}", "1_0", "ine 2", ":2"),
    "digits of another script": (f"a,b\n٣,1\n{NUMBERS}", "٣", "ine 2", ":2"),
    "an identifier too large for floats": ("a,b\n1,2\n\n12345678901234567,2\n", "2^53", "ine 4", ":4"),
    "the first number that floats miss": ("a,b\n1,9007199254740993\n", "2^53", "ine 2", ":2"),
    "a column without a name": (",b\n0,2\n", "no name", "ine 1", ":1"),
    "two lines in one cell": (f'b,a\n"1\n2",3\n{NUMBERS}', "is no number", "ine 2", ":2"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_both_refuse_and_say_where(tmp_path: Path, what: str) -> None:
    content, words, platforms_line, tools_line = REFUSED[what]
    path = tmp_path / "x.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as tools:
        by_the_tool(path)
    with pytest.raises(InvalidInput) as platforms:
        by_the_platform(path)
    assert words in tools.value.message
    assert words in platforms.value.detail
    assert f"x.csv{tools_line}" in tools.value.message
    assert platforms_line in platforms.value.detail
    assert tools.value.hint
    assert platforms.value.hint


TAKEN = {
    "missing in many words": ("a,b\n1,1\nNA,2\n?,3\nnone,4\n,5\nNaN,6\n7,7\n8,8\n9,9\n", ["a", "b"], []),
    "signs, exponents and blanks": ("a,b\n+1,1e3\n -2.5 ,.5\n3.,-1E-2\n", ["a", "b"], []),
    "texts with a few numbers": ("a,b\nx,1\ny,2\n3,3\n", ["b"], ["a"]),
    "names that look like numbers with underscores": ("2020_01,2020_02\n1,2\n", ["2020_01", "2020_02"], []),
    "whole numbers that floats hold": ("a,b\n18014398509481984,1\n-9007199254740992,2\n", ["a", "b"], []),
    "text with none as a category": ("a,b\nnone,1\nten,2\nnone,3\n", ["b"], ["a"]),
}


@pytest.mark.parametrize("what", TAKEN)
def test_both_take_the_same(tmp_path: Path, what: str) -> None:
    content, numeric, texts = TAKEN[what]
    path = tmp_path / "x.csv"
    path.write_text(content)
    tools, platforms = by_the_tool(path), by_the_platform(path)
    assert list(tools.numbers) == list(platforms.numbers) == numeric
    assert tools.texts == platforms.texts == texts
    for name in numeric:
        np.testing.assert_array_equal(tools.numbers[name], platforms.numbers[name])


def test_none_among_texts_is_a_category_to_the_platform() -> None:
    source = open_rows(io.BytesIO(b"a,b\nnone,1\nten,2\nnone,3\n"), "csv", LIMITS)
    assert next(source.blocks()).columns["a"].tolist() == ["none", "ten", "none"]


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
@pytest.mark.parametrize("suffix", ["parquet", "npy"])
def test_integers_that_floats_can_not_hold_are_refused_with_their_column(
    tmp_path: Path, dtype: str, suffix: str
) -> None:
    path = tmp_path / f"x.{suffix}"
    values = np.array([1, 2**53 + 1], dtype)
    if suffix == "npy":
        np.save(path, np.column_stack([values, values]))
    else:
        parquet.write_table(pa.table({"a": [0.5, 1.5], "id": values}), path)
    name = "id" if suffix == "parquet" else "(f0|feature_1)"
    with pytest.raises(UsageError, match=rf"9007199254740993 in column '{name}'") as tools:
        by_the_tool(path)
    with pytest.raises(InvalidInput, match=rf"9007199254740993 in column '{name}'") as platforms:
        by_the_platform(path)
    assert "as text" in str(tools.value.hint)
    assert "as text" in str(platforms.value.hint)


@pytest.mark.parametrize("value", [2**63, 2**64 - 2048, 2**53])
def test_large_integers_that_floats_hold_are_taken(tmp_path: Path, value: int) -> None:
    path = tmp_path / "x.parquet"
    parquet.write_table(pa.table({"a": np.array([1, value], np.uint64), "b": [1.0, None]}), path)
    assert by_the_tool(path).numbers["a"] == by_the_platform(path).numbers["a"] == [1.0, float(value)]


def test_the_row_index_that_pandas_wrote_is_no_feature(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    parquet.write_table(pa.table({"a": [1.0, 2.0], "__index_level_0__": [7, 8]}), path)
    assert list(by_the_tool(path).numbers) == list(by_the_platform(path).numbers) == ["a"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["0", "1"], [0, 1]),
        (["1", "-1"], [0, 1]),
        (["1", "1"], [1, 1]),
        (["true", "False"], [1, 0]),
        (["normal", "Anomaly"], [0, 1]),
        (["inlier", "outlier"], [0, 1]),
        (["no", "yes"], [0, 1]),
        (["1", "2"], None),
        (["0", "-1"], None),
        (["0", "0.5"], None),
        (["normal", "attack"], None),
        (["0", ""], None),
    ],
)
def test_labels_are_the_same_to_both(tmp_path: Path, labels: list[str], expected: list[int] | None) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"a,y\n5,{labels[0]}\n6,{labels[1]}\n")
    source = open_rows(io.BytesIO(path.read_bytes()), "csv", LIMITS)
    values = next(source.blocks()).columns["y"]
    spec = Spec({"path": path.name, "label": "y"}, str(tmp_path))
    if expected is None:
        with pytest.raises(InvalidInput, match=r"row [12] of the data"):
            target_labels(values)
        with pytest.raises(UsageError, match="label"):
            materialize(spec)
    else:
        assert target_labels(values).tolist() == expected
        taken = materialize(spec).labels
        assert taken is not None
        assert taken.tolist() == expected
