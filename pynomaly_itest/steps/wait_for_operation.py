"""Follow a long operation of the platform until it ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from pynomaly_itest.errors import StepFailed
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values

_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.25
_LONGEST_S = 300.0
_LEAST_PATIENCE_S = 10.0
PATIENCE = "how long; without it 300 s, and twice the benchmark training_time_seconds without any progress"
_ENDED = ("completed", "failed", "cancelled")
_GOING_ON = ("pending", "running")


_GIVEN_UP = "an operation never ended"
_BENCHMARK = "training_time_seconds"


def _patience_s(context: StepContext) -> float:
    """How long an operation may show no change: twice what the profile's benchmark allows a training.

    Once one never ended, half of what the benchmark allows: each of the rest would cost as much again.
    """
    benchmark_s = float(context.scene.values.get("benchmarks", {}).get(_BENCHMARK, 30.0))
    return benchmark_s / 2 if context.shared.get(_GIVEN_UP) else max(_LEAST_PATIENCE_S, 2 * benchmark_s)


async def follow(context: StepContext, operation: str, timeout_s: float | None = None) -> dict[str, Any]:
    """Poll `operation` until it ended; the last state that the platform told.

    Pauses grow with the time waited (an eighth of it, 10 ms to 250 ms), so that the end is seen at most an
    eighth late. Raises StepFailed where it does not end within `timeout_s` (None: 300 s, and not as long without any
    change as would be hopeless by the profile's benchmark), or goes into no known state.
    """
    start = changed = context.clock()
    seen: Any = None
    patience_s = math.inf if timeout_s is not None else _patience_s(context)
    timeout_s = _LONGEST_S if timeout_s is None else timeout_s
    while True:
        state = await context.api.call("GET", f"operations/{operation}")
        status = state.get("status") if isinstance(state, dict) else None
        waited_s = context.clock() - start
        if status in _ENDED:
            return dict(state)
        if status not in _GOING_ON:
            raise StepFailed(f"operation {operation} is in no known state: {status!r}")
        if (state.get("status"), state.get("progress")) != seen:
            seen, changed = (state.get("status"), state.get("progress")), context.clock()
        unchanged_s = context.clock() - changed
        if waited_s >= timeout_s or unchanged_s >= patience_s:
            context.shared[_GIVEN_UP] = True
            raise StepFailed(
                f"operation {operation} is still {status} after {waited_s:.1f} s"
                + ("" if waited_s >= timeout_s else f", and shows no progress (benchmark: {_BENCHMARK})")
            )
        context.progress(f"{status}, {waited_s:.0f} s")
        await context.sleep(
            min(
                _LONGEST_PAUSE_S,
                max(_FIRST_PAUSE_S, waited_s / 8),
                timeout_s - waited_s + 1e-3,
                patience_s - unchanged_s + 1e-3,
            )
        )


@STEPS.register("wait_for_operation")
class WaitForOperation(Step):
    """Poll an operation until it is completed, failed or cancelled; any other end than `until` fails the step."""

    summary: ClassVar[str] = "poll an operation until it ends"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY

    operation: str = Field(description="the operation's id")
    until: Literal["completed", "failed", "cancelled"] = "completed"
    timeout_s: float | None = Field(None, gt=0, description=PATIENCE)

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.REPLIES

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return Record(
            {"id": Scalar("string"), "status": Scalar("string"), "waited_seconds": Scalar("number", "s")},
            open=True,
        )

    async def run(self, context: StepContext) -> Values:
        start = context.clock()
        ended = await follow(context, self.operation, self.timeout_s)
        if ended["status"] != self.until:
            why = ended.get("error") or ended.get("detail") or "no reason given"
            raise StepFailed(f"the operation ended {ended['status']}, expected {self.until}: {why}")
        return {**ended, "waited_seconds": context.clock() - start}
