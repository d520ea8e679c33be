"""Break something while the target is at work, mend it, and hold the target to all that it acknowledged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, ValidationError, field_validator

from pynomaly_itest.errors import NotApplicable, NotEnoughEvidence, StepFailed
from pynomaly_itest.profile.expression import has_template, parse_quantity
from pynomaly_itest.registry import FAULTS, STEPS, did_you_mean
from pynomaly_itest.shapes import ANYTHING, Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.steps.load_failures import EVERY_FAILURE

if TYPE_CHECKING:
    from pynomaly_itest.faulting.fault import Fault
    from pynomaly_itest.faulting.stage import Stage

Timespan = str | float

_COUNTS = {
    "acknowledged": "what the target said, before the fault was over, that it has or has begun",
    "lost": "what of that is not so afterwards",
    "wrong": "answers that can't be true: other scores, a success without an id",
    "asked": "requests that ended while it was broken: from the fault's beginning until all is as before",
    "refused": "answers 429 and 5xx while it was broken",
    "internal_errors": "answers 500 while it was broken",
    "broken": "connections that ended without an answer while it was broken",
    "hung": "requests without an answer in time while it was broken",
    "unacknowledged": "datasets that are kept although nobody was told",
}


@STEPS.register("fault")
class InjectFault(Step):
    """Clients upload, train, predict and detect; meanwhile the fault comes, and is taken back, whatever happens.

    It waits until the target has acknowledged a few things and the work that `amid` names is under way; a fault that
    nobody felt is inconclusive. Afterwards the target must be as before within `within` (ready, predicting, storing,
    detecting, caching), everything that it acknowledged must be there, and no answer may have been wrong: else the
    step fails, whatever the gates say.
    """

    summary: ClassVar[str] = "break something under way, mend it, and look what is left"
    exclusive: ClassVar[bool] = True
    impact: ClassVar[Impact] = Impact.BREAKS
    nested: ClassVar[tuple[str, ...]] = ("during",)

    inject: dict[str, Any] = Field(description="the fault: {kill_server: {}}; 'list faults' shows them all")
    amid: Literal["anything", "upload", "training", "detection"] = Field(
        "anything", description="what must be under way when it comes"
    )
    during: dict[str, Any] | None = Field(None, description="a step that runs meanwhile: {load: {…}}")
    after: Timespan = Field(
        0.3, description="how long the clients work, and the load meanwhile, at least, before it comes"
    )
    clients: int = Field(2, ge=1, le=64, description="clients that work meanwhile")
    patience: Timespan = Field(5.0, description="how long a client waits for an answer")
    within: Timespan = Field(30.0, description="how long the target may take to be as before")

    @field_validator("inject")
    @classmethod
    def _known(cls, inject: dict[str, Any]) -> dict[str, Any]:
        if len(inject) != 1:
            raise ValueError("one fault and its config: {pause: {lasts: 2s}}")
        kind, config = next(iter(inject.items()))
        if kind not in FAULTS:
            raise ValueError(f"unknown fault {kind!r}: {did_you_mean(kind, FAULTS)}")
        if not _has_look_up(config):
            _fault(kind, config)
        return inject

    @field_validator("after", "patience", "within")
    @classmethod
    def _is_a_time(cls, span: Timespan) -> Timespan:
        if not has_template(span) and parse_quantity(span, "s") < 0:
            raise ValueError("a time is 0 or more")
        return span

    @classmethod
    def needs(cls, config: Mapping[str, Any]) -> tuple[str, ...]:
        return ("platform",)

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.REPLIES

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return math.inf

    @classmethod
    def disturbs(cls, config: Mapping[str, Any]) -> frozenset[str]:
        """What its fault needs, as its kind says."""
        inject = config.get("inject")
        kinds = inject if isinstance(inject, Mapping) else {}
        return frozenset(need for kind in kinds if kind in FAULTS for need in FAULTS[kind].needs)

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        inner = config.get("during")
        kind, nested = next(iter(inner.items()), ("", None)) if isinstance(inner, Mapping) else ("", None)
        during = STEPS[kind].shape(nested or {}) if kind in STEPS else ANYTHING
        return Record(
            {
                **{name: Scalar("number", "1", doc) for name, doc in _COUNTS.items()},
                "answered_ratio": Scalar("number", "1", "successes among the requests while it was broken"),
                "recovery_seconds": Scalar(
                    "number", "s", "from its end to the first answers that are as before"
                ),
                "downtime_seconds": Scalar("number", "s", "from its beginning until all is as before"),
                "during": during,
            }
        )

    async def run(self, context: StepContext) -> Values:
        from pynomaly_itest.faulting.course import Course

        kind, config = next(iter(self.inject.items()))
        fault = _fault(kind, config)
        if fault.disrupts and context.target.info.kind == "url":
            self._check_permission(kind, context)
        course = Course(
            name=kind,
            fault=fault,
            stage=self._stage(context),
            amid=self.amid,
            clients=self.clients,
            after_s=parse_quantity(self.after, "s"),
            patience_s=parse_quantity(self.patience, "s"),
            within_s=parse_quantity(self.within, "s"),
        )
        if self._begins_later():
            from pynomaly_itest.steps.load_requests import calibration

            await calibration(context)  # now, so that the load is under way when the fault comes
        values = _dated(await course.run(), context.clock())
        complaints = course.complaints()
        if complaints:
            context.keep(values)
            raise StepFailed(f"{kind}: {'; '.join(complaints)}")
        if why := _unmeasured(values["during"]):
            raise NotEnoughEvidence(f"{kind}: the step meanwhile measured nothing: {why}", values)
        return values

    @staticmethod
    def _check_permission(kind: str, context: StepContext) -> None:
        """Raise NotApplicable where others who use the service would feel it and nobody has said that they may."""
        if not context.probing.allow_disruptive:
            raise NotApplicable(f"{kind} may slow the service for others", hint="--allow-disruptive")
        if context.probing.max_impact != "D":
            raise NotApplicable(f"{kind} may slow the service for others, and its max_impact is not D")

    def _begins_later(self) -> bool:
        """Whether the step meanwhile takes a while to be under way, and says when it is."""
        return any(STEPS[kind].announces for kind in self.during or {} if kind in STEPS)

    def _stage(self, context: StepContext) -> Stage:
        import asyncio

        from pynomaly_itest.faulting.stage import Stage

        begun = asyncio.Event() if self._begins_later() else None

        async def meanwhile(stage: Stage) -> Values:
            """The step that runs meanwhile: that the fault breaks it is no wonder, what it measured is kept."""
            values: Values = {}
            inner = replace(
                context,
                target=stage.target,
                http=stage.http,
                api=stage.api,
                expected=EVERY_FAILURE,
                gated=frozenset(),
                keep=values.update,
                under_way=lambda: None if begun is None else begun.set(),
            )
            try:
                values.update(await context.prepare(self.during or {}).run(inner))
            except NotEnoughEvidence as problem:
                values.update(problem.values)
            except StepFailed as problem:
                values["failed"] = problem.message
            values["ended_s"] = stage.clock()
            return values

        return Stage(
            target=context.target,
            http=context.http,
            api=context.api,
            ledger=context.ledger,
            label=context.label,
            seed=context.seed,
            clock=context.clock,
            sleep=context.sleep,
            progress=context.progress,
            mark=context.mark,
            meanwhile=None if self.during is None else meanwhile,
            begun=begun,
        )


def _dated(values: Values, now_s: float) -> Values:
    """What the step meanwhile gave, its pictures older by the time that has passed since its end."""
    from pynomaly_itest.measure.curves import Curves

    during = dict(values["during"])
    passed_s = now_s - during.pop("ended_s", now_s)
    for name, value in during.items():
        if isinstance(value, Curves) and value.begun_ago_s is not None:
            during[name] = replace(value, begun_ago_s=value.begun_ago_s + passed_s)
    return {**values, "during": during}


def _unmeasured(during: Values) -> str | None:
    """Why the step meanwhile gave no figure at all; None where it gave some, or there was none."""
    return str(during["failed"]) if during.keys() == {"failed"} else None


def _fault(kind: str, config: Any) -> Fault:
    """The fault of this kind; raises ValueError where its config is no good."""
    try:
        fault: Fault = FAULTS[kind].model_validate(config or {})
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{kind}{f'.{where}' if where else ''}: {first['msg']}") from problem
    return fault


def _has_look_up(value: Any) -> bool:
    """Whether some value of a config is known only when it runs."""
    if isinstance(value, Mapping):
        return any(map(_has_look_up, value.values()))
    return has_template(value)
