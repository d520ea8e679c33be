"""How much of anything the platform takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataLimits:
    """Limits on one dataset, or on the rows of one request.

    `max_cells` is rows times columns held in memory at once (training). `max_bytes` bounds what compressed content
    may unpack to: 8 bytes a number, and the text.
    """

    max_rows: int = 10_000_000
    max_columns: int = 2_000
    max_cells: int = 25_000_000
    max_bytes: int = 512 << 20
    max_name_bytes: int = 256 << 10
    """All column names together, as UTF-8: they are part of each answer that describes the dataset."""
