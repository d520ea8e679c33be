"""A load that goes on while a gate on it is open and time is left: what was measured adds up, part by part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pynomaly_itest.profile.expression import parse_quantity
from pynomaly_itest.steps.looks import Looks, until_next_look

if TYPE_CHECKING:
    from pynomaly_itest.load import Record
    from pynomaly_itest.steps.base import StepContext, Values
    from pynomaly_itest.steps.crowd import Crowd
    from pynomaly_itest.steps.load import Load
    from pynomaly_itest.steps.load_leaks import LeakWatch
    from pynomaly_itest.steps.load_requests import Part
    from pynomaly_itest.target.base import Target

_LEAST_S = 0.2


@dataclass
class SoFar:
    """What the parts of a load share. requests: prepared once. crowd: who had the machine since it began."""

    record: Record
    crowd: Crowd
    requests: list[Part] | None = None
    leaks: LeakWatch | None = None

    @classmethod
    def begun(cls, target: Target) -> SoFar:
        from pynomaly_itest.load import Record
        from pynomaly_itest.steps.crowd import Crowd

        return cls(Record(), Crowd(target))


async def until_decided(load: Load, context: StepContext) -> Values:
    """The figures of all that was sent when every gate on them was decided, or when time was up.

    The load is sent in parts, each until all of its answers are there. After each, the gates are looked at, on all
    parts together; the last look is at the end of the time. Looking again does not make a verdict likelier: the looks
    share the error (see `measure.spending`).
    """
    so_far = SoFar.begun(context.target)
    looks, budget_s = Looks(context.clock()), parse_quantity(load.at_most, "s")
    sent_s, extra_s, part_s = 0.0, 0.0, parse_quantity(load.duration or 0.0, "s")
    while True:
        began = context.clock()
        part = load.model_copy(update={"duration": part_s, "warmup": 0.0 if looks.times else load.warmup})
        own = replace(context, seed=context.seed + len(looks.times))
        sent_s += part_s
        left_s = budget_s - (began - looks.start) - part_s - extra_s
        is_last = not _next_part_s(sent_s, left_s)
        share = looks.share_at(1.0 if is_last else 1 - left_s / budget_s)
        own = replace(own, confidence=1 - (1 - context.confidence) * share)
        values = spending(await part.part(own, so_far), share)
        open_gate = context.scene.undecided(values)
        now = context.clock()
        extra_s = max(0.0, now - began - part_s)  # workers start, the last answers come
        part_s = 0.0 if is_last else _next_part_s(sent_s, budget_s - (now - looks.start) - extra_s)
        if open_gate is None or not part_s or values.get("aborted") is True:
            return values
        context.progress(f"{part_s:.3g} s more: {open_gate}")


def _next_part_s(sent_s: float, left_s: float) -> float:
    """How long the next part is to be; 0 if there is no time for one."""
    return 0.0 if left_s < _LEAST_S else until_next_look(sent_s, left_s)


def spending(values: Values, share: float) -> Values:
    """The values, the series among them to be judged with this share of the error."""
    from pynomaly_itest.measure import Samples

    def sharing(samples: Samples) -> Samples:
        doubt = samples.doubt
        if doubt is not None and doubt.without is not None:
            doubt = replace(doubt, without=sharing(doubt.without))
        return replace(samples, error_share=share, doubt=doubt)

    return {name: sharing(value) if isinstance(value, Samples) else value for name, value in values.items()}
