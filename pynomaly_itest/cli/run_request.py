"""What the user asked of a run, as its flags said it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pynomaly_itest.cli.console import Loudness
from pynomaly_itest.cli.run_baseline import BaselineFlags
from pynomaly_itest.cli.safety import Safety
from pynomaly_itest.transport.tls import SYSTEM, Tls


@dataclass(frozen=True)
class RunRequest:
    """How a plan shall be run, against what, and what shall come of it."""

    target: str
    user: str | None
    seed: int
    jobs: int
    maxfail: int | None
    timeout_s: float | None
    inconclusive_passes: bool
    formats: tuple[str, ...]
    out: Path
    loudness: Loudness
    reproduce: str
    tls: Tls = SYSTEM
    isolate: bool = False
    coverage: tuple[str, ...] = ()
    profiler: bool = False
    arguments: tuple[str, ...] = ()
    resume_from: Path | None = None
    safety: Safety = field(default_factory=Safety)
    baseline: BaselineFlags = field(default_factory=BaselineFlags)
