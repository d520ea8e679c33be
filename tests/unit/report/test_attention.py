"""What is not a pass is never missing from what needs attention, and the worst comes first."""

from __future__ import annotations

import pytest
from report_builders import FINISHED, INTERRUPTED, ended, finding, gate, one, started

from pynomaly_itest.events import StepFinished
from pynomaly_itest.report.attention import causes, concerns, noted
from pynomaly_itest.report.causes import numberless
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.plain import concern_lines
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict

_NOT_A_PASS = (Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE)


@pytest.mark.parametrize("verdict", _NOT_A_PASS)
def test_a_scenario_without_a_culprit_is_its_own_concern(verdict: Verdict) -> None:
    found = concerns(describe(one(verdict, gate("a"), reason="why not")))
    assert [(c.verdict, c.headline, c.reason) for c in found] == [(verdict, "a", "why not")]


@pytest.mark.parametrize("verdict", [Verdict.PASSED, Verdict.SKIPPED])
def test_passes_and_skips_need_none(verdict: Verdict) -> None:
    assert concerns(describe(one(verdict, gate("a")))) == []


def test_every_scenario_that_is_not_a_pass_is_among_them(run: RunResult) -> None:
    document = describe(run)
    told = {scenario.id for concern in concerns(document) for scenario in concern.scenarios}
    assert told == {s.id for s in document.scenarios if s.verdict in _NOT_A_PASS}


def test_failed_before_error_before_inconclusive(run: RunResult) -> None:
    order = [_NOT_A_PASS.index(concern.verdict) for concern in concerns(describe(run))]
    assert order == sorted(order)


def test_the_most_broken_gate_comes_first() -> None:
    gates = [
        gate("a", Verdict.FAILED, expression="little", observed=51, limit=50, op="<="),
        gate("a", Verdict.FAILED, expression="no-limit", observed=None, limit=50, op="<="),
        gate("a", Verdict.FAILED, expression="much", observed=99, limit=50, op="<="),
        gate("a", Verdict.FAILED, expression="zero", observed=0.1, limit=0, op="=="),
    ]
    found = concerns(describe(one(Verdict.FAILED, *gates)))
    assert [c.headline for c in found] == ["zero", "much", "little", "no-limit"]


def test_a_waived_or_mild_finding_is_noted_but_no_concern() -> None:
    run = one(
        Verdict.PASSED,
        finding("a", Verdict.FAILED, "critical", waived_by="ops"),
        finding("a", Verdict.FAILED, "low"),
        finding("a", Verdict.PASSED, "critical"),
    )
    document = describe(run)
    assert concerns(document) == []
    assert [f.severity for f in noted(document)] == ["critical", "low"]


def test_a_failed_scenario_whose_findings_are_all_waived_still_shows() -> None:
    found = concerns(
        describe(one(Verdict.FAILED, finding("a", Verdict.FAILED, waived_by="ops"), reason="other"))
    )
    assert [c.reason for c in found] == ["other"]


@pytest.mark.parametrize("severity", ["critical", "high", "unheard-of"])
def test_severe_and_unknown_severities_count(severity: str) -> None:
    assert len(concerns(describe(one(Verdict.FAILED, finding("a", Verdict.FAILED, severity))))) == 1


def test_scenarios_that_never_started_are_told_together() -> None:
    names = [f"s{i}" for i in range(50)]
    found = concerns(describe(fold([started(*names), *ended("s0", Verdict.PASSED), INTERRUPTED])))
    assert [c.headline for c in found] == ["The run was interrupted", "49 scenarios"]
    assert len(found[1].scenarios) == 49


def test_a_finished_run_that_passed_needs_nothing() -> None:
    assert concerns(describe(fold([started("a"), *ended("a", Verdict.PASSED), FINISHED]))) == []


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.INCONCLUSIVE])
def test_a_check_that_told_nothing_is_a_concern_however_mild(verdict: Verdict) -> None:
    found = concerns(describe(one(verdict, finding("a", verdict, "low"))))
    assert [(c.verdict, c.finding is not None) for c in found] == [(verdict, True)]


def step(reason: str) -> StepFinished:
    return StepFinished(
        at_s=1.4, scenario="a", index=0, phase="steps", kind="request", verdict=Verdict.FAILED, reason=reason,
        started_s=1.0, duration_s=0.4, where="mine.yaml:39", source_line="- request: {path: /x}",
    )  # fmt: skip


def test_an_expectation_of_a_step_is_told_once_with_the_step() -> None:
    why = "404 == 200 does not hold"
    missed = gate(
        "a", Verdict.FAILED, expression="status == 200", observed=404, limit=200, op="==", reason=why
    )
    run = describe(one(Verdict.FAILED, step(f"status == 200: {why}"), missed))
    (concern,) = concerns(run)
    assert concern.gate is not None
    assert concern.within is not None
    assert "  step request: request: {path: /x}" in concern_lines(concern)
    assert "First of all: step request: status == 200, observed 404" in run.why

    other = describe(one(Verdict.FAILED, step("something else went wrong"), missed))
    assert [concern.within for concern in concerns(other)] == [None, None]


def test_failures_of_one_cause_are_one_entry_with_its_places() -> None:
    names = [f"scored[n={n}]" for n in range(36)]
    broken = [
        gate(name, Verdict.FAILED, expression="roc_auc >= 0.7", observed=n / 100, limit=0.7, op=">=",
             reason=f"{n / 100} >= 0.7 does not hold")
        for n, name in enumerate(names)
    ]  # fmt: skip
    other = gate(names[0], Verdict.FAILED, expression="recall >= 0.7", observed=0.1, limit=0.7, op=">=")
    events = [event for name in names for event in ended(name, Verdict.FAILED)]
    document = describe(fold([started(*names), *events, *broken, other, FINISHED]))
    found = causes(document)
    assert [(c.headline, len(c.alike)) for c in found] == [("roc_auc >= 0.7", 35), ("recall >= 0.7", 0)]
    assert found[0].place == "scored[n=0]"  # the gravest stands for them
    assert len(concerns(document)) == 37  # for machines each is there
    text = "\n".join(concern_lines(found[0]))
    assert "the same in 35 more places: scored[n=1], scored[n=2]," in text
    assert text.endswith("and 23 more")


def test_one_probes_findings_are_one_entry_with_what_it_looked_at() -> None:
    holes = [finding("a", Verdict.FAILED, "critical", where=f"GET /r{letter}") for letter in "abcd"]
    (found,) = causes(describe(one(Verdict.FAILED, *holes)))
    assert [other.place for other in found.alike] == ["GET /rb", "GET /rc", "GET /rd"]


def test_another_verdict_kind_or_sentence_is_another_cause() -> None:
    gates = [
        gate("a", Verdict.FAILED, expression="x <= 5", reason="6 <= 5 does not hold"),
        gate("a", Verdict.INCONCLUSIVE, expression="x <= 5", reason="6 <= 5 does not hold"),
        gate("a", Verdict.FAILED, expression="x <= 5", reason="'x' has no value"),
        gate("a", Verdict.FAILED, expression="y <= 5", reason="6 <= 5 does not hold"),
    ]
    assert len(causes(describe(one(Verdict.FAILED, *gates)))) == 4


@pytest.mark.parametrize(
    ("one_sentence", "another"),
    [
        ("operation op_d064e73f1b8d1976 runs after 300.0 s", "operation op_30062c55d59b3e68 runs after 12 s"),
        ("1,000.5 <= 5 does not hold", "-3e-05 <= 5 does not hold"),
        ("/datasets/00000000-0000-4000-8000-000000000000", "/datasets/ab000000-0000-4000-8000-00000000000f"),
    ],
)  # fmt: skip
def test_sentences_that_differ_in_numbers_say_the_same(one_sentence: str, another: str) -> None:
    assert numberless(one_sentence) == numberless(another)
    assert numberless("the facade is decided") == "the facade is decided"
