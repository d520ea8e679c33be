"""What a cut-off run had finished is carried over; what it had not, and what has changed, is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pynomaly_itest.carrying import carried_from, difference, fingerprint_of
from pynomaly_itest.cli.invocation import again, without_number
from pynomaly_itest.errors import Place, UsageError
from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import (
    PlannedScenario,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    TargetInfo,
    read_log,
)
from pynomaly_itest.profile.expression import parse
from pynomaly_itest.profile.model import DatasetSpec, Gate, Scenario, StepCall
from pynomaly_itest.profile.source import Source
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.verdicts import Verdict

STARTED: dict[str, Any] = {
    "run_id": "r",
    "profile": "p",
    "started_at": "2024-01-01T00:00:00Z",
    "tool_version": "0",
    "target": TargetInfo(kind="bundled", url="http://127.0.0.1"),
    "seed": 1,
}


def log_of(folder: Path, *finished: tuple[str, Verdict, bool]) -> Path:
    """A log of a run that planned a, b, c and finished these; the last part: whether it had begun."""
    log = EventLog(folder / "run.jsonl", Redactor())
    plan = tuple(
        PlannedScenario(id=scenario.id, fingerprint=fingerprint_of(scenario, {}))
        for scenario in plan_of("a", "b", "c").scenarios
    )
    log.record(RunStarted, plan=plan, **STARTED)
    for name, verdict, begun in finished:
        if begun:
            log.record(ScenarioStarted, scenario=name)
        log.record(ScenarioFinished, scenario=name, verdict=verdict, started_s=0.0, duration_s=0.0)
    log.record(ScenarioStarted, scenario="c")
    log.close()
    return folder / "run.jsonl"


def plan_of(*names: str, gate: str = "x.n >= 1", rows: int = 5) -> Any:
    at = Source(Place("p.yaml", 1))
    call = StepCall("predict", {"rows": rows}, at)
    scenarios = [
        Scenario(
            id=name,
            title="",
            tags=(),
            requires=(),
            matrix={},
            benchmarks={},
            vars={},
            steps=(call,),
            gates=(Gate(parse(gate), at),),
            source=at,
        )
        for name in names
    ]
    datasets = {"d": DatasetSpec("d", "gaussian", {"rows": 5}, ".")}
    return SimpleNamespace(scenarios=scenarios, datasets=datasets)


def test_finished_scenarios_are_carried_and_skipped_or_begun_ones_are_not(tmp_path: Path) -> None:
    path = log_of(tmp_path, ("a", Verdict.FAILED, True), ("b", Verdict.SKIPPED, False))
    carried = carried_from(path, plan_of("a", "b", "c"))
    assert {name: len(events) for name, events in carried.items()} == {"a": 2}


def test_what_was_never_begun_is_no_result(tmp_path: Path) -> None:
    path = log_of(tmp_path, ("a", Verdict.ERROR, False))
    assert carried_from(path, plan_of("a", "b", "c")) == {}


@pytest.mark.parametrize(
    "plan", [plan_of("a", "b"), plan_of("a", "b", "c", gate="x.n >= 0"), plan_of("a", "b", "c", rows=6)]
)
def test_another_plan_is_refused(tmp_path: Path, plan: Any) -> None:
    with pytest.raises(UsageError, match="the profile has changed"):
        carried_from(log_of(tmp_path), plan)


def test_other_demands_on_the_evidence_are_another_plan() -> None:
    scenario = plan_of("a").scenarios[0]
    stricter = [replace(scenario.gates[0], **more) for more in ({"min_samples": 9}, {"confidence": 0.99})]
    found = {fingerprint_of(replace(scenario, gates=(gate,)), {}) for gate in (*scenario.gates, *stricter)}
    assert len(found) == 3


def test_other_data_are_another_plan(tmp_path: Path) -> None:
    at, file = Source(Place("p.yaml", 1)), tmp_path / "d.csv"
    call = StepCall("upload_dataset", {"dataset": "d"}, at)
    scenario = replace(plan_of("a").scenarios[0], steps=(call,))
    file.write_text("1,2")
    specs = [
        DatasetSpec("d", "gaussian", {"rows": 5}, "."),
        DatasetSpec("d", "gaussian", {"rows": 6}, "."),
        DatasetSpec("d", "file", {"path": str(file)}, "."),
    ]
    before = [fingerprint_of(scenario, {"d": spec}) for spec in specs]
    assert len(set(before)) == 3
    moved = file.rename(tmp_path / "moved.csv")
    assert fingerprint_of(scenario, {"d": replace(specs[2], config={"path": str(moved)})}) == before[2]
    moved.write_text("1,3")
    assert fingerprint_of(scenario, {"d": replace(specs[2], config={"path": str(moved)})}) != before[2]


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ({}, {}, None),
        ({"version": "1"}, {"version": "2"}, "version was 1, and is 2"),
        ({"kind": "bundled", "url": "http://a:1"}, {"kind": "bundled", "url": "http://a:2"}, None),
        ({"url": "http://a:1"}, {"url": "http://a:2"}, "url was http://a:1, and is http://a:2"),
    ],
)
def test_another_target_is_told(then: dict[str, str], now: dict[str, str], told: str | None) -> None:
    usual = {"kind": "url", "url": "http://a"}
    assert difference(TargetInfo(**(usual | then)), TargetInfo(**(usual | now))) == told


def test_a_workflow_that_was_rewritten_is_another_plan(tmp_path: Path) -> None:
    at = Source(Place(str(tmp_path / "p.yaml"), 1))
    call = StepCall("python", {"workflow": "flows.py::check"}, at)
    scenario = replace(plan_of("a").scenarios[0], steps=(call,))
    file = tmp_path / "flows.py"
    file.write_text("async def check(): assert True")
    before = fingerprint_of(scenario, {})
    assert fingerprint_of(scenario, {}) == before
    file.write_text("async def check(): assert False")
    assert fingerprint_of(scenario, {}) != before


def test_a_carried_event_keeps_its_own_time(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    events = list(read_log(log_of(tmp_path / "old", ("a", Verdict.PASSED, True))))
    log = EventLog(tmp_path / "new.jsonl", Redactor(), clock=iter([0.0, 100.0]).__next__)
    log.carry(events[1])
    log.close()
    assert next(iter(read_log(tmp_path / "new.jsonl"))) == events[1]


def started(*arguments: str) -> RunStarted:
    return RunStarted(at_s=0.0, plan=(), arguments=arguments, reproduce="pynomaly-itest run -p x", **STARTED)


def test_again_replaces_the_selection_by_ids_and_keeps_the_rest() -> None:
    first = started("--profile", "e2e", "--scenario", "x", "--jobs", "2")
    assert again(first, ["a[m=1]"]) == ["run", "--profile", "e2e", "--jobs", "2", "--scenario", "a[m=1]"]
    assert again(first) == ["run", "--profile", "e2e", "--scenario", "x", "--jobs", "2"]


def test_again_says_what_it_can_not_know() -> None:
    with pytest.raises(UsageError, match="doesn't hold its flags"):
        again(started())
    with pytest.raises(UsageError, match="held a secret"):
        again(started("--set", "target.settings.redis_url=redis://[redacted]@host"))


def test_a_repeated_scenario_is_named_without_its_number() -> None:
    assert [without_number(name) for name in ("a#2", "a[x=#1]", "a")] == ["a", "a[x=#1]", "a"]
