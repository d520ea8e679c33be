"""What happens to a run as a whole: it begins, has a target, is held against a baseline, ends."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pynomaly_itest.events.parts import Event, PlannedScenario, TargetInfo

LOG_VERSION = 1


class RunStarted(Event):
    event: Literal["run_started"] = "run_started"
    log_version: int = LOG_VERSION
    run_id: str
    profile: str
    profile_files: tuple[str, ...] = ()
    description: str = ""
    started_at: str
    tool_version: str
    target: TargetInfo
    seed: int
    confidence: float = 0.95
    inconclusive_passes: bool = False
    fail_on: str = "high"
    require_checks: str | None = None
    plan: tuple[PlannedScenario, ...]
    deselected: int = 0
    benchmarks: dict[str, float] = Field(default_factory=dict)
    environment: dict[str, str] = Field(default_factory=dict)
    reproduce: str = ""
    arguments: tuple[str, ...] = ()


class TargetReady(Event):
    event: Literal["target_ready"] = "target_ready"
    target: TargetInfo
    duration_s: float


class TargetSampled(Event):
    """The target's process tree: resident memory in MiB, CPU in percent of one core, threads, descriptors."""

    event: Literal["target_sampled"] = "target_sampled"
    rss_mb: float
    cpu_percent: float | None = None
    threads: int | None = None
    descriptors: int | None = None


class Warned(Event):
    """Something the reader should know that is no verdict (a noisy machine, a folder left behind)."""

    event: Literal["warned"] = "warned"
    message: str


class BaselineUsed(Event):
    """What the run is held against. `build` says which platform the baseline was measured on."""

    event: Literal["baseline_used"] = "baseline_used"
    name: str
    run_id: str
    saved_at: str
    version: str | None = None
    build: str = ""
    note: str = ""


class RunInterrupted(Event):
    event: Literal["run_interrupted"] = "run_interrupted"
    reason: str


class RunAborted(Event):
    """The run could not go on: the target is not there (exit 3), or the tool has a bug (exit 70)."""

    event: Literal["run_aborted"] = "run_aborted"
    exit_code: int
    message: str
    hint: str | None = None
    traceback: str | None = None


class RunFinished(Event):
    event: Literal["run_finished"] = "run_finished"
    duration_s: float


RunEvent = (
    RunStarted
    | TargetReady
    | TargetSampled
    | Warned
    | BaselineUsed
    | RunInterrupted
    | RunAborted
    | RunFinished
)
