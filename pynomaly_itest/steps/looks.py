"""When to look at the gates while samples add up: often enough to end early, seldom enough to be cheap."""

from __future__ import annotations

from dataclasses import dataclass, field

_GROWTH = 0.6
"""So much as there is already comes between two looks."""
_SHORTEST = 0.1
"""At least so much, as a share of what is there: less would change nothing."""


def until_next_look(so_far: float, left: float) -> float:
    """How much comes before the next look, of what is left; 0 if that is too little. Seconds, or calls.

    The last look takes all that is left: no time is given away.
    """
    wanted, least = so_far * _GROWTH, so_far * _SHORTEST
    if left < least or left <= 0:
        return 0.0
    return left if left - wanted < max(least, wanted / 2) else wanted


@dataclass
class Looks:
    """The looks at the gates so far: how much of the error each may use."""

    times: list[float] = field(default_factory=list)

    def share_at(self, time: float) -> float:
        """Of the error allowed, at a look at this share of all the time there is; 1 for the last one."""
        from pynomaly_itest.measure.spending import share_of_look

        before = self.times[-1] if self.times else 0.0
        self.times.append(min(1.0, max(time, 1.01 * before, 0.01)) if before < 1 else before)
        return share_of_look(sorted(set(self.times)))
