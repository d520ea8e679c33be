"""Workflows as the old pytest suite had them: what a scenario needs, it asks for by parameter name."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from pynomaly_itest.testing import (
    Expect,
    IntegrationTestAssertions,
    IntegrationTestHelper,
    Measurements,
    TestCache,
    TestSecurityService,
    scenario,
)


@scenario(tags=["end_to_end"], gates=["result.accuracy >= benchmarks.accuracy_threshold"])
async def main_path(
    integration_helper: IntegrationTestHelper,
    integration_assertions: IntegrationTestAssertions,
    sample_dataset_csv: Path,
    performance_benchmarks: dict[str, float],
) -> dict[str, Any]:
    """Upload, train, detect, evaluate, and everything within its benchmark."""
    dataset = await integration_helper.upload_dataset(sample_dataset_csv, "sample", target_column="label")
    integration_assertions.assert_api_response_structure(dataset, ["id", "n_samples", "n_features"])
    detector = await integration_helper.create_detector(dataset["id"], "isolation_forest", contamination=0.1)
    training = await integration_helper.train_detector(detector["id"])
    result = await integration_helper.detect(detector["id"], dataset["id"])
    assert result["n_samples"] == dataset["n_samples"]
    figures = await integration_helper.evaluate(detector["id"], dataset["id"])
    integration_assertions.assert_detection_quality(figures, min_accuracy=0.7)
    integration_assertions.assert_performance_benchmarks(
        {"training_time_seconds": training["training_time_seconds"]}, performance_benchmarks
    )
    return {"accuracy": figures["accuracy"]}


@scenario(tags=["end_to_end"], matrix={"algorithm": ["hbos", "ecod"]})
async def removed_means_gone(
    algorithm: str,
    integration_helper: IntegrationTestHelper,
    integration_assertions: IntegrationTestAssertions,
) -> None:
    """A detector that was deleted is not found any more."""
    detector = await integration_helper.create_detector(algorithm=algorithm)
    reply = await integration_helper.delete("detector", detector["id"])
    integration_assertions.assert_resource_cleanup(reply, "detector")


@scenario(tags=["end_to_end"])
async def the_cache_is_used(
    integration_helper: IntegrationTestHelper,
    sample_time_series_csv: Path,
    test_cache: TestCache,
    expect: Expect,
) -> None:
    """The same question twice is worked out once."""
    dataset = await integration_helper.upload_dataset(sample_time_series_csv, "series", target_column="label")
    detector = await integration_helper.create_detector(dataset["id"], "hbos")
    await integration_helper.train_detector(detector["id"])
    before = await test_cache.hits()
    first = await integration_helper.detect(detector["id"], dataset["id"])
    again = await integration_helper.detect(detector["id"], dataset["id"])
    assert first["anomaly_scores"] == again["anomaly_scores"]
    expect("new_hits >= 1", new_hits=await test_cache.hits() - before)


@scenario(tags=["performance"], gates=["result.listing_ms.p50 <= benchmarks.detection_latency_ms"])
async def several_users_at_once(
    integration_helper: IntegrationTestHelper,
    test_security_service: TestSecurityService,
    measurements: Measurements,
) -> None:
    """Four analysts list the detectors side by side, and none sees another's."""
    await integration_helper.create_detector(algorithm="knn", name="of the administrator")
    users = [await test_security_service.create_user("analyst") for _ in range(4)]

    async def look(user: Any) -> None:
        for _ in range(25):
            reply = await user.api.send("GET", "detectors")
            measurements.add("listing_ms", reply.latency_ms)
            assert reply.json() == [], "an analyst sees somebody else's detector"

    await asyncio.gather(*(look(user) for user in users))
