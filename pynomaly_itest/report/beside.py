"""What lies beside a run's log: the flame graph and the coverage that its instruments left there."""

from __future__ import annotations

from pathlib import Path

KNOWN = {
    "flamegraph.svg": "Flame graph of the platform's process",
    "coverage/html/index.html": "Coverage of the platform, line by line",
    "coverage/coverage.xml": "Coverage of the platform as XML",
}
"""Each file that is linked, as seen from the run's folder, and what it is."""


def beside(folder: Path) -> tuple[str, ...]:
    """Those of the known files that are there."""
    return tuple(name for name in KNOWN if (folder / name).is_file())
