"""Objectives and times as YAML writes them, in `load` and `capacity`: a figure's name and the most that it may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from pynomaly_itest.profile.expression import parse_quantity

if TYPE_CHECKING:
    from pynomaly_itest.load.objectives import Objective


def objectives_of(limits: Mapping[str, str | float]) -> tuple[Objective, ...]:
    """`{latency_ms.p99: 100ms, error_ratio: 0.1%}`; raises ValueError with the name of what can't be."""
    from pynomaly_itest.load.objectives import Objective, mistake_in

    found = []
    for name, limit in limits.items():
        wrong = mistake_in(name)
        if wrong is not None:
            raise ValueError(wrong)
        value = parse_quantity(limit, "ms" if name.startswith("latency_ms.") else "1")
        if not value >= 0:
            raise ValueError(f"the objective {name} must be at least 0, not {limit}")
        found.append(Objective(name, value))
    return tuple(found)


def _above_0(span: str | float) -> str | float:
    if not parse_quantity(span, "s") > 0:
        raise ValueError(f"must be more than 0, not {span}")
    return span


def _at_least_0(span: str | float) -> str | float:
    if not parse_quantity(span, "s") >= 0:
        raise ValueError(f"must be at least 0, not {span}")
    return span


Span = Annotated[str | float, AfterValidator(_above_0)]
"""A time as it is written, longer than none: 20s, 5min, or a number of seconds."""
Pause = Annotated[str | float, AfterValidator(_at_least_0)]
"""A time that may be none."""
