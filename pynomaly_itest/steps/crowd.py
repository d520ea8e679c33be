"""Times on a crowded machine are too high if anything: a limit they keep is kept, one they break may not be broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pynomaly_itest.steps.base import Values

if TYPE_CHECKING:
    from pynomaly_itest.measure import Doubt, Estimate
    from pynomaly_itest.target.base import Target
    from pynomaly_itest.target.neighbours import Usage

_TIMES = ("ms", "s")
_RATES = ("rate", "goodput", "goodput_ratio", "requests_per_second", "samples_per_second")


class Crowd:
    """Watches from now on how much of the machine others take."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._before = self._usage()

    def doubting(self, values: Values) -> Values:
        """The values, and who had the machine since; where others took too much, times and rates carry the doubt."""
        from pynomaly_itest.target.neighbours import Shares

        shares = Shares.between(self._before, self._usage())
        if shares is None:
            return values
        found = values if shares.crowding is None else doubted(values, shares.crowding)
        return {**found, "others_share": shares.others, "idle_share": shares.idle}

    def _usage(self) -> Usage | None:
        from pynomaly_itest.target.neighbours import Usage

        return Usage.now(self._target.root_pid())


def doubted(values: Mapping[str, Any], why: str) -> Values:
    """The values, with times too high if anything, and rates too low; a doubt that is there is joined."""
    from pynomaly_itest.measure import Doubt, Estimate, Samples

    high, low = Doubt(why, "high"), Doubt(why, "low")
    out: Values = {}
    for name, value in values.items():
        if isinstance(value, Samples) and value.unit in _TIMES:
            out[name] = replace(value, doubt=_joined(value.doubt, high))
        elif name in _RATES and isinstance(value, Estimate):
            out[name] = replace(value, doubt=_joined(value.doubt, low))
        elif name in _RATES and callable(value):
            out[name] = _Doubted(value, low)
        else:
            out[name] = value
    return out


def _joined(there: Doubt | None, new: Doubt) -> Doubt:
    """Both doubts in one. What a time would be without the first alone settles nothing while there is the second."""
    if there is None:
        return new
    reason = f"{there.reason}; {new.reason}"
    return replace(new, reason=reason, side=new.side if there.side == new.side else "either")


class _Doubted:
    """An inference whose estimates carry a doubt."""

    def __init__(self, inference: Any, doubt: Doubt) -> None:
        self._inference = inference
        self._doubt = doubt

    def __call__(self, confidence: float) -> Estimate:
        estimate: Estimate = self._inference(confidence)
        return replace(estimate, doubt=_joined(estimate.doubt, self._doubt))
