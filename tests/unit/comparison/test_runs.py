"""Two runs that were made before: what only one of them has, and what each was worth by its own gates."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from pynomaly_itest.comparison.runs import compare_runs
from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import (
    GateJudged,
    PlannedScenario,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    TargetInfo,
    TargetReady,
)
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.verdicts import Verdict

TARGET = TargetInfo(kind="bundled", url="http://127.0.0.1:1", version="1", build="git 0123456789ab")
ACCURACY, MEMORY = "quality.accuracy >= 0.7", "target.rss_mb.max <= 512"


def run(folder: Path, gates: Iterable[str], verdict: Verdict = Verdict.PASSED, *, planned: str = "s") -> Path:
    """A run of one scenario with these gates observed, and of another that was planned at most."""
    folder.mkdir()
    log = EventLog(folder / "run.jsonl", Redactor())
    log.record(
        RunStarted,
        run_id="r",
        profile="performance",
        started_at="2026-01-01T00:00:00+00:00",
        tool_version="1",
        target=TARGET,
        seed=42,
        plan=(PlannedScenario(id=planned, fingerprint="f"),),
        reproduce="pynomaly-itest run -p performance",
    )
    log.record(TargetReady, target=TARGET, duration_s=1.0)
    for expression in gates:
        is_share = expression is ACCURACY
        log.record(
            GateJudged,
            scenario=planned,
            expression=expression,
            verdict=verdict,
            limit=0,
            n=100,
            confidence=0.95,
            observed=0.9 if is_share else 300.0,
            op=">=" if is_share else "<=",
            unit="1" if is_share else "mb",
            interval=(0.89, 0.91) if is_share else None,
        )
    log.record(ScenarioFinished, scenario=planned, verdict=verdict, started_s=0.0, duration_s=1.0)
    log.record(RunFinished, duration_s=1.0)
    log.close()
    return folder


def test_the_same_figures_pass(tmp_path: Path) -> None:
    found = compare_runs(*(run(tmp_path / name, (ACCURACY, MEMORY)) for name in "ab"))
    assert (found.verdict, found.exit_code, len(found.metrics)) == (Verdict.PASSED, 0, 2)


def test_a_figure_that_only_a_has_is_no_pass(tmp_path: Path) -> None:
    """B's scenario ended before it measured that: the figures left say nothing of it."""
    found = compare_runs(run(tmp_path / "a", (ACCURACY, MEMORY)), run(tmp_path / "b", (MEMORY,)))
    assert (found.verdict, found.exit_code) == (Verdict.INCONCLUSIVE, 4)
    [missing] = [each for each in found.metrics if each.b is None]
    assert "B did not measure it" in missing.reason
    assert "quality.accuracy" in found.reason


def test_a_figure_that_only_b_has_is_said(tmp_path: Path) -> None:
    found = compare_runs(run(tmp_path / "a", (MEMORY,)), run(tmp_path / "b", (ACCURACY, MEMORY)))
    assert found.verdict is Verdict.PASSED
    assert any(note.startswith("Only in B") for note in found.notes)


def test_runs_of_other_scenarios_have_nothing_in_common(tmp_path: Path) -> None:
    found = compare_runs(run(tmp_path / "a", (MEMORY,)), run(tmp_path / "b", (MEMORY,), planned="other"))
    assert (found.verdict, found.metrics) == (Verdict.INCONCLUSIVE, ())


@pytest.mark.parametrize(
    ("verdict", "code"), [(Verdict.FAILED, 1), (Verdict.ERROR, 4), (Verdict.INCONCLUSIVE, 4)]
)
def test_a_run_that_was_bad_by_its_own_gates_is_not_as_good(
    tmp_path: Path, verdict: Verdict, code: int
) -> None:
    """An error ratio is no limit with a direction, and so no figure: half of B's requests may have failed."""
    good, bad = run(tmp_path / "a", (MEMORY,)), run(tmp_path / "b", (MEMORY,), verdict)
    found = compare_runs(good, bad)
    assert found.exit_code == code
    assert f"B is {verdict.value}" in found.reason
    assert compare_runs(bad, bad).verdict is Verdict.PASSED
    assert compare_runs(bad, good).verdict is Verdict.PASSED
