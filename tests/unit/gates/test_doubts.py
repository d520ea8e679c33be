"""A late generator makes latencies too high: a limit that is kept stays kept, one that is broken may not be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pynomaly_itest.gates import judge_condition
from pynomaly_itest.measure import Doubt, Samples, exact, proportion
from pynomaly_itest.profile.expression import parse
from pynomaly_itest.verdicts import Verdict

P, F, I = Verdict.PASSED, Verdict.FAILED, Verdict.INCONCLUSIVE  # noqa: E741

LATE = Doubt("the generator was late", "high")
FEW = Doubt("the generator was late", "low")
SLOW = Samples.of("latency_ms", [50.0 + n % 7 for n in range(1000)], "ms")
QUICK = Samples.of("latency_ms", [5.0 + n % 7 for n in range(1000)], "ms")
VALUES: dict[str, Any] = {
    "load": {
        "latency_ms": replace(SLOW, doubt=LATE),
        "slow_anyway": replace(SLOW, doubt=replace(LATE, without=SLOW)),
        "slow_by_us": replace(SLOW, doubt=replace(LATE, without=QUICK)),
        "good": replace(proportion(900, 1000), doubt=FEW),
        "count": replace(exact(3, "1", 1000), doubt=Doubt("who knows")),
        "sure": SLOW,
    }
}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("load.latency_ms.p99 <= 100ms", P),
        ("load.latency_ms.p99 <= 20ms", I),
        ("load.latency_ms.p99 >= 20ms", I),
        ("load.latency_ms.p99 >= 100ms", F),
        ("load.latency_ms.max <= 100ms", P),
        ("load.latency_ms.max <= 20ms", I),
        ("load.latency_ms.mean < 100ms", P),
        ("load.latency_ms.stddev <= 100ms", I),
        ("load.latency_ms.slope <= 100", I),
        ("load.latency_ms.n == 1000", P),
        ("load.slow_anyway.p99 <= 20ms", F),
        ("load.slow_by_us.p99 <= 20ms", I),
        ("load.slow_by_us.p99 <= 100ms", P),
        ("load.good >= 0.8", P),
        ("load.good >= 0.95", I),
        ("load.good <= 0.95", I),
        ("load.good <= 0.8", F),
        ("load.count == 3", I),
        ("load.count <= 5", I),
        ("not load.latency_ms.p99 <= 20ms", I),
        ("load.sure.p99 <= load.latency_ms.p99", I),
    ],
)
def test_only_the_verdict_stands_that_the_truth_would_not_change(text: str, verdict: Verdict) -> None:
    found = judge_condition(parse(text), VALUES)
    assert found.verdict is verdict, found.reason


def test_the_reason_says_what_it_would_be_and_why_not() -> None:
    found = judge_condition(parse("load.latency_ms.p99 <= 20ms"), VALUES)
    assert "1000 of 1000 samples" in found.reason
    assert "but the generator was late" in found.reason
