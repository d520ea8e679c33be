"""The shapes of load by name: what `shape: spike` and its like mean in stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pynomaly_itest.load import Executor

ShapeName = Literal["ramp", "spike", "soak", "breakpoint"]
_SPIKE = 10.0
_EDGE_S = 1.0
_SHORTEST_SPIKE_S = 4.0


def executor_of_shape(
    shape: ShapeName, *, rate: float, duration_s: float, start: float, peak: float | None
) -> Executor:
    """The executor that a shape stands for; raises ValueError where it has no room.

    ramp, breakpoint: evenly from `start` to `rate` (a breakpoint ends itself on the way). soak: `rate` throughout.
    spike: `rate`, within a second up to `peak` (10 times `rate`), a quarter of the time there, within a second back.
    """
    from pynomaly_itest.load import ConstantArrivalRate, RampingArrivalRate, Stage

    if shape == "soak":
        return ConstantArrivalRate(rate=rate, duration_s=duration_s)
    if shape != "spike":
        return RampingArrivalRate(start_rate=start, stages=(Stage(duration_s, rate),))
    if duration_s < _SHORTEST_SPIKE_S:
        raise ValueError(f"a spike needs a duration of at least {_SHORTEST_SPIKE_S:g}s")
    top = _SPIKE * rate if peak is None else peak
    held_s = (duration_s - 2 * _EDGE_S) / 4
    before_s = (duration_s - 2 * _EDGE_S - held_s) / 3
    after_s = duration_s - 2 * _EDGE_S - held_s - before_s
    stages = (
        Stage(before_s, rate),
        Stage(_EDGE_S, top),
        Stage(held_s, top),
        Stage(_EDGE_S, rate),
        Stage(after_s, rate),
    )
    return RampingArrivalRate(start_rate=rate, stages=stages)
