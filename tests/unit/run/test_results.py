"""The verdict is folded from events: the worst counts, no data is no pass, and planned is reported."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynomaly_itest.errors import ExitCode, UsageError
from pynomaly_itest.events import (
    PlannedScenario,
    ResourceCreated,
    ResourceRemoved,
    RunAborted,
    RunFinished,
    RunInterrupted,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    TargetInfo,
)
from pynomaly_itest.results import combine, fold
from pynomaly_itest.verdicts import Verdict

P, F, I, E, S = Verdict.PASSED, Verdict.FAILED, Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.SKIPPED  # noqa: E741


def started(count: int, **fields: Any) -> RunStarted:
    return RunStarted(
        at_s=0,
        run_id="r",
        profile="p",
        started_at="2026-01-01T00:00:00Z",
        tool_version="0",
        target=TargetInfo(kind="url", url="http://127.0.0.1"),
        seed=1,
        plan=tuple(PlannedScenario(id=f"s{n}") for n in range(count)),
        **fields,
    )


def finished(n: int, verdict: Verdict, reason: str | None = None) -> ScenarioFinished:
    return ScenarioFinished(
        at_s=n, scenario=f"s{n}", verdict=verdict, reason=reason, started_s=0, duration_s=1
    )


def run_of(*verdicts: Verdict, **fields: Any) -> Any:
    events = [finished(n, verdict) for n, verdict in enumerate(verdicts)]
    return fold([started(len(verdicts), **fields), *events, RunFinished(at_s=9, duration_s=9)])


@pytest.mark.parametrize(
    ("verdicts", "verdict", "code"),
    [
        ([P, P], P, ExitCode.PASSED),
        ([P, S], P, ExitCode.PASSED),
        ([P, F, E, I], F, ExitCode.FAILED),
        ([P, E, I], E, ExitCode.INCONCLUSIVE),
        ([P, I], I, ExitCode.INCONCLUSIVE),
        ([S, S], I, ExitCode.INCONCLUSIVE),
        ([], I, ExitCode.INCONCLUSIVE),
    ],
)
def test_the_worst_counts_and_nothing_judged_is_no_pass(
    verdicts: list[Verdict], verdict: Verdict, code: ExitCode
) -> None:
    run = run_of(*verdicts)
    assert (run.verdict, run.exit_code) == (verdict, code)


def test_inconclusive_may_be_let_through_but_not_where_nothing_ran() -> None:
    assert run_of(P, I, inconclusive_passes=True).exit_code is ExitCode.PASSED
    assert run_of(S, inconclusive_passes=True).exit_code is ExitCode.INCONCLUSIVE
    assert run_of(P, E, inconclusive_passes=True).exit_code is ExitCode.INCONCLUSIVE
    assert run_of(P, F, inconclusive_passes=True).exit_code is ExitCode.FAILED


def test_a_killed_run_reports_every_planned_scenario() -> None:
    run = fold([started(3), finished(0, P), ScenarioStarted(at_s=2, scenario="s1")])
    assert [scenario.verdict for scenario in run.scenarios] == [P, E, E]
    assert "killed" in (run.scenarios[1].reason or "")
    assert (run.scenarios[2].reason or "").startswith("not started")
    assert (run.verdict, run.exit_code) == (E, ExitCode.INCONCLUSIVE)


def test_all_passed_and_then_killed_before_the_end_is_no_pass() -> None:
    run = fold([started(1), finished(0, P)])
    assert (run.verdict, run.exit_code) == (E, ExitCode.INCONCLUSIVE)


def test_interrupted_and_aborted_runs_have_their_own_exit_codes() -> None:
    stopped = fold([started(1), RunInterrupted(at_s=1, reason="a signal"), RunFinished(at_s=2, duration_s=2)])
    assert stopped.exit_code is ExitCode.INTERRUPTED
    gone = fold([started(1), RunAborted(at_s=1, exit_code=3, message="nobody there")])
    assert (gone.exit_code, gone.verdict) == (ExitCode.TARGET, E)
    assert "nobody there" in (gone.scenarios[0].reason or "")


@pytest.mark.parametrize("code", [0, 99, -1])
def test_a_run_given_up_never_exits_as_a_pass(code: int) -> None:
    events = [started(1), finished(0, P), RunAborted(at_s=1, exit_code=code, message="x")]
    assert fold([*events, RunFinished(at_s=2, duration_s=2)]).exit_code is ExitCode.INCONCLUSIVE


def test_a_scenario_cut_off_after_a_failed_step_stays_failed() -> None:
    step = StepFinished(
        at_s=1, scenario="s0", index=0, phase="steps", kind="x", verdict=F, started_s=0, duration_s=1
    )
    run = fold([started(1), ScenarioStarted(at_s=0, scenario="s0"), step])
    assert run.scenarios[0].verdict is F
    assert run.verdict is F


def test_what_was_created_and_not_removed_is_known() -> None:
    made = [ResourceCreated(at_s=1, scenario="s0", kind="dataset", id=i, path=f"datasets/{i}") for i in "ab"]
    run = fold([started(1), *made, ResourceRemoved(at_s=2, scenario="s0", kind="dataset", id="a")])
    assert [left.id for left in run.scenarios[0].left.values()] == ["b"]


def test_a_log_without_a_plan_is_refused() -> None:
    with pytest.raises(UsageError, match="ended before it began"):
        fold([])


@given(st.lists(st.sampled_from(list(Verdict))), st.sampled_from(list(Verdict)))
def test_one_more_part_never_makes_a_pass_of_something_worse(parts: list[Verdict], more: Verdict) -> None:
    before, after = combine(parts), combine([*parts, more])
    if before in (F, E) or (before is I and any(part is I for part in parts)):
        assert after is not P
