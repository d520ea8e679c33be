"""A load that is put on again, longer, while a gate on it is open and time is left."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pynomaly_itest.profile.expression import parse_quantity

if TYPE_CHECKING:
    from pynomaly_itest.steps.base import StepContext, Values
    from pynomaly_itest.steps.load import Load


async def until_decided(load: Load, context: StepContext) -> Values:
    """The figures of the first load after which every gate on them is decided, or of the last that fits in the time.

    Each load is twice as long as the one before, and counts alone. Each look at the gates spends half of the error
    that is left: looking again does not make a pass likelier.
    """
    start = context.clock()
    budget_s = parse_quantity(load.at_most, "s")
    share = 1.0
    while True:
        share /= 2
        asked = 1 - (1 - context.confidence) * share
        began = context.clock()
        values = spending(await load.once(replace(context, confidence=asked)), share)
        open_gate = context.scene.undecided(values)
        took_s = context.clock() - began
        if open_gate is None or context.clock() - start + 2 * took_s > budget_s:
            return values
        context.progress(f"again, twice as long: {open_gate}")
        load = load.model_copy(update={"duration": 2 * parse_quantity(load.duration or 0.0, "s")})


def spending(values: Values, share: float) -> Values:
    """The values, the series among them to be judged with this share of the error."""
    from pynomaly_itest.measure import Samples

    def sharing(samples: Samples) -> Samples:
        doubt = samples.doubt
        if doubt is not None and doubt.without is not None:
            doubt = replace(doubt, without=sharing(doubt.without))
        return replace(samples, error_share=share, doubt=doubt)

    return {name: sharing(value) if isinstance(value, Samples) else value for name, value in values.items()}
