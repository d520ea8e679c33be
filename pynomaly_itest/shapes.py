"""What names exist where: the shapes that steps promise, for expressions to be checked before the run.

Every step kind states the shape of what it saves. The profile's checker walks these shapes; a name that no
step can produce is a mistake of the profile, with a caret, and never a gate without data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True)
class Scalar:
    """One value. `type`: number, string, boolean or any; `unit`: a unit's short name ("ms", "mb", "1")."""

    type: str = "any"
    unit: str | None = None
    doc: str = ""


@dataclass(frozen=True)
class Series:
    """Many observed numbers of one unit; a gate asks it for a statistic (`p95`, `mean`, `max`, `n`, …)."""

    unit: str
    doc: str = ""


@dataclass(frozen=True)
class Record:
    """Named shapes. `open` records also take names nobody foresaw (the JSON of an unknown service)."""

    fields: Mapping[str, Shape] = field(default_factory=dict)
    open: bool = False
    doc: str = ""


Shape: TypeAlias = Scalar | Series | Record

ANYTHING = Record(open=True)

# A series answers to these names, and to any quantile: p50, p95, p99.9 …
STATISTICS = ("n", "min", "max", "mean", "median", "stddev", "sum", "first", "last", "slope")


def unit_of(name: str) -> str | None:
    """The unit that a name carries in its last words: `latency_ms` is "ms", `cache_hit_rate` is "1".

    The project writes units into names, so a limit such as `benchmarks.detection_latency_ms` has its unit
    without anyone having to say it twice. None where the name tells nothing.
    """
    for suffix, unit in _UNIT_SUFFIXES:
        if name == suffix.lstrip("_") or name.endswith(suffix):
            return unit
    return None


_UNIT_SUFFIXES = (
    ("_requests_per_second", "requests/s"),
    ("_samples_per_second", "samples/s"),
    ("_per_second", "/s"),
    ("_ms", "ms"),
    ("_us", "us"),
    ("_seconds", "s"),
    ("_s", "s"),
    ("_mb", "mb"),
    ("_bytes", "bytes"),
    ("_percent", "%"),
    ("_ratio", "1"),
    ("_rate", "1"),
    ("_threshold", "1"),
)
