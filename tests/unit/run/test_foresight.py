"""Before a run: which gates can't be decided with the samples that the profile takes, and what would be enough."""

from __future__ import annotations

from pathlib import Path

import pytest
from scipy.stats import binom

from pynomaly_itest.foresight import Foresight, foresee, warnings
from pynomaly_itest.measure import judge_quantile
from pynomaly_itest.measure.samples import Samples
from pynomaly_itest.profile.loader import load
from pynomaly_itest.profile.model import Plan
from pynomaly_itest.verdicts import Verdict

PROFILE = """
version: 1
name: mine
vars: {{rate: 20/s, seconds: 12, share: 0.02}}
scenarios:
  - id: a
    matrix: {{rows: [1]}}
    steps:
      - {step}
        save: answers
    gates:
      - {gate}
"""
LOAD = "load: {{request: {{path: /}}, rate: '${{{{ vars.rate }}}}', duration: {duration}, warmup: {warmup}}}"


def planned(tmp_path: Path, step: str, gate: str) -> Plan:
    path = tmp_path / "mine.yaml"
    path.write_text(PROFILE.format(step=step, gate=gate))
    return load([str(path)])


def one(tmp_path: Path, step: str, gate: str) -> Foresight:
    [found] = foresee(planned(tmp_path, step, gate))
    return found


def steady(duration: str, warmup: str = "0s") -> str:
    return LOAD.format(duration=duration, warmup=warmup)


def test_a_gate_that_gets_too_few_samples_is_warned_of_at_its_place(tmp_path: Path) -> None:
    plan = planned(tmp_path, steady("12s"), "answers.latency_ms.p99 <= 100ms")
    [warning] = warnings(plan)
    assert warning.is_warning
    assert warning.place is not None
    assert warning.place.line == 12
    assert warning.message == (
        "'answers.latency_ms.p99 <= 100ms' needs at least 459 samples, load takes about 240: "
        "raise duration to 25 s"
    )
    assert warning.render().startswith("warning: ")


def test_its_advice_is_enough(tmp_path: Path) -> None:
    assert warnings(planned(tmp_path, steady("25s"), "answers.latency_ms.p99 <= 100ms")) == []


@pytest.mark.parametrize(
    ("step", "n"),
    [
        (steady("12s"), 240),
        (steady("12s", warmup="3s"), 180),
        ("load: {request: {path: /}, vus: 2, iterations: 30, executor: per-vu-iterations}", 60),
        ("load: {request: {path: /}, rate: 10/s, duration: 5s, until: decided, at_most: 30s}", 300),
        ("load: {mix: [{request: {path: /}}], rate: 10/s, duration: '2 x 5s'}", 100),
        ("measure: {step: {request: {path: /}}, repeat: 70}", 70),
        ("measure: {step: {request: {path: /}}}", 100),
    ],
)
def test_how_many_samples_a_step_will_take(tmp_path: Path, step: str, n: int) -> None:
    assert one(tmp_path, step, "answers.latency_ms.p95 <= 100ms").planned.n == n


@pytest.mark.parametrize(
    ("step", "gate"),
    [
        (
            "load: {request: {path: /}, vus: 2, duration: 5s, executor: constant-vus}",
            "answers.latency_ms.p95 <= 1",
        ),
        ("measure: {step: {request: {path: /}}, until: decided}", "answers.latency_ms.p95 <= 1"),
        (steady("12s"), "answers.latency_ms.max <= 100ms"),
        (steady("12s"), "answers.error_ratio == 0"),
        (steady("12s"), "answers.error_ratio <= 0"),
        (steady("12s"), "not answers.latency_ms.p99 <= 100ms"),
    ],
)
def test_nothing_is_said_of_what_only_the_run_can_tell(tmp_path: Path, step: str, gate: str) -> None:
    assert list(foresee(planned(tmp_path, step, gate))) == []


@pytest.mark.parametrize(
    ("gate", "allowed", "least"),
    [
        ("answers.latency_ms.p95 <= 100ms", 0.05, 90),
        ("answers.latency_ms.median <= 100ms", 0.5, 7),
        ("answers.latency_ms.p5 >= 1ms", 0.05, 90),
        ("answers.error_ratio <= 1%", 0.01, 368),
        ("answers.error_ratio <= vars.share", 0.02, 183),
        ("answers.error_ratio == 0 or answers.latency_ms.p90 < 100ms", 0.1, 44),
    ],
)
def test_what_a_limit_allows_says_how_many_are_needed(
    tmp_path: Path, gate: str, allowed: float, least: int
) -> None:
    found = one(tmp_path, steady("12s"), gate)
    assert found.allowed == pytest.approx(allowed)
    assert found.least == least


def test_what_is_foreseen_is_what_the_judge_then_says(tmp_path: Path) -> None:
    """The least number passes and one less does not; half of what is allowed passes, double of it fails.

    What is foreseen is of independent samples. That they are has to show first: it takes up to 1.5 times as many.
    """
    found = one(tmp_path, steady("12s"), "answers.latency_ms.p95 <= 100ms")

    def verdict(n: int, share: float) -> Verdict:
        slow = round(n * share)
        spread = [500.0 if (each * slow) % n < slow else 5.0 for each in range(n)]
        return judge_quantile(Samples.of("latency_ms", spread, "ms"), 0.95, "<=", 100).verdict

    assert verdict(found.least, 0) is Verdict.PASSED
    assert verdict(found.least - 1, 0) is Verdict.INCONCLUSIVE
    half, double = found.at_half(), found.at_double()
    assert half is not None
    assert double is not None
    assert verdict(round(1.5 * half), 0.025) is Verdict.PASSED
    assert verdict(double, 0.1) is Verdict.FAILED
    assert half > found.least
    assert 0.4 < binom.sf(round(0.1 * double) - 1, double, 0.1) < 0.7  # "typically": about every second time


def test_evenly_spaced_arrivals_are_no_test_of_mixed_up_replies(tmp_path: Path) -> None:
    step = "load: {request: {path: /}, rate: 40/s, duration: 5s, verify: true%s}"
    [warning] = warnings(planned(tmp_path, step % "", "answers.swapped == 0"))
    assert "poisson-arrivals" in (warning.hint or "")
    assert warnings(planned(tmp_path, step % ", executor: poisson-arrivals", "answers.swapped == 0")) == []
