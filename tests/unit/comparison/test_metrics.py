"""The flags that name metrics and tolerances, and what a pair gives of each metric."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_itest.comparison.metrics import Metric, absolute, paired, wanted
from pynomaly_itest.comparison.pairing import Pair
from pynomaly_itest.comparison.workload import Question
from pynomaly_itest.errors import UsageError
from pynomaly_itest.load.plan import Endpoint
from pynomaly_itest.measure import Tolerance


def question(name: str = "predict", scenario: str = "s", save: str = "d") -> Question:
    return Question(name, scenario, save, Endpoint())


def test_shares_are_for_one_metric_or_for_all() -> None:
    asked = wanted("p50,memory", ["1%"], ["memory=3%", "p50=4%"])
    assert asked.tolerances == {"p50": Tolerance(0.01, 0.04), "memory": Tolerance(0.01, 0.03)}


def test_what_is_not_said_leaves_room_between_the_two() -> None:
    assert wanted("p50", [], ["p50=1%"]).tolerances["p50"] == Tolerance(0.004, 0.01)
    assert wanted("p50", ["p50=10%"], []).tolerances["p50"] == Tolerance(0.1, 0.25)
    assert wanted(None, [], []).tolerances["p95"] == Tolerance(0.05, 0.15)


@pytest.mark.parametrize(
    ("metric", "ignore", "forbid", "said"),
    [
        ("p51x", [], [], "no metric 'p51x'"),
        ("p50", ["speed=2%"], [], "no metric 'speed'"),
        ("p50", ["p50=much"], [], "write METRIC=2%"),
        ("p50", ["5%"], ["5%"], "not below"),
        ("p50", [], ["-5%"], "write METRIC=2%"),
    ],
)
def test_what_says_nothing_is_refused(metric: str, ignore: list[str], forbid: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        wanted(metric, ignore, forbid)


def test_metrics_of_several_questions_bear_their_names() -> None:
    asked = wanted("p50,memory", [], [])
    two = [question("a", save="a"), question("b", save="b")]
    assert [each.name for each in asked.of([question()], processes=True)] == ["p50", "memory"]
    assert [each.name for each in asked.of(two, processes=True)] == ["a p50", "b p50", "memory"]
    assert [each.name for each in asked.of(two, processes=False)] == ["a p50", "b p50"]


def test_only_the_metrics_that_are_asked_for() -> None:
    from dataclasses import replace

    asked = replace(wanted("p50,p95", [], []), only=frozenset({("s", "a", "p95")}))
    two = [question("a", save="a"), question("b", save="b")]
    assert [each.name for each in asked.of(two, processes=True)] == ["a p95"]


def pair(factor: float) -> Pair:
    base = np.linspace(1.0, 2.0, 101)
    return Pair(
        latency_ms={"predict": np.array([base, base * factor])},
        rates={"": np.array([[100.0, 110.0], [100.0 / factor, 110.0 / factor]])},
        figures={"memory": (200.0, 200.0 * factor)},
    )


@pytest.mark.parametrize(
    ("metric", "base", "candidate"),
    [
        (Metric("p50", "p50", "predict"), 1.5, 1.65),
        (Metric("throughput", "throughput"), 105.0, 95.4545),
        (Metric("memory", "memory"), 200.0, 220.0),
    ],
)
def test_a_metric_of_pairs(metric: Metric, base: float, candidate: float) -> None:
    pairs = [pair(1.1)] * 3
    assert absolute(metric, pairs) == pytest.approx((base, candidate), rel=1e-4)
    found = paired(metric, pairs, Tolerance())
    sign = 1 if found.worse == "higher" else -1
    assert len(found.clusters) == 3
    assert sign * float(np.median(found.clusters[0])) == pytest.approx(np.log(1.1))


def test_a_pair_without_the_figure_is_no_pair_of_it() -> None:
    found = paired(Metric("start", "start"), [pair(1.0)], Tolerance())
    assert list(found.clusters) == []
    assert all(np.isnan(absolute(Metric("start", "start"), [pair(1.0)])))
