"""Looking more than once without fooling oneself: planned looks, and one error for several metrics.

Whoever tests after every process pair and stops at the first "significant" result finds one in time, always. So
the looks are planned, and the level of each is such that all of them together err with the probability stated
(Pocock's constant level, 1977, here for Student's t of few pairs, by simulation).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

LOOKS = (6, 9, 12, 16, 24, 36, 48)
"""Numbers of process pairs after which a verdict may fall; where time ends in between, that is the last look."""

_ERRORS = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 0.001, 0.002, 0.0025, 0.005, 0.01, 0.02, 0.025, 0.05)
_LEVELS = (
    *(1.25e-6, 2.70e-6, 7.25e-6, 1.52e-5, 3.18e-5, 8.39e-5),
    *(0.000174, 0.000361, 0.000457, 0.000960, 0.002022, 0.004328, 0.005552, 0.01218),
)
# From 20,000,000 simulated series of 48 normal pair effects: the quantile, at each error, of the least one-sided
# p-value among the seven looks. `tests/unit/measure/test_regression.py` repeats the simulation.


def level_of_a_look(error: float) -> float:
    """The one-sided level at each look that makes all of them err with probability `error`, at most 0.05.

    Between the simulated errors by interpolating the logarithms; below the least, by proportion (which is stricter).
    """
    if not 0 < error <= _ERRORS[-1]:
        raise ValueError(f"an error must be above 0 and at most {_ERRORS[-1]}, not {error}")
    if error <= _ERRORS[0]:
        return _LEVELS[0] * (error / _ERRORS[0]) * 0.9
    above = next(number for number, known in enumerate(_ERRORS) if known >= error)
    share = math.log(error / _ERRORS[above - 1]) / math.log(_ERRORS[above] / _ERRORS[above - 1])
    return math.exp(math.log(_LEVELS[above - 1]) + share * math.log(_LEVELS[above] / _LEVELS[above - 1]))


def next_look(pairs: int) -> int | None:
    """The number of pairs at the next planned look after `pairs`; None when there is none left."""
    return next((look for look in LOOKS if look > pairs), None)


def rejected_by_holm(p_values: Mapping[str, float], error: float) -> frozenset[str]:
    """Which hypotheses fall, all together erring with probability `error` at most (Holm 1979), over all looks.

    p_values: one-sided, at one look. The smallest is held against the level of error / m, the next of
    error / (m - 1), and so on until one stands.
    """
    fallen: list[str] = []
    for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        if not p <= level_of_a_look(error / (len(p_values) - rank)):
            break
        fallen.append(name)
    return frozenset(fallen)
