"""Follow a long operation of the platform until it ends."""

from __future__ import annotations

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
_ENDED = ("completed", "failed", "cancelled")
_GOING_ON = ("pending", "running")


async def follow(context: StepContext, operation: str, timeout_s: float) -> dict[str, Any]:
    """Poll `operation` until it ended; the last state that the platform told.

    Pauses grow with the time waited (an eighth of it, 10 ms to 250 ms), so that the end is seen at most an
    eighth late. Raises StepFailed where it does not end within `timeout_s`, or goes into no known state.
    """
    start = context.clock()
    while True:
        state = await context.api.call("GET", f"operations/{operation}")
        status = state.get("status") if isinstance(state, dict) else None
        waited_s = context.clock() - start
        if status in _ENDED:
            return dict(state)
        if status not in _GOING_ON:
            raise StepFailed(f"operation {operation} is in no known state: {status!r}")
        if waited_s >= timeout_s:
            raise StepFailed(f"operation {operation} is still {status} after {waited_s:.1f} s")
        context.progress(f"{status}, {waited_s:.0f} s")
        await context.sleep(
            min(_LONGEST_PAUSE_S, max(_FIRST_PAUSE_S, waited_s / 8), timeout_s - waited_s + 1e-3)
        )


@STEPS.register("wait_for_operation")
class WaitForOperation(Step):
    """Poll an operation until it is completed, failed or cancelled; any other end than `until` fails the step."""

    summary: ClassVar[str] = "poll an operation until it ends"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY

    operation: str = Field(description="the operation's id")
    until: Literal["completed", "failed", "cancelled"] = "completed"
    timeout_s: float = Field(300.0, gt=0)

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
