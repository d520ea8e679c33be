"""Numbers are short, have their unit, and never look equal where they are not."""

from __future__ import annotations

import pytest

from pynomaly_itest.report.numbers import duration, number, pair, percent, quantity, signed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (8.4, "8.4"),
        (61.23456, "61.23"),
        (1234.5678, "1,235"),
        (1_234_567, "1,234,567"),
        (0.000123456, "0.0001235"),
        (0.00000012, "1.200e-07"),
        (1e18, "1.000e+18"),
        (-47.25, "-47.25"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (61.2, "ms", "61.2 ms"),
        (512, "mb", "512 MiB"),
        (0.83, "1", "0.83"),
        (3.1, "%", "3.1 %"),
        (1000, "requests/s", "1,000 requests/s"),
        (None, "ms", "–"),
        (True, None, "yes"),
        ("NaN", "ms", "NaN"),
    ],
)
def test_quantity(value: object, unit: str | None, text: str) -> None:
    assert quantity(value, unit) == text


def test_a_pair_never_hides_a_difference() -> None:
    shown = pair(100.0004, 100, "ms")
    assert shown == ("100.0004 ms", "100 ms")
    assert pair(100, 100, "ms") == ("100 ms", "100 ms")
    close = pair(1.0 + 1e-15, 1.0)
    assert close.observed != close.limit


def test_margins_have_signs() -> None:
    assert signed(-11.2, "ms") == "−11.2 ms"
    assert signed(0.23, "1") == "+0.23"
    assert signed(0.0, "1") == "0"
    assert percent(-22.4) == "−22.4 %"
    assert percent(38.333) == "+38.3 %"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.00085, "850 µs"),
        (0.0124, "12.4 ms"),
        (0.9999, "1 s"),
        (3.214, "3.21 s"),
        (245, "4 min 05 s"),
        (4320, "1 h 12 min"),
        (-1, "–"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
