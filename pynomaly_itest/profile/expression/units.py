"""Units of measured values and limits, so that `50ms`, `0.05s` and a series in milliseconds compare."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass


class UnitClash(ValueError):
    """Two units that measure different things."""


@dataclass(frozen=True)
class _Measure:
    """What a unit measures, and how many base units one of it is."""

    dimension: str
    factor: float


# Memory follows the habit of `free -m` and psutil's users: 1 mb is 1024 * 1024 bytes, the same as 1 mib.
_KIB = 1024.0
_SIMPLE = {
    "ns": _Measure("time", 1e-9),
    "us": _Measure("time", 1e-6),
    "ms": _Measure("time", 1e-3),
    "s": _Measure("time", 1.0),
    "min": _Measure("time", 60.0),
    "h": _Measure("time", 3600.0),
    "bytes": _Measure("memory", 1.0),
    "kb": _Measure("memory", _KIB),
    "mb": _Measure("memory", _KIB**2),
    "gb": _Measure("memory", _KIB**3),
    "1": _Measure("ratio", 1.0),
    "%": _Measure("ratio", 0.01),
}
_ALIASES = {
    "µs": "us",
    "m": "min",
    "sec": "s",
    "b": "bytes",
    "kib": "kb",
    "mib": "mb",
    "gib": "gb",
    "percent": "%",
}
_COUNTED = ("requests", "samples", "rows", "iterations", "events", "operations")

KNOWN_UNITS = (*(unit for unit in _SIMPLE if unit != "1"), "/s", *(f"{noun}/s" for noun in _COUNTED), "mb/s")


def canonical(unit: str) -> str | None:
    """The short name of a unit as people write it (`MiB`, `µs`, `req/s` …); None for one that is unknown."""
    unit = unit.lower()
    unit = _ALIASES.get(unit, unit)
    if unit in _SIMPLE and unit != "1":
        return unit
    noun, slash, per = unit.partition("/")
    if not slash:
        return unit if unit in _COUNTED else None
    per = _ALIASES.get(per, per)
    noun = {"req": "requests", "rps": "requests"}.get(noun, _ALIASES.get(noun, noun))
    if _is("time", per) and (noun in ("", *_COUNTED) or _is("memory", noun)):
        return f"{noun}/{per}"
    return None


def convert(value: float, from_unit: str | None, to_unit: str | None) -> float:
    """`value` in `to_unit`. Where either side has no unit, the number stands as it is.

    Raises UnitClash where the units measure different things.
    """
    if from_unit is None or to_unit is None or from_unit == to_unit:
        return value
    here, there = _measure(from_unit), _measure(to_unit)
    if not _same(here.dimension, there.dimension):
        raise UnitClash(f"{from_unit} can't be compared with {to_unit}")
    return value if here.factor == there.factor else value * here.factor / there.factor


def compatible(one: str | None, other: str | None) -> bool:
    """Whether values of these units can be compared."""
    if one is None or other is None or one == other:
        return True
    return _same(_measure(one).dimension, _measure(other).dimension)


_QUANTITY = re.compile(r"\s*(-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-zµ%/]*)\s*")

_TIMES = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*x\s*([^x]*)")


def parse_quantity(text: str | float, unit: str) -> float:
    """A number in `unit` from `20s`, `1.5 min`, `512mb`, `50/s` or a plain number (taken to be in `unit`).

    `3 x 20s` is three times as much, so that a profile can be stretched: `${{ vars.scale }} x 20s`.

    Raises ValueError where it is no number or the unit is unknown, UnitClash where it measures another thing.
    """
    if isinstance(text, int | float):
        return float(text)
    times = _TIMES.fullmatch(text)
    if times is not None:
        return float(times[1]) * parse_quantity(times[2], unit)
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a number with a unit such as 10{unit}")
    written = canonical(found[2]) if found[2] else unit
    if written is None:
        raise ValueError(f"{found[2]!r} is not a known unit")
    number = convert(float(found[1]), written, unit)
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is too large")
    return number


def _is(dimension: str, unit: str) -> bool:
    return unit in _SIMPLE and _SIMPLE[unit].dimension == dimension


def _measure(unit: str) -> _Measure:
    """A unit nobody knows measures itself: it can be compared with nothing else."""
    if unit in _SIMPLE:
        return _SIMPLE[unit]
    noun, slash, per = unit.removeprefix("1").partition("/")  # 1/s is /s
    if slash and _is("time", per):
        if _is("memory", noun):
            return _Measure("memory rate", _SIMPLE[noun].factor / _SIMPLE[per].factor)
        return _Measure(f"rate of {noun}", 1.0 / _SIMPLE[per].factor)
    return _Measure(unit, 1.0)


def _same(one: str, other: str) -> bool:
    """`/s` without a noun counts whatever the other side counts."""
    anonymous = "rate of "
    if one.startswith(anonymous) and other.startswith(anonymous):
        return one == other or anonymous in (one, other)
    return one == other
