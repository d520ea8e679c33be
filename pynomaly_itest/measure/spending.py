"""Looking at the same gates again and again, as samples add up: how much of the error each look may spend.

A spending function gives the error that all looks up to a share t of the time may make together (Lan & DeMets 1983);
here t itself, between Pocock's, which spends most of it early, and O'Brien & Fleming's, which keeps nearly all for the
last look. What is left of it for one look, after those before, follows from how the looks hang together: their
statistics are those of a Brownian motion (Armitage, McPherson & Rowe 1969, by numerical integration).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

_ERROR = 0.01
"""For this error the shares are worked out; of a larger one they are a little stricter than they need be."""
_POINTS = 201


def share_of_look(times: Sequence[float]) -> float:
    """Which share of the error allowed the last of these looks may use, so that all of them keep it together.

    times: of each look so far, as shares of all the time there is, rising; the last look of all is at 1.
    """
    if not times or not all(before < time for before, time in pairwise([0.0, *times])):
        raise ValueError(f"looks come one after another, not at {list(times)}")
    return _share(tuple(round(min(1.0, time), 4) for time in times))


@lru_cache(maxsize=256)
def _share(times: tuple[float, ...]) -> float:
    import numpy as np
    from scipy.special import ndtr

    grid, density = np.zeros(1), np.ones(1)
    spent = before = 0.0
    reach = 0.0
    for time in times:
        allowed = max(1e-9, _ERROR / 2 * (time - spent))
        step = math.sqrt(max(1e-6, time - before))
        low, high = 0.0, 12.0 * math.sqrt(time)
        while high - low > 1e-6:
            reach = (low + high) / 2
            crossing = float(density @ ndtr((grid - reach) / step))
            low, high = (reach, high) if crossing > allowed else (low, reach)
        points = np.linspace(-reach, reach, _POINTS)
        apart = np.exp(-(((points[:, None] - grid[None, :]) / step) ** 2) / 2) / (
            step * math.sqrt(2 * math.pi)
        )
        density = (apart @ density) * (points[1] - points[0])
        density[[0, -1]] /= 2
        grid, spent, before = points, time, time
    return min(1.0, 2 * float(ndtr(-reach / math.sqrt(times[-1]))) / _ERROR)
