"""Assertions of the old suite: each at what holds, what doesn't, the boundary, and nothing at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from pynomaly_itest.testing import IntegrationTestAssertions

CHECK = IntegrationTestAssertions()


@dataclass(frozen=True)
class Answer:
    status: int = 200
    content: Any = None

    def json(self) -> Any:
        return self.content


def test_a_structure_needs_every_field() -> None:
    CHECK.assert_api_response_structure({"id": 1, "name": None}, ["id", "name"])
    CHECK.assert_api_response_structure(Answer(content={"id": 1}), ["id"])
    with pytest.raises(AssertionError, match="observed the fields id, expected id, name: missing name"):
        CHECK.assert_api_response_structure({"id": 1}, ["id", "name"])
    with pytest.raises(AssertionError, match="observed a list, expected an object"):
        CHECK.assert_api_response_structure([], ["id"])


def test_quality_is_held_against_each_limit() -> None:
    figures = {"accuracy": 0.7, "recall": 0.5, "precision": float("nan")}
    CHECK.assert_detection_quality(figures, min_accuracy=0.7)
    with pytest.raises(AssertionError, match=r"recall: observed 0.5, expected at least 0.6, difference -0.1"):
        CHECK.assert_detection_quality(figures, min_accuracy=0.7, min_recall=0.6)
    with pytest.raises(AssertionError, match="precision: observed nan"):
        CHECK.assert_detection_quality(figures, min_precision=0.1)
    with pytest.raises(AssertionError, match="f1: observed None"):
        CHECK.assert_detection_quality(figures, min_f1=0.1)
    with pytest.raises(ValueError, match="no limit"):
        CHECK.assert_detection_quality(figures)


BENCHMARKS = {"detection_latency_ms": 100.0, "throughput_samples_per_second": 1000.0, "cache_hit_rate": 0.8}


@pytest.mark.parametrize(
    ("metrics", "says"),
    [
        ({"detection_latency_ms": 100.0, "cache_hit_rate": 0.8}, None),
        ({"detection_latency_ms": 112.5}, "observed 112.5, expected at most 100, difference +12.5"),
        ({"throughput_samples_per_second": 999.0}, "observed 999, expected at least 1000, difference -1"),
        ({"cache_hit_rate": 0.5}, "expected at least 0.8"),
        ({"detection_latency_ms": None}, "expected a number of at most 100"),
        ({"latency": 1.0}, "there is no such benchmark"),
    ],
)
def test_a_metric_keeps_the_benchmark_of_its_name(metrics: dict[str, Any], says: str | None) -> None:
    if says is None:
        CHECK.assert_performance_benchmarks(metrics, BENCHMARKS)
    else:
        with pytest.raises(AssertionError, match=says.replace("+", r"\+")):
            CHECK.assert_performance_benchmarks(metrics, BENCHMARKS)


def test_no_metrics_keep_no_benchmark() -> None:
    with pytest.raises(ValueError, match="no metrics"):
        CHECK.assert_performance_benchmarks({}, BENCHMARKS)


def test_what_still_answers_is_not_gone() -> None:
    CHECK.assert_resource_cleanup(Answer(404), "dataset")
    with pytest.raises(AssertionError, match="dataset: observed status 200, expected 404 or 410"):
        CHECK.assert_resource_cleanup(Answer(200), "dataset")
