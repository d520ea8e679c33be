"""What looks into the platform's process while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from pynomaly_itest.target.coverage import Coverage
from pynomaly_itest.target.profiler import Profiler


@dataclass(frozen=True)
class Instruments:
    """Which lines ran, and where the time went; None where nobody asked."""

    coverage: Coverage | None = None
    profiler: Profiler | None = None
