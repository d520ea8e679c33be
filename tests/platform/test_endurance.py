"""What happens when things go wrong: restarts, full queues, time limits, cancelling, lost caches, second servers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading

import numpy as np
import psutil
import pytest


def slow_rows():
    return np.random.default_rng(0).normal(size=(30_000, 20))


def start_slow(client):
    """A training that takes many seconds: a support vector machine looks at every pair of rows."""
    detector = client.detector("one_class_svm")["id"]
    dataset = client.upload_rows(slow_rows())["id"]
    answer = client.http.post("/detection/train", json={"detector_id": detector, "dataset_id": dataset})
    assert answer.status_code == 202, answer.text
    return f"/operations/{answer.json()['id']}", detector, dataset


def status(client, path):
    return client.http.get(path).json()["status"]


@pytest.fixture
def wait(request):
    import time

    def wait_until(condition, deadline_s=60):
        ends_at_s = time.monotonic() + deadline_s
        while not condition():
            assert time.monotonic() < ends_at_s, "waited too long"
            time.sleep(0.02)

    return wait_until


def test_state_survives_a_restart(make_server, blobs_with_outliers):
    server = make_server()
    client = server.client()
    detector, dataset = client.trained(blobs_with_outliers, "isolation_forest")
    body = {"detector_id": detector, "rows": blobs_with_outliers[:5].tolist()}
    scores = client.http.post("/detection/predict", json=body).json()["anomaly_scores"]
    result = client.http.post(
        "/detection/detect", json={"detector_id": detector, "dataset_id": dataset}
    ).json()
    operations = client.http.get("/operations").json()

    assert server.stop(signal.SIGTERM) == 0
    server.start()
    server.wait_ready()

    again = server.client()
    assert again.http.post("/detection/predict", json=body).json()["anomaly_scores"] == scores
    kept = again.http.get(f"/detection/results/{result['id']}").json()
    assert kept["anomaly_scores"] == result["anomaly_scores"]
    assert again.http.get("/operations").json() == operations
    assert again.http.get("/audit/verify").json()["is_intact"] is True


def test_cancelling_stops_a_running_and_a_waiting_operation(make_server, wait):
    server = make_server(PYNOMALY_WORKERS="1")
    client = server.client()
    running, detector, dataset = start_slow(client)
    body = {"detector_id": client.detector()["id"], "dataset_id": dataset}
    waiting = f"/operations/{client.http.post('/detection/train', json=body).json()['id']}"
    wait(lambda: status(client, running) == "running")
    assert status(client, waiting) == "pending"
    assert client.http.delete(waiting).json()["status"] == "cancelled"
    assert client.http.delete(running).json()["status"] == "cancelled"
    assert client.http.delete(running).status_code == 409
    assert client.http.get(f"/detectors/{detector}").json()["is_fitted"] is False
    third = client.finished(client.http.post("/detection/train", json=body))  # the worker is there again
    assert third["status"] == "completed"
    assert [status(client, path) for path in (running, waiting)] == ["cancelled", "cancelled"]


def test_a_training_over_the_time_limit_fails_with_the_reason(make_server):
    client = make_server(PYNOMALY_OPERATION_TIME_LIMIT_S="0.5").client()
    path, _, _ = start_slow(client)
    operation = client.finished(_Answer(path))
    assert (operation["status"], operation["error"]["code"]) == ("failed", "time-limit")


class _Answer:
    """What `finished` needs of an answer."""

    status_code = 202

    def __init__(self, path):
        self._id = path.rsplit("/", 1)[1]

    def json(self):
        return {"id": self._id}


def test_a_full_queue_says_429_and_when_to_come_back(make_server):
    client = make_server(PYNOMALY_WORKERS="1", PYNOMALY_MAX_QUEUED_OPERATIONS="2").client()
    _, detector, dataset = start_slow(client)
    body = {"detector_id": detector, "dataset_id": dataset}
    answers = [client.http.post("/detection/train", json=body) for _ in range(6)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 3
    assert int(refused[0].headers["retry-after"]) >= 1
    assert int(client.http.get("/operations").headers["x-total-count"]) == 7 - len(refused)


def test_a_worker_that_is_killed_fails_its_operation_and_is_replaced(make_server, wait, blobs_with_outliers):
    server = make_server(PYNOMALY_WORKERS="1")
    client = server.client()
    path, _, _ = start_slow(client)
    wait(lambda: status(client, path) == "running")
    worker = psutil.Process(server.process.pid).children()[0]
    wait(lambda: worker.cpu_times().user > 2)  # it has begun to fit
    worker.kill()
    operation = client.finished(_Answer(path))
    assert (operation["status"], operation["error"]["code"]) == ("failed", "worker-died")
    client.trained(blobs_with_outliers)


def test_a_killed_server_leaves_no_worker_behind_and_fails_what_ran(make_server, wait):
    server = make_server()
    client = server.client()
    path, _, _ = start_slow(client)
    wait(lambda: status(client, path) == "running")
    workers = psutil.Process(server.process.pid).children(recursive=True)
    assert workers
    server.stop(signal.SIGKILL)
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive
    server.start()
    operation = server.client().http.get(path).json()
    assert (operation["status"], operation["error"]["code"]) == ("failed", "interrupted")


def test_shutdown_finishes_what_runs(make_server, wait, blobs_with_outliers):
    server = make_server()
    client = server.client()
    detector = client.detector("isolation_forest", parameters={"n_estimators": 300})["id"]
    dataset = client.upload_rows(slow_rows())["id"]
    body = {"detector_id": detector, "dataset_id": dataset}
    path = f"/operations/{client.http.post('/detection/train', json=body).json()['id']}"
    wait(lambda: status(client, path) == "running")
    assert server.stop(signal.SIGTERM) == 0
    server.start()
    assert server.client().http.get(path).json()["status"] == "completed"


def test_a_second_server_and_a_taken_port_are_refused_in_one_line(make_server):
    server = make_server()
    folder = server.data_dir / "data"
    port = server.url.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "pynomaly", "serve", "--data-dir"]
    second = subprocess.run([*command, str(folder), "--port", "0"], capture_output=True, text=True)
    taken = subprocess.run([*command, str(folder) + "2", "--port", port], capture_output=True, text=True)
    assert (second.returncode, taken.returncode) == (2, 3)
    assert "Another server is running" in second.stderr
    assert "it is in use" in taken.stderr
    assert "Traceback" not in second.stderr + taken.stderr


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"PYNOMALY_SECRET_KEY": "changeme"}, "PYNOMALY_SECRET_KEY"),
        ({"PYNOMALY_WORKERS": "many"}, "PYNOMALY_WORKERS"),
        ({"PYNOMALY_DATABASE_URL": "mysql://x"}, "mysql"),
        ({"PYNOMALY_DATABASE_URL": "postgresql://nobody:hush@127.0.0.1:1/x"}, "database does not answer"),
        ({"PYNOMALY_REDIS_URL": "nonsense"}, "PYNOMALY_REDIS_URL"),
        ({"PYNOMALY_TRUSTED_PROXIES": "everyone"}, "PYNOMALY_TRUSTED_PROXIES"),
    ],
)
def test_a_start_that_can_not_be_is_refused_in_one_line(tmp_path, environment, words):
    command = [sys.executable, "-m", "pynomaly", "serve", "--port", "0", "--data-dir", str(tmp_path / "d")]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=60)
    assert done.returncode in (2, 3)
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stderr


def test_a_redis_that_is_down_slows_and_never_breaks(make_server, blobs_with_outliers):
    with socket.socket() as closed:  # bound and not listening: nobody else can take the port
        closed.bind(("127.0.0.1", 0))
        server = make_server(PYNOMALY_REDIS_URL=f"redis://127.0.0.1:{closed.getsockname()[1]}/0")
        client = server.client()
        detector, dataset = client.trained(blobs_with_outliers)
        body = {"detector_id": detector, "dataset_id": dataset}
        answers = [client.http.post("/detection/detect", json=body) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert [answer.headers["x-cache"] for answer in answers] == ["miss", "miss"]
        ready = client.http.get("/health/ready")
        assert ready.status_code == 200
        assert ready.json()["checks"]["cache"].startswith("degraded")


def test_a_dataset_that_was_changed_on_the_disk_is_not_believed(make_server):
    server = make_server()
    client = server.client()
    dataset = client.upload(b"a,b\n1,2\n3,4\n")["id"]
    blob = server.data_dir / "data" / "blobs" / "datasets" / dataset
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.write_bytes(content)
    answer = client.http.get(f"/datasets/{dataset}/sample")
    assert (answer.status_code, answer.json()["code"]) == (500, "corrupt-store")
    assert str(server.data_dir) not in answer.text


def test_one_model_is_right_under_many_hands(admin, blobs_with_outliers, server):
    detector, dataset = admin.trained(blobs_with_outliers, "isolation_forest")
    truth = admin.http.post("/detection/detect", json={"detector_id": detector, "dataset_id": dataset}).json()
    scores = np.array(truth["anomaly_scores"])
    wrong = []

    def ask(seed):
        client = server.client()
        rng = np.random.default_rng(seed)
        for _ in range(40):
            chosen = rng.integers(0, 1000, size=rng.choice([1, 7, 100, 900]))
            body = {"detector_id": detector, "rows": blobs_with_outliers[chosen].tolist()}
            found = client.http.post("/detection/predict", json=body).json()["anomaly_scores"]
            if not np.array_equal(found, scores[chosen]):
                wrong.append(chosen)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_metrics_count_what_happened(admin, blobs_with_outliers):
    def metrics():
        lines = admin.http.get("/metrics".replace("/metrics", "../../metrics")).text.splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line[0] != "#"}

    before = metrics()
    detector, dataset = admin.trained(blobs_with_outliers)
    body = {"detector_id": detector, "dataset_id": dataset}
    for _ in range(5):
        admin.http.post("/detection/detect", json=body)
    after = metrics()
    assert after["pynomaly_cache_hits_total"] - before["pynomaly_cache_hits_total"] == 4
    assert after["pynomaly_cache_misses_total"] - before["pynomaly_cache_misses_total"] == 1
    assert after["process_resident_memory_bytes"] > 30e6
    assert after["process_cpu_seconds_total"] > 0
    route = 'pynomaly_http_request_duration_seconds_count{method="POST",route="/api/v1/detection/detect",status="200"}'
    assert after[route] - before.get(route, 0) == 5
