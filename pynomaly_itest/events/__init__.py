"""What happened, in the past tense: the event log is the single source of truth for everything that is shown.

Events are written one JSON object a line as they happen, so that a crash, a kill or Ctrl-C loses at most the
event being written. Nothing reads a run's outcome from anywhere else.
"""

from __future__ import annotations

from pynomaly_itest.events.lines import decode, encode, read_log, with_texts
from pynomaly_itest.events.parts import Exchange, PlannedCheck, PlannedScenario, TargetInfo
from pynomaly_itest.events.run import (
    BaselineUsed,
    RunAborted,
    RunFinished,
    RunInterrupted,
    RunStarted,
    TargetReady,
    TargetSampled,
    Warned,
)
from pynomaly_itest.events.scenario import (
    BaselineCompared,
    CurvesRecorded,
    DiagnosticsCollected,
    FaultInjected,
    FindingRecorded,
    GateJudged,
    MetricRecorded,
    ResourceCreated,
    ResourceRemoved,
    RowsLabelled,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepStarted,
)

__all__ = [
    "BaselineCompared",
    "BaselineUsed",
    "CurvesRecorded",
    "DiagnosticsCollected",
    "Exchange",
    "FaultInjected",
    "FindingRecorded",
    "GateJudged",
    "MetricRecorded",
    "PlannedCheck",
    "PlannedScenario",
    "ResourceCreated",
    "ResourceRemoved",
    "RowsLabelled",
    "RunAborted",
    "RunFinished",
    "RunInterrupted",
    "RunStarted",
    "ScenarioFinished",
    "ScenarioStarted",
    "StepFinished",
    "StepStarted",
    "TargetInfo",
    "TargetReady",
    "TargetSampled",
    "Warned",
    "decode",
    "encode",
    "read_log",
    "with_texts",
]
