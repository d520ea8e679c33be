"""What people come for: data in, a detector trained, anomalies out; on every backend."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ALGORITHMS = [
    "abod", "auto", "cblof", "copod", "ecod", "hbos", "isolation_forest", "knn", "local_outlier_factor", "mcd",
    "one_class_svm", "pca",
]  # fmt: skip


def labelled_csv(rows):
    lines = ["a,b,c,d,e,label"]
    lines += [",".join(map(repr, map(float, row))) + f",{int(i < 50)}" for i, row in enumerate(rows)]
    return "\n".join(lines).encode()


def test_every_algorithm_there_is_is_named_here(admin):
    assert [algorithm["name"] for algorithm in admin.http.get("/detectors/algorithms").json()] == ALGORITHMS


@pytest.mark.parametrize("algorithm", ["ecod", "IsolationForest", "local_outlier_factor"])
def test_upload_train_detect_evaluate(admin, blobs_with_outliers, algorithm):
    dataset = admin.upload(labelled_csv(blobs_with_outliers), target_column="label")
    assert (dataset["shape"], dataset["n_features"], dataset["has_target"]) == ([1000, 6], 5, True)
    assert "label" not in dataset["feature_names"]
    detector = admin.detector(algorithm, contamination_rate=0.05)
    assert detector["is_fitted"] is False

    operation = admin.train(detector["id"], dataset["id"])

    assert operation["status"] == "completed"
    assert operation["progress"] == 1.0
    assert operation["result"]["n_samples"] == 1000
    assert operation["result"]["n_features"] == 5
    assert 0 < operation["result"]["training_time_seconds"] < 60
    body = {"detector_id": detector["id"], "dataset_id": dataset["id"]}
    first = admin.http.post("/detection/detect", json=body)
    again = admin.http.post("/detection/detect", json=body)
    assert (first.headers["x-cache"], again.headers["x-cache"]) == ("miss", "hit")
    assert (first.json()["cached"], again.json()["cached"]) == (False, True)
    assert first.json() | {"cached": True} == again.json()
    found = first.json()
    assert found["n_samples"] == len(found["anomaly_scores"]) == 1000
    assert found["n_anomalies"] == sum(found["anomaly_labels"])
    assert (
        abs(found["n_anomalies"] - 50) <= 10
    )  # LOF scores a row it was trained on as one of its own neighbours
    assert [int(s > found["threshold"]) for s in found["anomaly_scores"]] == found["anomaly_labels"]
    evaluation = admin.http.post("/detection/evaluate", json=body).json()
    if algorithm != "local_outlier_factor":  # a tight cloud of outliers is what LOF can't see
        assert evaluation["roc_auc"] > 0.99
        assert evaluation["f1"] > 0.9
    assert evaluation["true_positives"] + evaluation["false_negatives"] == 50


def test_predict_agrees_with_detect_in_every_form_of_body(admin, blobs_with_outliers):
    detector, dataset = admin.trained(blobs_with_outliers, "isolation_forest")
    stored = admin.http.post(
        "/detection/detect", json={"detector_id": detector, "dataset_id": dataset}
    ).json()
    rows = blobs_with_outliers[:20]
    names = [f"f{i}" for i in range(5)]
    npy, arrow = io.BytesIO(), io.BytesIO()
    np.save(npy, rows)
    table = pa.table(dict(zip(names, rows.T, strict=True)))
    with pa.ipc.new_stream(arrow, table.schema) as writer:
        writer.write_table(table)
    bodies = [
        {"json": {"detector_id": detector, "rows": rows.tolist()}},
        {"json": {"detector_id": detector, "data": rows.tolist()}},
        {
            "json": {
                "detector_id": detector,
                "rows": [dict(zip(names, row, strict=True)) for row in rows.tolist()],
            }
        },
        {"json": {"detector_id": detector, "columns": dict(zip(names, rows.T.tolist(), strict=True))}},
        {"content": npy.getvalue(), "headers": {"content-type": "application/x-npy"}},
        {"content": arrow.getvalue(), "headers": {"content-type": "application/vnd.apache.arrow.stream"}},
    ]
    for body in bodies:
        answer = admin.http.post("/detection/predict", params={"detector_id": detector}, **body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["anomaly_scores"] == stored["anomaly_scores"][:20]
        assert answer.json()["anomaly_labels"] == stored["anomaly_labels"][:20]
    binary = admin.http.post("/detection/predict", headers={"accept": "application/x-npy"}, **bodies[0])
    assert np.load(io.BytesIO(binary.content))[:, 0].tolist() == stored["anomaly_scores"][:20]


def test_text_columns_and_missing_values_are_dealt_with_the_same_way_ever_after(admin):
    rng = np.random.default_rng(1)
    lines = ["size,colour,remark"]
    lines += [
        f"{value:.4f},{'red' if i % 4 else 'blue'},note {i}" for i, value in enumerate(rng.normal(size=1200))
    ]
    lines[5] = ",red,lost its size"
    lines[9] = "50,violet,far out"
    dataset = admin.upload("\n".join(lines).encode())
    assert (dataset["numeric_features"], dataset["categorical_features"]) == (1, 2)
    detector = admin.detector("hbos")
    operation = admin.train(detector["id"], dataset["id"])
    assert operation["result"]["n_features"] == 2  # a remark a row says nothing
    found = admin.http.post(
        "/detection/detect", json={"detector_id": detector["id"], "dataset_id": dataset["id"]}
    ).json()
    assert int(np.argmax(found["anomaly_scores"])) == 8

    def predict(row):
        return admin.http.post("/detection/predict", json={"detector_id": detector["id"], "rows": [row]})

    assert predict({"size": 50, "colour": "violet"}).json()["anomaly_scores"][0] == max(
        found["anomaly_scores"]
    )
    assert predict({"size": None, "colour": "red"}).status_code == 422
    assert predict({"size": 1.0}).json()["code"] == "dimension-mismatch"
    assert predict([1.0, 2.0]).status_code == 422


def test_a_retrained_detector_serves_its_new_model(admin, blobs_with_outliers):
    detector, dataset = admin.trained(blobs_with_outliers)
    before = admin.http.post(
        "/detection/detect", json={"detector_id": detector, "dataset_id": dataset}
    ).json()
    other = admin.upload_rows(blobs_with_outliers[50:])["id"]

    assert admin.train(detector, other)["result"]["model_version"] == 2

    after = admin.http.post("/detection/detect", json={"detector_id": detector, "dataset_id": dataset})
    assert after.headers["x-cache"] == "miss"
    assert after.json()["anomaly_scores"] != before["anomaly_scores"]


def test_batch_detection_gives_what_single_ones_do(admin, blobs_with_outliers):
    detector, dataset = admin.trained(blobs_with_outliers)
    other = admin.upload_rows(blobs_with_outliers[:100])["id"]
    operation = admin.finished(
        admin.http.post(
            "/detection/detect/batch", json={"detector_id": detector, "dataset_ids": [dataset, other]}
        )
    )
    assert operation["status"] == "completed"
    assert [brief["n_samples"] for brief in operation["result"]["results"]] == [1000, 100]
    single = admin.http.post("/detection/detect", json={"detector_id": detector, "dataset_id": other}).json()
    batched = admin.http.get(f"/detection/results/{operation['result']['results'][1]['id']}").json()
    assert batched["anomaly_scores"] == single["anomaly_scores"]


def test_stream_scores_line_by_line_and_survives_bad_lines(admin, blobs_with_outliers):
    detector, dataset = admin.trained(blobs_with_outliers)
    stored = admin.http.post(
        "/detection/detect", json={"detector_id": detector, "dataset_id": dataset}
    ).json()
    good = [str(row).encode() for row in blobs_with_outliers.tolist()]
    lines = [*good[:600], b"nonsense", b"[1, 2]", b'["\xff", 2, 3, 4, 5]', *good[600:]]
    answer = admin.http.post(
        "/detection/stream",
        params={"detector_id": detector},
        content=iter([b"\n".join(lines[:300]) + b"\n", b"\n".join(lines[300:])]),
        headers={"content-type": "application/x-ndjson"},
    )
    replies = [json.loads(line) for line in answer.text.splitlines()]
    assert [reply["index"] for reply in replies] == list(range(1003))
    assert ["error" in reply for reply in replies] == [i in (600, 601, 602) for i in range(1003)]
    scores = [reply["score"] for reply in replies if "score" in reply]
    np.testing.assert_allclose(scores, stored["anomaly_scores"], rtol=1e-12)


def test_dataset_sample_quality_split_and_export_give_the_data_back(admin):
    text = b"name,value\n=1+1,1\nplain,2\nplain,2\n,inf\n"
    dataset = admin.upload(text)["id"]
    sample = admin.http.get(f"/datasets/{dataset}/sample", params={"n": 10}).json()
    assert sample == {
        "columns": ["name", "value"],
        "rows": [["=1+1", 1], ["plain", 2], ["plain", 2], [None, None]],
    }
    quality = admin.http.get(f"/datasets/{dataset}/quality").json()
    assert (quality["n_missing"], quality["n_duplicate_rows"]) == (1, 1)
    assert quality["columns"][1]["n_infinite"] == 1
    csv = admin.http.get(f"/datasets/{dataset}/export", params={"format": "csv"})
    assert csv.text == "name,value\n'=1+1,1.0\nplain,2.0\nplain,2.0\n,inf\n"
    parquet = admin.http.get(f"/datasets/{dataset}/export", params={"format": "parquet"}).content
    assert pq.read_table(io.BytesIO(parquet)).column("name").to_pylist() == ["=1+1", "plain", "plain", None]
    assert admin.http.get(f"/datasets/{dataset}/export", params={"format": "npy"}).status_code == 422
    rows = np.arange(20.0).reshape(10, 2)
    matrix = admin.upload_rows(rows)["id"]
    npy = admin.http.get(f"/datasets/{matrix}/export", params={"format": "npy"}).content
    assert np.load(io.BytesIO(npy)).tolist() == rows.tolist()
    sides = admin.http.post(f"/datasets/{matrix}/split", json={"test_fraction": 0.3}).json()
    halves = [
        admin.http.get(f"/datasets/{sides[side]['id']}/sample", params={"n": 10}).json()["rows"]
        for side in ("train", "test")
    ]
    assert [len(half) for half in halves] == [7, 3]
    assert sorted(halves[0] + halves[1]) == rows.tolist()


def test_what_is_deleted_is_gone(admin, blobs_with_outliers):
    detector, dataset = admin.trained(blobs_with_outliers)
    body = {"detector_id": detector, "dataset_id": dataset}
    result = admin.http.post("/detection/detect", json=body).json()["id"]
    assert admin.http.delete(f"/detection/results/{result}").status_code == 204
    assert admin.http.get(f"/detection/results/{result}").status_code == 404
    assert admin.http.post("/detection/detect", json=body).headers["x-cache"] == "miss"
    for path in (f"/datasets/{dataset}", f"/detectors/{detector}"):
        assert admin.http.delete(path).status_code == 204
        assert admin.http.get(path).status_code == 404
        assert admin.http.delete(path).status_code == 404
    assert admin.http.post("/detection/detect", json=body).status_code == 404
    assert (
        admin.http.post("/detection/predict", json={"detector_id": detector, "rows": [[0] * 5]}).status_code
        == 404
    )


def test_listings_are_newest_first_and_paged(admin):
    made = [admin.detector("ecod", name=f"number {i}")["id"] for i in range(3)]
    page = admin.http.get("/detectors", params={"limit": 2, "offset": 1})
    assert [detector["id"] for detector in page.json()] == [made[1], made[0]]
    assert int(page.headers["x-total-count"]) >= 3


def test_training_on_what_can_not_be_trained_on_fails_with_the_reason(admin):
    rows = np.ones((10, 2))
    rows[3, 1] = np.inf
    operation = admin.train(admin.detector()["id"], admin.upload_rows(rows)["id"])
    assert (operation["status"], operation["error"]["code"]) == ("failed", "non-finite-values")
    untrained = admin.detector()["id"]
    answer = admin.http.post("/detection/predict", json={"detector_id": untrained, "rows": [[1, 2]]})
    assert (answer.status_code, answer.json()["code"]) == (409, "not-fitted")
