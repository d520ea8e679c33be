"""Data and models of the e2e profile that YAML says badly: files in pieces, rows by name, several users at once."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

from pynomaly_itest.target.http import Body
from pynomaly_itest.testing import (
    IntegrationTestHelper,
    TestCache,
    TestSecurityService,
    scenario,
)

ALGORITHMS = {"isolation_forest", "local_outlier_factor", "one_class_svm", "knn", "hbos", "pca"}
ALGORITHMS |= {"ecod", "copod", "abod", "cblof", "mcd", "auto"}


@scenario
async def the_cache_counts(test_cache: TestCache) -> None:
    """The service's own figures tell of the answers that came from the cache."""
    assert await test_cache.hits() >= 1
    assert await test_cache.misses() >= 1


@scenario
async def split_in_two(integration_helper: IntegrationTestHelper, sample_dataset_csv: Path) -> None:
    """The two parts of a split have all the rows between them."""
    helper = integration_helper
    whole = await helper.upload_dataset(sample_dataset_csv, "whole", target_column="label")
    wanted = {"test_fraction": 0.3, "seed": 1}
    parts = await helper.api.call(
        "POST", f"datasets/{whole['id']}/split", accept=(201,), body=Body(json=wanted)
    )
    for part in parts.values():
        helper.ledger.created("dataset", part["id"], f"datasets/{part['id']}")
    assert parts["test"]["n_samples"] == 300
    assert parts["train"]["n_samples"] == 700
    assert parts["train"]["has_target"] is True


@scenario
async def exported_as_it_was(integration_helper: IntegrationTestHelper, sample_dataset_csv: Path) -> None:
    """Each format of export holds the values that were uploaded."""
    import numpy as np
    from pyarrow import parquet

    helper = integration_helper
    stored = await helper.upload_dataset(sample_dataset_csv, "exported", target_column="label")
    sent = np.loadtxt(sample_dataset_csv, delimiter=",", skiprows=1)
    path = f"datasets/{stored['id']}/export?format="
    as_csv = np.loadtxt(
        io.BytesIO((await helper.api.send("GET", path + "csv")).body), delimiter=",", skiprows=1
    )
    as_npy = np.load(io.BytesIO((await helper.api.send("GET", path + "npy")).body), allow_pickle=False)
    table = parquet.read_table(io.BytesIO((await helper.api.send("GET", path + "parquet")).body))
    as_parquet = np.column_stack([column.to_numpy() for column in table.columns])
    assert np.array_equal(as_csv, sent)
    assert np.array_equal(as_npy, sent)
    assert np.array_equal(as_parquet, sent)


@scenario
async def catalogue_is_whole(integration_helper: IntegrationTestHelper) -> None:
    """Every algorithm is in the catalogue, with a default for each parameter."""
    catalogue = await integration_helper.api.call("GET", "detectors/algorithms")
    names = {algorithm["name"] for algorithm in catalogue}
    assert names >= ALGORITHMS, f"missing: {sorted(ALGORITHMS - names)}"
    for algorithm in catalogue:
        assert all("default" in parameter for parameter in algorithm["parameters"]), algorithm["name"]


@scenario
async def rows_by_name_and_arrow(
    integration_helper: IntegrationTestHelper, sample_dataset_csv: Path, sample_datasets: dict[str, Any]
) -> None:
    """Rows as objects, as columns and as an Arrow stream score as rows in lists do."""
    import pyarrow as pa

    helper, table = integration_helper, sample_datasets["anomalous"]
    stored = await helper.upload_dataset(sample_dataset_csv, "rows", target_column="label")
    detector = await helper.create_detector(stored["id"], "pca")
    await helper.train_detector(detector["id"])
    rows = table.X[:20]
    named = [dict(zip(table.feature_names, row, strict=True)) for row in rows.tolist()]
    columns = {name: rows[:, at].tolist() for at, name in enumerate(table.feature_names)}
    sink = pa.BufferOutputStream()
    arrow = pa.table(columns)
    with pa.ipc.new_stream(sink, arrow.schema) as writer:
        writer.write_table(arrow)

    async def scores(**more: Any) -> Any:
        body = Body(json={"detector_id": detector["id"], **more})
        return (await helper.api.call("POST", "detection/predict", body=body))["anomaly_scores"]

    as_lists = await scores(rows=rows.tolist())
    assert await scores(rows=named) == as_lists
    assert await scores(data=rows.tolist()) == as_lists
    assert await scores(columns=columns) == as_lists
    by_arrow = await helper.api.send(
        "POST",
        f"detection/predict?detector_id={detector['id']}",
        body=Body(content=sink.getvalue().to_pybytes()),
        headers={"Content-Type": "application/vnd.apache.arrow.stream"},
    )
    assert by_arrow.status == 200
    assert by_arrow.json()["anomaly_scores"] == as_lists


@scenario(
    title="Users who work at the same time get their own results, the same as alone", tags=["end_to_end"]
)
async def concurrent_users(
    integration_helper: IntegrationTestHelper,
    test_security_service: TestSecurityService,
    sample_dataset_csv: Path,
) -> None:
    """Four users train and detect side by side; each sees one dataset, and the scores that one alone would get."""
    helper = integration_helper
    content = sample_dataset_csv.read_bytes()

    async def whole_path(api: Any, ledger: Any) -> Any:
        file = {"target_column": (None, "label"), "file": ("rows.csv", content, "text/csv")}
        stored = await api.call("POST", "datasets/upload", accept=(201,), body=Body(files=file))
        ledger.created("dataset", stored["id"], f"datasets/{stored['id']}")
        wanted = {"algorithm_name": "ecod", "contamination_rate": 0.1}
        detector = await api.call("POST", "detectors", accept=(201,), body=Body(json=wanted))
        ledger.created("detector", detector["id"], f"detectors/{detector['id']}")
        both = {"detector_id": detector["id"], "dataset_id": stored["id"]}
        training = await api.call("POST", "detection/train", accept=(202,), body=Body(json=both))
        for _ in range(600):
            state = await api.call("GET", f"operations/{training['id']}")
            if state["status"] not in ("pending", "running"):
                break
            await asyncio.sleep(0.05)
        assert state["status"] == "completed", state
        detection = await api.call("POST", "detection/detect", body=Body(json=both))
        ledger.created("result", detection["id"], f"detection/results/{detection['id']}")
        listed = await api.call("GET", "datasets")
        return detection["anomaly_scores"], [dataset["id"] for dataset in listed], stored["id"]

    alone = await whole_path(helper.api, helper.ledger)
    users = [await test_security_service.create_user() for _ in range(4)]
    found = await asyncio.gather(
        *(whole_path(user.api, test_security_service.own_by(user.api)) for user in users)
    )
    for scores, listed, own in found:
        assert scores == alone[0]
        assert listed == [own], "a user's list holds another's dataset"
