"""What a spread between process pairs lets one tell: the smallest worsening, by the number of pairs."""

from __future__ import annotations

import math

from pynomaly_itest.measure.regression import FALSE_ALARM
from pynomaly_itest.measure.sequential import LOOKS, level_of_a_look

POWER = 0.9


def smallest_told(spread: float, pairs: int, *, error: float = FALSE_ALARM, power: float = POWER) -> float:
    """The least worsening beyond what is ignored that is found with `power` after so many pairs.

    spread: standard deviation between pairs of the log ratio of the same code, at least 0. error: of the whole
    series of looks, for one metric. Student's t of pairs - 1 degrees, as the verdict itself uses.
    """
    from scipy.special import nctdtrinc, stdtrit

    if spread < 0 or pairs < 2:
        raise ValueError(f"a spread of {spread} from {pairs} pairs tells nothing")
    critical = stdtrit(pairs - 1, 1 - level_of_a_look(error))
    shift = float(nctdtrinc(pairs - 1, 1 - power, critical))  # of Student's t, in standard errors
    return math.expm1(shift * spread / math.sqrt(pairs))


def pairs_needed(
    spread: float, worsening: float, *, error: float = FALSE_ALARM, power: float = POWER
) -> int | None:
    """The first planned look at which such a worsening, beyond what is ignored, is found; None where none is."""
    return next(
        (look for look in LOOKS if smallest_told(spread, look, error=error, power=power) <= worsening), None
    )
