"""Rounds that were never run: their logs are written here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pynomaly_itest.cli.execution import Ended
from pynomaly_itest.cli.rounds import Round
from pynomaly_itest.errors import ExitCode
from pynomaly_itest.events import (
    PlannedScenario,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    TargetInfo,
)
from pynomaly_itest.results import fold
from pynomaly_itest.verdicts import Verdict

MakeRound = Callable[..., Round]


@pytest.fixture
def round_of(tmp_path: Path) -> MakeRound:
    """A round of one scenario with this verdict, which leaves an empty folder."""

    def make(number: int, verdict: Verdict = Verdict.PASSED, reason: str | None = None) -> Round:
        result = fold(
            [
                RunStarted(
                    at_s=0.0,
                    run_id=f"r-{number}",
                    profile="smoke",
                    started_at="2026-03-14T09:26:53+00:00",
                    tool_version="0.1.0",
                    target=TargetInfo(kind="url", url="http://127.0.0.1:8000"),
                    seed=1,
                    plan=(PlannedScenario(id="health"),),
                ),
                ScenarioStarted(at_s=1.0, scenario="health"),
                ScenarioFinished(
                    at_s=2.0, scenario="health", verdict=verdict, reason=reason, started_s=1, duration_s=1
                ),
                RunFinished(at_s=3.0, duration_s=3.0),
            ]
        )
        folder = tmp_path / "reports" / f"20260314T0926{number:02d}Z-smoke"
        folder.mkdir(parents=True)
        return Round(number, result.exit_code, Ended(result.exit_code, result, folder), None, None)

    return make


@pytest.fixture
def lost_round() -> Round:
    """A round that could not be made."""
    from pynomaly_itest.errors import UsageError

    return Round(2, ExitCode.USAGE, None, UsageError("--out: no space left"), None)
