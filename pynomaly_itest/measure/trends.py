"""Slopes with confidence: does memory grow, and with what power of the rows does time?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pynomaly_itest.measure.correlation import inflation
from pynomaly_itest.measure.estimate import Estimate, no_data
from pynomaly_itest.measure.samples import Samples

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]

_FEWEST_POINTS = 4


def slope(samples: Samples, *, confidence: float = 0.95) -> Estimate:
    """Growth of the values a second (a sample's number where times are unknown), by least squares.

    The interval allows for correlated residuals (Newey & West 1987, Bartlett weights, their bandwidth rule of
    1994) and uses Student's t of as many degrees as there are independent stretches.
    """
    import numpy as np

    y = samples.values.astype(np.float64)
    unit = f"{samples.unit}/s" if samples.times_s is not None else f"{samples.unit}/sample"
    if y.size < _FEWEST_POINTS or not np.isfinite(y).all():
        return no_data(unit) if y.size == 0 else Estimate(float("nan"), unit, y.size, method="too few points")
    x = np.arange(y.size, dtype=np.float64)
    if samples.times_s is not None:
        x = np.asarray(samples.times_s, dtype=np.float64)
    return _least_squares(x, y, unit, confidence, bandwidth=_bandwidth(y.size))


def scaling_exponent(sizes: FloatArray, costs: FloatArray, *, confidence: float = 0.95) -> Estimate:
    """The exponent b of cost = a * size**b, by least squares of the logarithms; 1 is linear.

    sizes, costs: (n,) positive, n >= 4 over at least two sizes; repeats of a size sharpen the interval.
    Raises ValueError where shapes differ or a value is not positive.
    """
    import numpy as np

    x, y = np.asarray(sizes, dtype=np.float64), np.asarray(costs, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"sizes {x.shape} and costs {y.shape} must be two series of one length")
    if x.size == 0:
        return no_data("1")
    if not (np.isfinite(x) & np.isfinite(y) & (x > 0) & (y > 0)).all():
        raise ValueError("an exponent is defined for positive, finite sizes and costs only")
    if x.size < _FEWEST_POINTS or np.ptp(x) == 0:
        return Estimate(float("nan"), "1", x.size, method="too few points")
    return _least_squares(np.log(x), np.log(y), "1", confidence, bandwidth=0)


def _bandwidth(n: int) -> int:
    return max(1, int(4 * math.exp(math.log(n / 100) * 2 / 9)))


def _least_squares(x: FloatArray, y: FloatArray, unit: str, confidence: float, *, bandwidth: int) -> Estimate:
    import numpy as np
    from scipy.special import stdtrit

    n = x.size
    centred = x - x.mean()
    spread = float(np.dot(centred, centred))
    if spread == 0:
        return Estimate(float("nan"), unit, n, method="all at one time")
    value = float(np.dot(centred, y) / spread)
    residuals = y - y.mean() - value * centred
    memory = inflation(residuals, confidence=confidence) if bandwidth else 1.0
    if memory > 1:
        bandwidth = max(bandwidth, min(n // 4, math.ceil(2 * memory)))
    scores = centred * residuals
    variance = float(np.dot(scores, scores))
    for lag in range(1, min(bandwidth, n - 1) + 1):
        variance += 2 * (1 - lag / (bandwidth + 1)) * float(np.dot(scores[lag:], scores[:-lag]))
    variance *= n / (n - 2)
    # Newey and West are known to say too little of long memory: never less than the residuals' inflation says
    least = float(np.dot(residuals, residuals)) / (n - 2) * spread * memory
    variance = max(variance, least)
    error = math.sqrt(variance) / spread
    degrees = max(2.0, (n - 2) / (1 + bandwidth))
    reach = float(stdtrit(degrees, (1 + confidence) / 2)) * error
    method = "least squares, Newey-West" if bandwidth else "least squares of logarithms"
    return Estimate(value, unit, n, value - reach, value + reach, confidence, method, n_effective=degrees + 2)
