"""Work grows with the input and not with its square, and what is too much is refused before any: counted, not timed."""

from __future__ import annotations

import asyncio
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynomaly.api import schemas
from pynomaly.api.bodies import (
    MAX_FREE_FORM_BYTES,
    MAX_JSON_VALUES,
    JsonBody,
    require_few_values,
    require_free_form,
)
from pynomaly.api.rows import rows_of
from pynomaly.api.stream import _batches
from pynomaly.domain.errors import TooLarge, UnreadableDataset
from pynomaly.domain.limits import DataLimits
from pynomaly.security.passwords import _ESTIMATE_STEPS, estimate_steps, estimated_part
from pynomaly.storage.formats import open_rows
from pynomaly.storage.formats.cells import is_number
from pynomaly.storage.formats.naming import first_repeated, require_names
from pynomaly.storage.sql import _within

LIMITS = DataLimits(max_rows=1_000, max_columns=100, max_name_bytes=4_000)


class CountingFile(io.BytesIO):
    """A file that knows how much of it was read."""

    n_bytes = 0

    def read(self, n: int | None = -1) -> bytes:
        content = super().read(n)
        self.n_bytes += len(content)
        return content


class CountingName(str):
    """A name that knows how often names were looked at."""

    n_looks = 0

    def __hash__(self) -> int:
        CountingName.n_looks += 1
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        CountingName.n_looks += 1
        return super().__eq__(other)


def test_each_name_of_many_is_looked_at_a_few_times():
    names = [CountingName(f"c{i}") for i in range(5_000)]
    CountingName.n_looks = 0
    assert first_repeated([*names, CountingName("c7")]) == "c7"
    assert CountingName.n_looks < 5 * len(names)


def test_of_a_first_line_no_more_is_read_than_names_can_take():
    file = CountingFile(b",".join(b"column_%d" % i for i in range(400_000)) + b"\n1\n")
    with pytest.raises(TooLarge):
        open_rows(file, "csv", LIMITS)
    assert file.n_bytes < 200_000


def test_many_columns_are_refused_by_their_number_before_anything_is_done_with_their_names():
    header = b",".join(b"c" for _ in range(1_000)) + b"\n1\n"  # all the same: which is not looked for
    with pytest.raises(TooLarge, match="1000 columns"):
        open_rows(io.BytesIO(header), "csv", LIMITS)


def test_names_have_a_limit_together():
    with pytest.raises(TooLarge, match="names have"):
        require_names([f"{i}" + "x" * 400 for i in range(50)], LIMITS)
    require_names([f"{i}" for i in range(50)], LIMITS)


def test_large_numbers_in_many_columns_are_looked_for_in_one_pass():
    rows = b"\n".join(b",".join([b"9007199254740992"] * 40) for _ in range(200))
    content = b",".join(b"c%d" % i for i in range(40)) + b"\n" + rows + b"\n"
    file = CountingFile(content)
    open_rows(file, "csv", LIMITS)
    assert file.n_bytes < 6 * len(content)


def test_a_whole_number_of_any_length_is_refused_and_not_computed():
    for digits in (400, 100_000):
        with pytest.raises(UnreadableDataset, match="beyond"):
            open_rows(io.BytesIO(b"a\n1\n" + b"9" * digits + b"\n"), "csv", LIMITS)


def test_a_long_cell_that_is_almost_a_number_is_looked_at_once():
    assert not is_number("1" * 300_000 + "x")
    assert not is_number("1" * 300_000 + ".1" * 3)


class Piece(bytes):
    """A piece of a body that knows how much was searched for line ends."""

    n_bytes = 0

    def split(self, *args: object) -> list[bytes]:  # type: ignore[override]
        Piece.n_bytes += len(self)
        return super().split(*args)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_a_line_that_comes_in_small_pieces_is_searched_once(size):
    body = b"[" + b"1" * 5_000 + b"]\n\n[2]\n[3]"
    pieces = [Piece(body[i : i + size]) for i in range(0, len(body), size)]
    messages = [{"type": "http.request", "body": p, "more_body": True} for p in pieces]
    messages[-1]["more_body"] = False

    async def receive():
        return messages.pop(0)

    async def lines():
        return [line async for batch in _batches(receive) for line in batch]

    Piece.n_bytes = 0
    assert asyncio.run(lines()) == [body.split(b"\n")[0], b"[2]", b"[3]"]
    assert Piece.n_bytes == len(body)


def test_json_of_very_many_values_is_refused_before_it_is_decoded():
    body = b'{"detector_id": "d", "rows": [' + b"[]," * (MAX_JSON_VALUES // 2 + 1) + b"[]]}"
    with pytest.raises(TooLarge, match="values"):
        JsonBody(schemas.PredictRequest).decode(body)
    require_few_values(b"[" * 1_000)
    require_few_values(b'"' + b"x" * 5_000_000 + b'"')


def test_rows_of_very_many_columns_are_refused():
    wide = [1.0] * 101
    for body in ({"rows": [wide]}, {"columns": {f"c{i}": [1.0] for i in range(101)}}):
        with pytest.raises(TooLarge, match="columns"):
            rows_of(schemas.PredictRequest(detector_id="d", **body), LIMITS)


def test_free_form_json_has_a_limited_size():
    require_free_form({"a": "x" * (MAX_FREE_FORM_BYTES - 100)}, "metadata")
    with pytest.raises(TooLarge, match="metadata"):
        require_free_form({"a": "x" * MAX_FREE_FORM_BYTES}, "metadata")


def test_a_page_of_a_list_ends_where_it_is_large_and_holds_one_row_at_least():
    rows = [{"id": "a", "metadata": {"x": "y" * 600}} for _ in range(10)]
    assert len(list(_within(rows, 1_000))) == 2
    assert len(list(_within(rows, 1))) == 1
    assert len(list(_within(rows, 1_000_000))) == 10


@given(st.text(st.sampled_from("4@8({[<369!1|0$5+7%2abcxyz"), max_size=256))
def test_the_estimate_of_a_password_has_bounded_work(password):
    part = estimated_part(password)
    assert password.startswith(part)
    assert estimate_steps(part) <= _ESTIMATE_STEPS


@pytest.mark.parametrize("password", ["plain-orchid-ferry-41-lamp", "Tr0ub4dor&3 and more, up to 72" * 2])
def test_usual_passwords_are_estimated_as_a_whole(password):
    assert estimated_part(password) == password
