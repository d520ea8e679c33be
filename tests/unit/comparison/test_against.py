"""A run held against a baseline: what is judged, how, and what comes of it in the run's own verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pynomaly_itest.cli.run_baseline import _build_again
from pynomaly_itest.comparison.against import Against, Place, place_of
from pynomaly_itest.comparison.baseline import Baseline, baseline_of, find, read, save
from pynomaly_itest.comparison.figures import Figure
from pynomaly_itest.comparison.metrics import Metric
from pynomaly_itest.comparison.outcome import Judged, Outcome
from pynomaly_itest.comparison.rows import KeptRows
from pynomaly_itest.comparison.workload import Question
from pynomaly_itest.errors import TargetStartFailed, UsageError
from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import (
    GateJudged,
    PlannedScenario,
    RowsLabelled,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    TargetInfo,
    TargetReady,
    read_log,
)
from pynomaly_itest.load.plan import Endpoint
from pynomaly_itest.measure import Comparison, Labels
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict

LATENCY = "detect.latency_ms.p95 <= benchmarks.detection_latency_ms"
ACCURACY = "quality.accuracy >= 0.7"
MEMORY = "target.rss_mb.max <= 512"
TARGET = TargetInfo(kind="bundled", url="http://127.0.0.1:1", version="1", build="git 0123456789ab")
GATES: dict[str, dict[str, Any]] = {
    LATENCY: {"observed": 10.0, "op": "<=", "unit": "ms", "interval": (9.0, 11.0)},
    ACCURACY: {"observed": 0.9, "op": ">=", "unit": "1", "interval": (0.89, 0.91)},
    MEMORY: {"observed": 300.0, "op": "<=", "unit": "mb"},
}


def recorded(
    path: Path, against: Against | None = None, fingerprint: str = "f", rows: Any = (), **changed: float
) -> RunResult:
    """A run of one scenario whose gates observed this; what it is held against is asked at its end."""
    log = EventLog(path, Redactor(), listeners=() if against is None else (against,))
    log.record(
        RunStarted,
        run_id="r",
        profile="performance",
        started_at="2026-01-01T00:00:00+00:00",
        tool_version="1",
        target=TARGET,
        seed=42,
        plan=(PlannedScenario(id="s", fingerprint=fingerprint),),
        reproduce="pynomaly-itest run -p performance",
    )
    log.record(TargetReady, target=TARGET, duration_s=1.0)
    for event in rows:
        log.carry(event)
    for expression, gate in GATES.items():
        word = expression.partition(".")[0]
        scale = changed.get(word, 1.0)
        interval = gate.get("interval")
        log.record(
            GateJudged,
            scenario="s",
            expression=expression,
            verdict=Verdict.PASSED,
            limit=0,
            n=100,
            confidence=0.95,
            observed=gate["observed"] * scale,
            op=gate["op"],
            unit=gate["unit"],
            interval=None if interval is None else (interval[0] * scale, interval[1] * scale),
        )
    log.record(ScenarioFinished, scenario="s", verdict=Verdict.PASSED, started_s=0.0, duration_s=1.0)
    if against is not None:
        asyncio.run(against.judge(log))
    log.record(RunFinished, duration_s=1.0)
    log.close()
    return fold(read_log(path))


@pytest.fixture
def baseline(tmp_path: Path) -> Baseline:
    return baseline_of(recorded(tmp_path / "base.jsonl"), "main", saved_at="2026-01-01")


def held(
    tmp_path: Path, baseline: Baseline, fingerprint: str = "f", why_not: str = "", **changed: Any
) -> tuple[RunResult, dict[str, str]]:
    options = {name: changed.pop(name) for name in ("remeasure", "allow_stored_latency") if name in changed}
    run = recorded(
        tmp_path / "run.jsonl", Against(baseline, why_not=why_not, **options), fingerprint, **changed
    )
    return run, {each.expression: each.verdict.value for each in run.scenarios[0].comparisons}


def judged(verdict: Verdict, change: float = 0.1) -> Outcome:
    conclusion = Comparison("p95", verdict, "told by pairs", change, 0.05, 0.15, 9, 0.03, None)
    return Outcome(
        "a",
        "b",
        (Judged(Metric("p95", "p95", "predict"), 10.0, 11.0, conclusion, 0.02, 0.05),),
        questions=(Question("predict", "s", "detect", Endpoint()),),
    )


def test_a_baseline_knows_its_build_and_figures(baseline: Baseline, tmp_path: Path) -> None:
    assert (baseline.again, baseline.verdict) == ("git:0123456789ab", "passed")
    assert [figure.kind for figure in baseline.figures] == ["time", "share", "size"]
    save(baseline, tmp_path / "kept")
    assert read(find("main", tmp_path / "kept")) == baseline


@pytest.mark.parametrize("signed", [True, False])
def test_a_folder_that_a_baseline_names_is_started_only_where_this_user_wrote_it(
    baseline: Baseline, tmp_path: Path, signed: bool
) -> None:
    build = tmp_path / "build"
    (build / "pynomaly").mkdir(parents=True)
    (build / "pynomaly" / "__init__.py").write_text("raise SystemExit('it ran')")
    file = save(baseline.model_copy(update={"again": str(build)}), tmp_path / "kept")
    if not signed:
        file.with_name(f"{file.name}.sig").unlink()
    subject, why_not = _build_again(read(file), file, "bundled")
    assert (subject is not None) is signed
    assert ("may be somebody else's" in why_not) is not signed


def test_the_same_again_passes_and_its_time_is_shown(baseline: Baseline, tmp_path: Path) -> None:
    run, verdicts = held(tmp_path, baseline, why_not="its build is gone")
    assert verdicts == {LATENCY: "skipped", ACCURACY: "passed", MEMORY: "passed"}
    assert run.verdict is Verdict.PASSED
    assert run.baseline is not None
    assert run.baseline.note == "its build is gone"
    shown = run.scenarios[0].comparisons[0]
    assert (shown.baseline, shown.observed, shown.change) == (10.0, 10.0, 0.0)
    assert "its build is gone" in shown.reason
    assert "22 to 46 %" in shown.reason


@pytest.mark.parametrize(("wrong", "verdict"), [(0, Verdict.PASSED), (200, Verdict.FAILED)])
def test_quality_is_paired_where_the_rows_are_the_same(
    baseline: Baseline, tmp_path: Path, wrong: int, verdict: Verdict
) -> None:
    actual = np.arange(1000) % 10 == 0
    found = actual ^ (np.arange(1000) < wrong)
    against = Against(baseline.model_copy(update={"rows": (kept_rows(actual, actual),)}))
    packed = Labels.of(actual, found, found).packed()
    rows = [RowsLabelled(at_s=0.0, scenario="s", name="quality", **packed)]
    run = recorded(tmp_path / "run.jsonl", against, rows=rows)
    [quality] = [each for each in run.scenarios[0].comparisons if each.expression == ACCURACY]
    assert (quality.method, quality.verdict, run.verdict) == ("paired rows", verdict, verdict)
    assert quality.change == pytest.approx(wrong / 1000)


def kept_rows(actual: Any, found: Any) -> KeptRows:
    return KeptRows(scenario="s", save="quality", **Labels.of(actual, found, found).packed())


@pytest.mark.parametrize(("word", "factor"), [("quality", 0.8), ("target", 1.2)])
def test_a_run_that_is_worse_has_failed(baseline: Baseline, tmp_path: Path, word: str, factor: float) -> None:
    run, _ = held(tmp_path, baseline, **{word: factor})
    assert run.verdict is Verdict.FAILED
    assert run.exit_code == 1
    assert "against baseline main" in (run.scenarios[0].reason or "")


def test_a_stored_time_is_judged_only_where_the_user_insists(baseline: Baseline, tmp_path: Path) -> None:
    assert held(tmp_path / "..", baseline, detect=3.0)[0].verdict is Verdict.PASSED
    run, verdicts = held(tmp_path, baseline, detect=3.0, allow_stored_latency=True)
    assert verdicts[LATENCY] == "failed"
    assert run.verdict is Verdict.FAILED


@pytest.mark.parametrize("verdict", [Verdict.PASSED, Verdict.FAILED, Verdict.INCONCLUSIVE])
def test_times_are_judged_by_measuring_again(baseline: Baseline, tmp_path: Path, verdict: Verdict) -> None:
    asked: list[frozenset[Place]] = []

    async def remeasure(wanted: frozenset[Place], say: Callable[[str], None]) -> Outcome:
        asked.append(wanted)
        return judged(verdict)

    run, verdicts = held(tmp_path, baseline, remeasure=remeasure)
    assert asked == [frozenset({("s", "detect", "p95")})]
    assert verdicts[LATENCY] == verdict.value
    assert run.verdict is verdict
    assert run.scenarios[0].comparisons[0].method == "measured again, 9 process pairs"


def test_a_baseline_that_does_not_start_leaves_it_open(baseline: Baseline, tmp_path: Path) -> None:
    async def remeasure(wanted: frozenset[Place], say: Callable[[str], None]) -> Outcome:
        raise TargetStartFailed("not ready within 180 s")

    run, verdicts = held(tmp_path, baseline, remeasure=remeasure)
    assert verdicts[LATENCY] == "inconclusive"
    assert run.verdict is Verdict.INCONCLUSIVE
    assert "not ready within 180 s" in (run.scenarios[0].reason or "")


def test_a_changed_scenario_is_not_held_against_its_former_self(baseline: Baseline, tmp_path: Path) -> None:
    _, verdicts = held(tmp_path, baseline, fingerprint="another", quality=0.5)
    assert set(verdicts.values()) == {"inconclusive"}  # nothing could be judged at all, and that is no pass


def test_what_this_run_did_not_measure_is_no_pass(baseline: Baseline, tmp_path: Path) -> None:
    extra = baseline.figures[1].model_copy(update={"expression": "quality.recall >= 0.7"})
    more = baseline.model_copy(update={"figures": (*baseline.figures, extra)})
    run, verdicts = held(tmp_path, more)
    assert verdicts["quality.recall >= 0.7"] == "inconclusive"
    assert run.verdict is Verdict.INCONCLUSIVE


def test_what_this_run_left_out_is_said(baseline: Baseline, tmp_path: Path) -> None:
    extra = baseline.figures[1].model_copy(update={"scenario": "gone"})
    run, _ = held(tmp_path, baseline.model_copy(update={"figures": (*baseline.figures, extra)}))
    assert run.baseline is not None
    assert run.baseline.note == "not run and so not held against it: gone"


@pytest.mark.parametrize(
    ("metric", "place"),
    [
        ("detect.latency_ms.p95", ("s", "detect", "p95")),
        ("detect.latency_ms.p99.9", ("s", "detect", "p99.9")),
        ("detect.latency_ms.mean", ("s", "detect", "p50")),
        ("detect.samples_per_second", ("s", "detect", "p50")),
        ("latency_ms", None),
    ],
)
def test_where_a_time_comes_from(baseline: Baseline, metric: str, place: Place | None) -> None:
    figure: Figure = baseline.figures[0].model_copy(update={"metric": metric})
    assert place_of(figure) == place


@pytest.mark.parametrize("name", ["../evil", "", "a b", ".hidden", "x" * 65])
def test_a_name_is_a_name_and_no_path(name: str, baseline: Baseline, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        find(name, tmp_path)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"schema_version": 2}', "\x00"])
def test_a_file_that_is_no_baseline_is_told(content: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(UsageError, match="is no baseline of this version"):
        read(tmp_path / "bad.json")
