"""Numbers as people read them: few digits, a unit, and never two different values that look the same."""

from __future__ import annotations

import math
from typing import NamedTuple

from pynomaly_itest.report.untrusted import finite, one_line

_UNIT_NAMES = {"mb": "MiB", "us": "µs", "1": "", "bytes": "B"}
_DIGITS = 4
_MOST_DIGITS = 12


class Pair(NamedTuple):
    """Observed and limit, with units, written with as many digits as it takes to tell them apart."""

    observed: str
    limit: str


def unit_name(unit: str | None) -> str:
    """The unit as it is written behind a number; a ratio has none."""
    return _UNIT_NAMES.get(unit or "", unit or "")


def number(value: float, digits: int = _DIGITS) -> str:
    """The number with `digits` significant digits (whole ones in full), commas between thousands."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude >= 15 or magnitude < -6:
        return f"{value:.{digits - 1}e}"
    if value == int(value):
        return f"{int(value):,}"
    text = f"{value:,.{max(0, digits - 1 - magnitude)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def quantity(value: object, unit: str | None = None, digits: int = _DIGITS) -> str:
    """Any observed value as text: numbers with their unit, truth values as yes and no, nothing as a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    plain = finite(value)
    if plain is None:
        return one_line(str(value), 200)
    name = unit_name(unit)
    if name == "%":
        return f"{number(plain, digits)} %"
    return f"{number(plain, digits)} {name}".rstrip()


def pair(observed: object, limit: object, unit: str | None = None) -> Pair:
    """Observed and limit as text; 100.004 against 100 is not shown as 100 against 100."""
    for digits in range(_DIGITS, _MOST_DIGITS + 1):
        shown = Pair(quantity(observed, unit, digits), quantity(limit, unit, digits))
        if shown.observed != shown.limit or observed == limit:
            return shown
    return Pair(repr(observed), repr(limit))


def signed(value: float, unit: str | None = None) -> str:
    """A margin: with its sign, a real minus, and its unit."""
    return f"{_sign(value)}{quantity(abs(value), unit)}"


def percent(value: float) -> str:
    """A percentage with its sign and at most three digits."""
    return f"{_sign(value)}{number(abs(value), 3)} %"


def _sign(value: float) -> str:
    if value == 0:
        return ""
    return "−" if value < 0 else "+"


def duration(seconds: float) -> str:
    """A length of time in the unit that suits it: 850 µs, 12.4 ms, 3.21 s, 4 min 05 s, 1 h 12 min."""
    if seconds < 0 or not math.isfinite(seconds):
        return "–"
    if seconds == 0:
        return "0 s"
    if seconds < 0.9995e-3:
        return f"{number(seconds * 1e6, 3)} µs"
    if seconds < 0.9995:
        return f"{number(seconds * 1e3, 3)} ms"
    if seconds < 60:
        return f"{number(seconds, 3)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
