"""Ask for scores in ways that a service must refuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from pynomaly_itest.adapters.fitting import OWN_ROWS
from pynomaly_itest.adapters.invalid import INVALID, MEANINGS, Asked
from pynomaly_itest.datasets.rows import Rows
from pynomaly_itest.errors import CannotMeasure, NotApplicable
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.target.http import Body, Reply, RequestFailed

_ANONYMOUS = "anonymous"
_NOT_LET_IN = (401, 403)

Refusable = Literal["anonymous", "malformed", "empty", "wide", "narrow", "text", "nan", "deep"]


@STEPS.register("refuses")
class Refuses(Step):
    """Send a score request that is taken, then the same with one thing wrong; each must be refused, or the step fails.

    anonymous: without what identifies us (401 or 403); malformed: half a body; empty: none; wide, narrow: a column too
    many, too few; text, nan: such a value for a number; deep: a value nested 20,000 deep. What counts as a refusal of
    a body is `invalid.expect` of the service's block. A server error is none.
    """

    summary: ClassVar[str] = "score requests that are no good are refused, with the right status"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY
    needs_platform: ClassVar[bool] = False
    dataset_fields: ClassVar[tuple[str, ...]] = ("dataset",)

    requests: list[Refusable] = Field(
        default_factory=lambda: list(INVALID),  # type: ignore[arg-type]
        min_length=1,
        description="what to send; without it, every body that is no good",
    )
    model: str | None = Field(None, description="the model's id, where the service has several")
    dataset: str | None = Field(None, description="where the row of the valid request is from")
    timeout_s: float = Field(30.0, gt=0)

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.REPLIES

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return Record(
            {
                "sent": Scalar("number", "1", "requests that are no good"),
                "refused": Scalar("number", "1", "those that were refused"),
            }
        )

    @classmethod
    def needs(cls, config: Mapping[str, Any]) -> tuple[str, ...]:
        asked = config.get("requests")
        anonymous = isinstance(asked, list) and _ANONYMOUS in asked
        return ("score", "authentication") if anonymous else ("score",)

    async def run(self, context: StepContext) -> Values:
        asked = await self._asked(context)
        valid = await context.service.send(asked.written(), timeout_s=self.timeout_s)
        context.service.read(valid, len(asked.rows), model=self.model)  # the control: a good one is taken
        wrong: list[tuple[str, Reply]] = []
        sent = 0
        for name in self.requests:
            if name in context.service.adapter.taken:
                continue
            reply = await self._send(name, asked, context)
            if reply is None:
                continue
            sent += 1
            wanted = _NOT_LET_IN if name == _ANONYMOUS else tuple(context.service.adapter.invalid.expect)
            if reply.status not in wanted:
                said = MEANINGS.get(name, "no credentials")
                told = f"{name} ({said}) answered {reply.status}, expected {' or '.join(map(str, wanted))}"
                wrong.append((told, reply))
        if wrong:
            raise RequestFailed("; ".join(told for told, _ in wrong), wrong[0][1].exchange)
        if not sent:
            raise NotApplicable("no request of these kinds can be made of the service's block")
        return {"sent": sent, "refused": sent}

    async def _asked(self, context: StepContext) -> Asked:
        if self.dataset is None and context.service.adapter.trains:
            raise CannotMeasure("the step names no dataset, and the platform has none of its own")
        table = await context.dataset(OWN_ROWS if self.dataset is None else self.dataset)
        return Asked(context.service.adapter, Rows.of(table, [0]), self.model)

    async def _send(self, name: str, asked: Asked, context: StepContext) -> Reply | None:
        """The answer to a request of this kind; None where it can't be made."""
        if name == _ANONYMOUS:
            plain = asked.written()
            return await context.http.send(
                plain.method,
                plain.path,
                headers=dict(plain.headers),
                body=Body(content=plain.body),
                timeout_s=self.timeout_s,
            )
        made = INVALID[name](asked)
        return None if made is None else await context.service.send(made, timeout_s=self.timeout_s)
