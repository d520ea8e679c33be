"""The part of the stress profile that YAML says badly: many of a kind, each with its own name."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pynomaly_itest.testing import IntegrationTestHelper, scenario

DETECTORS, UPLOADS, AT_ONCE = 100, 150, 4


@scenario
async def hundred_detectors(integration_helper: IntegrationTestHelper, sample_dataset_csv: Path) -> None:
    """A hundred detectors are trained side by side on the same rows, and all of them answer the same."""
    helper = integration_helper
    dataset = await helper.upload_dataset(sample_dataset_csv, "for a hundred", target_column="label")
    detectors: list[str] = []

    async def train() -> None:
        while len(detectors) < DETECTORS:
            detector = await helper.create_detector(dataset["id"], "hbos")
            detectors.append(detector["id"])
            await helper.train_detector(detector["id"])

    await asyncio.gather(*(train() for _ in range(AT_ONCE)))
    assert len(detectors) >= DETECTORS
    first = await helper.detect(detectors[0], dataset["id"])
    for detector in detectors[1:]:
        answer = await helper.detect(detector, dataset["id"])
        assert answer["anomaly_scores"] == first["anomaly_scores"]


@scenario
async def many_small_uploads(integration_helper: IntegrationTestHelper, tmp_folder: Path) -> None:
    """Many small datasets, a few at a time: each is there afterwards, with its own rows."""
    helper = integration_helper
    waiting = list(range(UPLOADS))
    stored: dict[int, str] = {}

    async def upload() -> None:
        while waiting:
            number = waiting.pop()
            path = tmp_folder / f"{number}.csv"
            path.write_text("a,b\n" + "".join(f"{number},{row}\n" for row in range(1 + number % 7)))
            stored[number] = (await helper.upload_dataset(path, f"small {number}"))["id"]

    await asyncio.gather(*(upload() for _ in range(AT_ONCE)))
    for number, dataset in stored.items():
        sample = await helper.api.call("GET", f"datasets/{dataset}/sample?n=10")
        assert sample["rows"] == [[number, row] for row in range(1 + number % 7)]
