"""How much of anything the platform takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataLimits:
    """Limits on one dataset; `max_cells` is rows times columns held in memory at once (training)."""

    max_rows: int = 10_000_000
    max_columns: int = 2_000
    max_cells: int = 25_000_000
