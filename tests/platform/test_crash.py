"""Kill -9 at random moments under load: what was acknowledged is there afterwards, and right.

PYNOMALY_TEST_CRASHES sets how often the server is killed (3 by default, more in a long run).
"""

from __future__ import annotations

import io
import os
import random
import signal
import threading
import time
from dataclasses import dataclass, field

import httpx
import numpy as np
import psutil

N_CRASHES = int(os.environ.get("PYNOMALY_TEST_CRASHES", "3"))
N_CLIENTS = 3


@dataclass
class Acknowledged:
    """What the server said it has; only what was answered counts."""

    datasets: dict[str, list[list[float]]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    models: dict[str, tuple[list[list[float]], list[float]]] = field(default_factory=dict)
    results: dict[str, list[float]] = field(default_factory=dict)
    operations: dict[str, str] = field(default_factory=dict)
    unknown: int = 0


def work(server, seed, truth):
    """Upload, train, predict, detect, delete, until the server is gone."""
    rng = np.random.default_rng(seed)
    try:
        client = server.client()
        while True:
            rows = rng.normal(size=(int(rng.integers(20, 3_000)), 3))
            dataset = client.upload_rows(rows)["id"]
            truth.datasets[dataset] = rows.tolist()
            detector = client.detector("ecod")["id"]
            operation = client.train(detector, dataset)
            truth.operations[operation["id"]] = operation["status"]
            assert operation["status"] in ("completed", "failed"), operation
            if operation["status"] == "failed":  # its worker was killed
                assert operation["error"]["code"] == "worker-died", operation
                continue
            body = {"detector_id": detector, "rows": rows[:5].tolist()}
            answer = client.http.post("/detection/predict", json=body)
            assert answer.status_code == 200, answer.text
            truth.models[detector] = (rows[:5].tolist(), answer.json()["anomaly_scores"])
            body = {"detector_id": detector, "dataset_id": dataset}
            found = client.http.post("/detection/detect", json=body).json()
            truth.results[found["id"]] = found["anomaly_scores"]
            if rng.random() < 0.2:
                doomed = client.upload_rows(rows)["id"]
                if client.http.delete(f"/datasets/{doomed}").status_code == 204:
                    truth.deleted.add(doomed)
    except (httpx.TransportError, KeyError):
        return  # KeyError: an answer that the kill cut short


def verify(client, truth):
    """Everything acknowledged is there, whole and the same."""
    for dataset, rows in truth.datasets.items():
        content = client.http.get(f"/datasets/{dataset}/export", params={"format": "npy"}).content
        assert np.load(io.BytesIO(content)).tolist() == rows
    for detector, (rows, scores) in truth.models.items():
        answer = client.http.post("/detection/predict", json={"detector_id": detector, "rows": rows})
        assert answer.json()["anomaly_scores"] == scores
    for result, scores in truth.results.items():
        assert client.http.get(f"/detection/results/{result}").json()["anomaly_scores"] == scores
    for operation, status in truth.operations.items():
        assert client.http.get(f"/operations/{operation}").json()["status"] == status
    for dataset in truth.deleted:
        assert client.http.get(f"/datasets/{dataset}").status_code == 404
    live = [
        item for item in client.http.get("/operations", params={"limit": 1000}).json() if item["progress"] < 1
    ]
    assert {item["status"] for item in live} <= {"failed", "cancelled", "pending", "running"}
    assert not [item for item in live if item["status"] in ("pending", "running")]
    assert client.http.get("/audit/verify").json()["is_intact"] is True


def test_no_acknowledged_object_is_lost(make_server):
    server = make_server()
    chance = random.Random(7)  # noqa: S311 - moments, not secrets
    n_objects = 0
    for crash in range(N_CRASHES):
        truth = Acknowledged()
        broken: list[BaseException] = []

        def guarded(seed, truth=truth, broken=broken):
            try:
                work(server, seed, truth)
            except BaseException as error:  # a thread's failure must reach the test
                broken.append(error)

        threads = [threading.Thread(target=guarded, args=(crash * 100 + i,)) for i in range(N_CLIENTS)]
        for thread in threads:
            thread.start()
        time.sleep(chance.uniform(0.5, 2.5))  # the random moment is the point
        if chance.random() < 0.3:
            for worker in psutil.Process(server.process.pid).children():
                worker.kill()
            time.sleep(chance.uniform(0, 0.3))
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        for thread in threads:
            thread.join(60)
        assert not broken, broken[0]
        server.process = None
        server.stop()
        server.start()
        server.wait_ready()
        verify(server.client(), truth)
        n_objects += len(truth.datasets) + len(truth.models) + len(truth.results)
        assert not list((server.data_dir / "data" / "blobs").rglob(".*.tmp"))
    assert n_objects > 0
