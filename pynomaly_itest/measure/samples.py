"""What was measured, before anything is concluded from it: one name, one unit, every value in its order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pynomaly_itest.measure.estimate import Doubt
from pynomaly_itest.measure.histogram import Histogram, merged

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]

RAW_LIMIT = 1_000_000
"""Up to here every value is kept; beyond, counts in windows of time (see `Histogram`)."""

_WINDOWS_WHEN_FOLDED = 64


@dataclass(frozen=True, eq=False)
class Samples:
    """An immutable, named series of observations of one quantity.

    values: (n,) float32 or float64, in the order observed, read-only; empty once `windows` hold them.
    times_s: (n,) when each was observed, seconds from the start of the measurement; None where unknown.
    duration_s: how long was observed, for rates; None where unknown.
    windows: consecutive windows of time as histograms, instead of more than a million values.
    doubt: why no verdict against the target should rest on them, where there is a reason.
    error_share: which part of the error that a gate allows may be spent on them: less than 1 where the gates were
    looked at before, to see whether there are samples enough.
    """

    name: str
    unit: str
    values: FloatArray
    times_s: FloatArray | None = None
    duration_s: float | None = None
    windows: tuple[Histogram, ...] = ()
    doubt: Doubt | None = None
    error_share: float = 1.0

    @classmethod
    def of(
        cls,
        name: str,
        values: Iterable[float] | FloatArray,
        unit: str,
        *,
        times_s: Iterable[float] | FloatArray | None = None,
        duration_s: float | None = None,
        error_share: float = 1.0,
    ) -> Samples:
        """Samples from any iterable of numbers; ValueError unless there is one time a value, or none."""
        import numpy as np

        raw = _as_floats(values)
        stamps = None if times_s is None else _as_floats(times_s)
        if stamps is not None and stamps.size != raw.size:
            raise ValueError(f"{name}: {stamps.size} times for {raw.size} values")
        if raw.size > RAW_LIMIT and bool(np.isfinite(raw).all()):
            parts = np.array_split(raw, _WINDOWS_WHEN_FOLDED)
            folded = cls.folded(name, [_histogram_of(part) for part in parts], unit, duration_s=duration_s)
            return replace(folded, error_share=error_share)
        raw.setflags(write=False)
        return cls(name, unit, raw, stamps, duration_s, error_share=error_share)

    @classmethod
    def folded(
        cls, name: str, windows: Sequence[Histogram], unit: str, *, duration_s: float | None = None
    ) -> Samples:
        """Samples kept as one histogram a window of time, in order."""
        import numpy as np

        return cls(name, unit, np.empty(0), None, duration_s, tuple(windows))

    @property
    def n(self) -> int:
        """How many observations there are."""
        return sum(window.n for window in self.windows) if self.windows else int(self.values.size)

    def confidence(self, asked: float) -> float:
        """How sure a judgement on these samples must be, for all looks at them together to be as sure as asked."""
        return 1 - (1 - asked) * self.error_share

    @property
    def is_folded(self) -> bool:
        return bool(self.windows)

    def histogram(self) -> Histogram:
        """All observations as counts; raises ValueError if any is not finite."""
        return merged(self.windows) if self.windows else _histogram_of(self.values)

    def __len__(self) -> int:
        return self.n


def _as_floats(values: Iterable[float] | FloatArray) -> FloatArray:
    """An own one-dimensional copy: float32 stays what it is, all else becomes float64."""
    import numpy as np

    if isinstance(values, np.ndarray):
        if values.dtype == np.float32:
            return np.array(values, dtype=np.float32).reshape(-1)
        return np.array(values, dtype=np.float64).reshape(-1)
    return np.fromiter((float(value) for value in values), dtype=np.float64)


def _histogram_of(values: FloatArray) -> Histogram:
    histogram = Histogram()
    histogram.record(values)
    return histogram
