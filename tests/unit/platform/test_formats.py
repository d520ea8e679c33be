"""Whatever is written as a table is read back as that table."""

from __future__ import annotations

import csv
import io
import math
import re

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from pynomaly.domain.datasets import ColumnKind
from pynomaly.domain.errors import PynomalyError, TooLarge, UnreadableDataset, UnsupportedMedia
from pynomaly.domain.limits import DataLimits
from pynomaly.storage.formats import cells, open_rows

LIMITS = DataLimits(max_rows=10_000, max_columns=50)
_NO_WORDS = {"", "nan", "-nan", "na", "n/a", "null"}
words = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cs",)), max_size=8
).filter(lambda text: text.strip().lower() not in _NO_WORDS)
numbers = st.floats(allow_nan=False)
NUMBER = re.compile(cells.NUMBER)


def read(content, file_format="csv", limits=LIMITS):
    source = open_rows(io.BytesIO(content), file_format, limits)
    blocks = list(source.blocks())
    columns = {c.name: np.concatenate([block.columns[c.name] for block in blocks]) for c in source.columns}
    return {c.name: c.kind for c in source.columns}, columns


def written(rows, delimiter=","):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(numbers, words), min_size=1, max_size=20),
    st.sampled_from([("csv", ","), ("tsv", "\t")]),
)
def test_delimited_text_comes_back_as_it_was_written(rows, form):
    try:
        kinds, columns = read(written([("n", "t"), *rows], form[1]), form[0])
    except UnreadableDataset:
        event("most of the words happened to be numbers")
        assert any(NUMBER.fullmatch(word.strip()) for _, word in rows)
        return
    assert kinds["n"] is ColumnKind.NUMERIC
    assert columns["n"].tolist() == [row[0] for row in rows]
    if kinds["t"] is ColumnKind.CATEGORICAL:
        assert columns["t"].tolist() == [row[1] for row in rows]
    else:  # every word happened to be a number
        assert [float(row[1]) for row in rows] == columns["t"].tolist()


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=300), st.sampled_from(["csv", "tsv", "npy", "parquet"]))
def test_bytes_of_any_kind_are_read_or_refused_but_nothing_else(content, file_format):
    try:
        read(content, file_format)
    except PynomalyError as error:
        refusal = error
    else:
        return
    assert refusal.status in (413, 415, 422)
    assert refusal.detail


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 30), st.integers(1, 5), st.sampled_from(["<f8", ">f4", "<i4", "u1", "?"]), st.booleans()
)
def test_npy_of_any_dtype_and_order_comes_back(n_rows, width, dtype, is_fortran):
    matrix = np.random.default_rng(n_rows).integers(0, 2, size=(n_rows, width)).astype(dtype)
    buffer = io.BytesIO()
    np.save(buffer, np.asfortranarray(matrix) if is_fortran else matrix)
    _, columns = read(buffer.getvalue(), "npy")
    assert np.column_stack(list(columns.values())).tolist() == matrix.astype(float).tolist()


def test_the_kind_of_a_column_is_decided_by_all_of_it():
    late = "a,b\n" + "1,2\n" * 9_000 + "x,4\n" * 9_002
    kinds, columns = read(late.encode(), limits=DataLimits(max_rows=20_000, max_columns=50))
    assert kinds == {"a": ColumnKind.CATEGORICAL, "b": ColumnKind.NUMERIC}
    assert columns["a"][-1] == "x"
    assert columns["a"][0] == "1"


def test_a_text_far_down_among_numbers_is_refused_with_its_line():
    late = "a,b\n" + "1,2\n" * 9_000 + "x,4\n"
    with pytest.raises(UnreadableDataset, match="Line 9002: 'x' in column 'a' is no number"):
        read(late.encode())


def test_missing_cells_are_nan_in_numbers_and_none_in_text():
    _, columns = read(b"a,b\n1,x\n,\nNA,null\n4,y\n")
    assert [math.isnan(value) for value in columns["a"]] == [False, True, True, False]
    assert columns["b"].tolist() == ["x", None, None, "y"]


def test_a_column_that_is_missing_altogether_is_numeric():
    kinds, columns = read(b"a,b\n1,\n2,\n")
    assert kinds["b"] is ColumnKind.NUMERIC
    assert np.isnan(columns["b"]).all()


@pytest.mark.parametrize(
    ("text", "line"),
    [("a,b\n1,2\n\n3\n", "Line 4"), ('a,b\n"1\n2",3\n4\n', "Line 4"), ("a,b\n1,2\n3,4,5\n", "Line 3")],
)
def test_a_ragged_line_is_named_counting_as_an_editor_does(text, line):
    with pytest.raises(UnreadableDataset, match=line):
        read(text.encode())


def test_limits_hold():
    with pytest.raises(TooLarge):
        read(b"a\n" + b"1\n" * 11, limits=DataLimits(max_rows=10))
    with pytest.raises(TooLarge):
        read(b"1,2,3\n", limits=DataLimits(max_columns=2))
    with pytest.raises(UnsupportedMedia, match="pickle"):
        read(b"", "pickle")
