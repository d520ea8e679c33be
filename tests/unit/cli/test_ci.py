"""What GitHub Actions is told: annotations outside of the stretch in which commands are stopped, and the summary."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from pynomaly_itest.cli.ci import commands_stopped, tell_github
from pynomaly_itest.events import PlannedScenario, RunFinished, RunStarted, ScenarioFinished, TargetInfo
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict


def a_run(reason: str = "it misbehaved") -> RunResult:
    started = RunStarted(
        at_s=0.0,
        run_id="r-1",
        profile="smoke",
        started_at="2026-03-14T09:26:53+00:00",
        tool_version="0.1.0",
        target=TargetInfo(kind="bundled", url="http://127.0.0.1:1"),
        seed=1,
        plan=(PlannedScenario(id="a", where="p.yaml:3"),),
    )
    end = ScenarioFinished(
        at_s=1.0, scenario="a", verdict=Verdict.FAILED, reason=reason, started_s=0.0, duration_s=1.0
    )
    return fold([started, end, RunFinished(at_s=1.0, duration_s=1.0)])


def test_elsewhere_nothing_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with commands_stopped({}):
        sys.stdout.write("::error::from a target\n")
    tell_github(a_run(), {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary")})
    assert capsys.readouterr().out == "::error::from a target\n"
    assert not (tmp_path / "summary").exists()


def test_commands_are_stopped_by_a_word_that_nobody_can_guess(capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for _ in range(2):
        with commands_stopped({"GITHUB_ACTIONS": "true"}):
            sys.stdout.write("::error::from a target\n")
        said.append(capsys.readouterr().out)
    first = re.fullmatch(
        r"::stop-commands::([0-9a-f]{32})\n::error::from a target\n::([0-9a-f]{32})::\n", said[0]
    )
    assert first is not None
    assert first[1] == first[2]
    assert said[0] != said[1]


def test_annotations_and_summary(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    summary = tmp_path / "summary"
    summary.write_text("what an earlier command wrote\n")
    tell_github(a_run(), {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)})
    assert capsys.readouterr().out.startswith("::error file=p.yaml,line=3,")
    text = summary.read_text()
    assert text.startswith("what an earlier command wrote\n## ❌ Failed: smoke")


def test_the_summary_never_outgrows_what_github_takes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    summary = tmp_path / "summary"
    summary.write_bytes(b"x" * ((1 << 20) - 100))
    tell_github(a_run(), {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)})
    assert summary.stat().st_size == (1 << 20) - 100
    assert "full" in capsys.readouterr().err


def test_a_summary_that_cannot_be_written_is_a_warning(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tell_github(a_run(), {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "no" / "summary")})
    assert "can't write the step's summary" in capsys.readouterr().err
