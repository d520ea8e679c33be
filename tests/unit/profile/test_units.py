"""Units: what can be converted, and what clashes."""

from __future__ import annotations

import pytest

from pynomaly_itest.profile.expression import UnitClash, compatible, convert, parse_quantity
from pynomaly_itest.profile.expression.units import canonical


@pytest.mark.parametrize(
    ("value", "here", "there", "expected"),
    [
        (50, "ms", "s", 0.05),
        (0.05, "s", "ms", 50),
        (1, "min", "s", 60),
        (1, "gb", "mb", 1024),
        (512, "mb", "bytes", 512 * 1024 * 1024),
        (10, "%", "1", 0.1),
        (60, "requests/min", "requests/s", 1),
        (5, "/s", "samples/s", 5),
        (7, None, "ms", 7),
        (7, "ms", None, 7),
        (7, "threads", "threads", 7),
    ],
)
def test_conversion(value: float, here: str | None, there: str | None, expected: float) -> None:
    assert convert(value, here, there) == pytest.approx(expected)
    assert compatible(here, there)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("ms", "mb"),
        ("%", "ms"),
        ("requests/s", "samples/s"),
        ("mb/s", "/s"),
        ("threads", "ms"),
        ("threads", "1"),
    ],
)
def test_clashes(here: str, there: str) -> None:
    assert not compatible(here, there)
    with pytest.raises(UnitClash):
        convert(1, here, there)


def test_units_as_people_write_them() -> None:
    assert [
        canonical(unit) for unit in ("MiB", "µs", "req/s", "KB", "sec", "rows/min", "furlong", "x/s", "1")
    ] == [
        "mb",
        "us",
        "requests/s",
        "kb",
        "s",
        "rows/min",
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("text", "seconds"), [("20s", 20), ("1.5 min", 90), ("100ms", 0.1), (5, 5), ("7", 7)]
)
def test_quantities(text: str | float, seconds: float) -> None:
    assert parse_quantity(text, "s") == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["soon", "", "5 furlongs", "5mb", "--5s"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match=r"number|unit|compared"):
        parse_quantity(text, "s")


def test_a_rate_of_what_goes_unsaid_compares_with_that_of_anything() -> None:
    assert convert(5.0, "1/s", "requests/s") == convert(5.0, "samples/s", "1/s") == 5.0
    assert convert(300.0, "1/min", "/s") == 5.0
    with pytest.raises(UnitClash):
        convert(5.0, "1", "requests/s")


@pytest.mark.parametrize(("text", "expected"), [("3 x 20s", 60), ("0.5 x 1min", 30), ("2x5", 10)])
def test_a_multiple_of_a_quantity(text: str, expected: float) -> None:
    assert parse_quantity(text, "s") == pytest.approx(expected)


@pytest.mark.parametrize("text", ["x 20s", "3 x", "3 x 2 x 20s", "-1 x 20s", "s x 20s"])
def test_what_is_no_multiple_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        parse_quantity(text, "s")
