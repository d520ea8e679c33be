"""How a plan is to be run."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from pynomaly_itest.adapters.base import Adapter
from pynomaly_itest.carrying import Carried
from pynomaly_itest.datasets.base import Dataset
from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import TargetInfo
from pynomaly_itest.isolation import FreshTarget
from pynomaly_itest.probing.options import ProbeOptions


@dataclass(frozen=True)
class RunOptions:
    """How to run a plan. `reproduce` is a command that does it again, without secrets; `files` are the datasets
    that were read from files already."""

    run_id: str
    seed: int = 42
    jobs: int = 1
    maxfail: int | None = None
    timeout_s: float | None = None
    inconclusive_passes: bool = False
    reproduce: str = ""
    arguments: tuple[str, ...] = ()
    carried: Carried = field(default_factory=dict, repr=False)
    carried_target: TargetInfo | None = None
    isolate: bool = False
    fresh_target: FreshTarget | None = None
    probing: ProbeOptions = field(default_factory=ProbeOptions)
    files: Mapping[str, Dataset] = field(default_factory=dict, repr=False)
    adapter: Adapter | None = None
    """How the service is spoken to, where it is not the platform."""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    require_checks: str | None = None
    """A check of this severity or worse that was not made leaves the run inconclusive; None: as the profile says."""
    warnings: tuple[str, ...] = ()
    """What is amiss before it begins, and told in the reports."""
    afterwards: Callable[[EventLog], Awaitable[None]] | None = None
    """What is to be done when all scenarios are over, such as holding them against a baseline."""

    def left_s(self, now_s: float) -> float | None:
        """How long the run may still take, `now_s` after it began; None where nothing limits it."""
        return None if self.timeout_s is None else self.timeout_s - now_s
