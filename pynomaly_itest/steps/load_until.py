"""A load that goes on while a gate on it is open: looked at on the way, on all that was measured so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pynomaly_itest.profile.expression import parse_quantity
from pynomaly_itest.steps.looks import Looks, until_next_look

if TYPE_CHECKING:
    from pynomaly_itest.load import LoadResult, Record
    from pynomaly_itest.load.run import LooksAt
    from pynomaly_itest.steps.base import StepContext, Values
    from pynomaly_itest.steps.crowd import Crowd
    from pynomaly_itest.steps.load import Load
    from pynomaly_itest.steps.load_leaks import LeakWatch
    from pynomaly_itest.steps.load_requests import Part
    from pynomaly_itest.target.base import Target

_LEAST_S = 0.5
"""A further part that would be shorter is not begun."""
_STRICTER = 1.25
"""What has no answer yet is not seen by a look on the way: it asks for more than is asked once all have one."""


@dataclass
class SoFar:
    """What the parts of a load share. requests: prepared once. crowd: who had the machine since it began.

    looks: asked on the way whether it is enough.
    """

    record: Record
    crowd: Crowd
    requests: list[Part] | None = None
    leaks: LeakWatch | None = None
    looks: LooksAt | None = None

    @classmethod
    def begun(cls, target: Target) -> SoFar:
        from pynomaly_itest.load import Record
        from pynomaly_itest.steps.crowd import Crowd

        return cls(Record(), Crowd(target))


@dataclass
class GateWatch:
    """Looks at the gates on a load as it goes; all looks together keep the error. Times are of sending, in seconds.

    next_s: when to look next; None: at the end only. share: of the error, what the present look may use. is_enough_now:
    whether that look found every gate decided.
    """

    load: Load
    context: StepContext
    so_far: SoFar
    at_most_s: float
    next_s: float | None
    looks: Looks = field(default_factory=Looks)
    share: float = 1.0
    is_enough_now: bool = False

    def is_due(self, elapsed_s: float) -> bool:
        if self.next_s is None or elapsed_s < self.next_s:
            return False
        self.share = self.looks.share_at(elapsed_s / self.at_most_s)
        self.plan_next(elapsed_s)
        return True

    def plan_next(self, elapsed_s: float) -> None:
        """When to look after this: what is left is either more than one look, or all for the last."""
        left_s = self.at_most_s - elapsed_s
        more_s = until_next_look(elapsed_s, left_s)
        self.next_s = elapsed_s + more_s if 0 < more_s < left_s else None

    def confidence_of_look(self) -> float:
        return 1 - (1 - self.context.confidence) * self.share / _STRICTER

    def confidence_at_end(self) -> float:
        if not self.is_enough_now:
            self.share = self.looks.share_at(1.0)
        return 1 - (1 - self.context.confidence) * self.share

    def is_enough(self, so_far: LoadResult) -> bool:
        from pynomaly_itest.errors import NotEnoughEvidence

        looking = replace(self.context, confidence=self.confidence_of_look())
        try:
            values = self.load.seen(looking, self.so_far, so_far)
        except NotEnoughEvidence:
            return False
        open_gate = self.context.scene.undecided(spending(values, self.share / _STRICTER))
        self.is_enough_now = open_gate is None
        if open_gate is not None:
            self.context.progress(f"goes on: {open_gate}")
        return self.is_enough_now


async def until_decided(load: Load, context: StepContext) -> Values:
    """The figures of all that was sent when every gate on them was decided, or when time was up.

    The load goes on for as long as it may. On the way, the gates are looked at, on all that was answered by then; once
    they are decided, no more is sent, and they are judged when all that was sent has its answer. Should one be open
    again by that, a further part is sent. Looking again does not make a verdict likelier: the looks share the error
    (see `measure.spending`).
    """
    so_far = SoFar.begun(context.target)
    first_s = parse_quantity(load.duration or 0.0, "s")
    at_most_s = max(first_s, parse_quantity(load.at_most, "s"))
    watch = GateWatch(load, context, so_far, at_most_s, first_s if first_s < at_most_s else None)
    so_far.looks, parts = watch, 0
    while True:
        left_s = at_most_s - so_far.record.planned_s
        part = load.model_copy(update={"duration": left_s, "warmup": 0.0 if parts else load.warmup})
        values = await part.part(replace(context, seed=context.seed + parts), so_far)
        values = spending(values, watch.share)
        sent_s = so_far.record.planned_s
        if at_most_s - sent_s < _LEAST_S or values.get("aborted") is True:
            return values
        if context.scene.undecided(values) is None:
            return values
        watch.is_enough_now, parts = False, parts + 1
        watch.plan_next(sent_s)


def spending(values: Values, share: float) -> Values:
    """The values, the series among them to be judged with this share of the error."""
    from pynomaly_itest.measure import Samples

    def sharing(samples: Samples) -> Samples:
        doubt = samples.doubt
        if doubt is not None and doubt.without is not None:
            doubt = replace(doubt, without=sharing(doubt.without))
        return replace(samples, error_share=share, doubt=doubt)

    return {name: sharing(value) if isinstance(value, Samples) else value for name, value in values.items()}
