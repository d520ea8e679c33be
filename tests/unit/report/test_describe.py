"""The document: margins, cuts and texts, worked out once for all formats."""

from __future__ import annotations

import math

import pytest
from report_builders import FINISHED, ended, gate, one, started
from report_samples import HOSTILE

from pynomaly_itest.events import DiagnosticsCollected, Exchange, StepFinished, StepStarted
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.gates import margin_of
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict


@pytest.mark.parametrize(
    ("op", "observed", "limit", "margin"),
    [
        ("<=", 61.2, 50, -11.2),
        ("<", 50, 50, 0.0),
        (">=", 0.83, 0.6, 0.23),
        (">", 0.5, 0.6, -0.1),
        ("==", 0.02, 0, -0.02),
        ("==", 0, 0, 0.0),
        ("!=", 1, 0, None),
        (None, 1, 2, None),
        ("<=", None, 50, None),
        ("<=", math.nan, 50, None),
        ("<=", True, 50, None),
        ("<=", "8", 50, None),
    ],
)
def test_margin(op: str | None, observed: object, limit: object, margin: float | None) -> None:
    assert margin_of(gate("a", op=op, observed=observed, limit=limit)) == margin


def test_margin_in_percent_of_the_limit() -> None:
    run = one(Verdict.FAILED, gate("a", Verdict.FAILED, op="<=", observed=61.2, limit=50))
    assert describe(run).scenarios[0].gates[0].margin_percent == -22.4
    run = one(Verdict.FAILED, gate("a", Verdict.FAILED, op="==", observed=1, limit=0))
    assert describe(run).scenarios[0].gates[0].margin_percent is None


def test_an_equality_has_no_margin_in_percent() -> None:
    """404 for 200 is not "102 % off"; what holds has no room that could be the least of all."""
    missed = describe(one(Verdict.FAILED, gate("a", Verdict.FAILED, op="==", observed=404, limit=200)))
    assert (missed.scenarios[0].gates[0].margin, missed.scenarios[0].gates[0].margin_percent) == (-204, None)
    held = describe(one(Verdict.PASSED, gate("a", op="==", observed=200, limit=200)))
    assert (held.scenarios[0].gates[0].margin, held.scenarios[0].gates[0].margin_percent) == (0, None)


def test_open_intervals_have_no_infinities() -> None:
    shown = describe(one(Verdict.PASSED, gate("a", interval=(9.0, math.inf)))).scenarios[0].gates[0]
    assert shown.interval == (9.0, None)


def test_no_control_character_is_left_anywhere(run: RunResult) -> None:
    text = describe(run).model_dump_json()
    assert "\\u001b" not in text
    assert "\\u0000" not in text
    assert "\u202e" not in text


def test_the_step_under_way_is_shown_as_an_error() -> None:
    begun = StepStarted(at_s=1.2, scenario="a", index=0, phase="steps", kind="load")
    step = describe(one(Verdict.ERROR, begun, reason="timed out after 30 s")).scenarios[0].steps[0]
    assert (step.kind, step.verdict, step.duration_s) == ("load", Verdict.ERROR, 0.8)
    assert step.reason == "had not ended: timed out after 30 s"


def _failed_step(index: int, body: str) -> StepFinished:
    return StepFinished(
        at_s=1.5,
        scenario="a",
        index=index,
        phase="steps",
        kind="request",
        verdict=Verdict.FAILED,
        started_s=1.1,
        duration_s=0.1,
        exchange=Exchange(method="GET", url="http://127.0.0.1/", status=500, reply_body=body),
    )


def _bodies(run: RunResult) -> list[int]:
    exchanges = [step.exchange for step in describe(run).scenarios[0].steps]
    return [len(exchange.reply_body or "") for exchange in exchanges if exchange is not None]


def test_bodies_are_cut_the_more_the_more_there_are() -> None:
    body = "x" * 50_000
    alone = _bodies(one(Verdict.FAILED, _failed_step(0, body)))
    many = _bodies(one(Verdict.FAILED, *(_failed_step(i, body) for i in range(200))))
    assert 4_000 <= alone[0] < 4_100
    assert sum(many) < 250_000


def test_of_a_long_log_the_last_lines_are_kept() -> None:
    lines = tuple(f"line {i}" for i in range(500))
    shown = describe(
        one(Verdict.FAILED, DiagnosticsCollected(at_s=1.5, scenario="a", title="log", lines=lines))
    )
    kept = shown.scenarios[0].diagnostics[0].lines
    assert kept[-1] == "line 499"
    assert kept[0] == "… 440 earlier lines are in the event log"


def test_a_repeated_scenario_is_asked_for_without_its_number() -> None:
    document = describe(fold([started("health#2"), *ended("health#2", Verdict.PASSED), FINISHED]))
    assert document.scenarios[0].reproduce.endswith(" --scenario health")


def test_a_command_reproduces_each_scenario(run: RunResult) -> None:
    document = describe(run)
    assert document.scenarios[1].reproduce == (
        "pynomaly-itest run --profile performance --target bundled --seed 42 "
        "--scenario 'detection-latency-001[algorithm=local_outlier_factor]'"
    )
    without = describe(one(Verdict.PASSED))
    assert without.reproduce == ("pynomaly-itest run --profile smoke --target http://127.0.0.1:8000 --seed 1")


def test_a_traceback_stays_in_the_log(run: RunResult) -> None:
    assert "traceback" not in describe(run).model_dump_json()


def test_hostile_text_survives_as_text(run: RunResult) -> None:
    assert "</script><script>alert(1)</script>" in HOSTILE
    assert any("<script>alert(1)" in (step.reason or "") for step in describe(run).scenarios[5].steps)
