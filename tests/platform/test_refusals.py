"""Bad input of every kind: refused with the right status, a reason, and no word on how the service is built."""

from __future__ import annotations

import io
import json
import socket
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

# what is refused is refused before any backend is asked
BACKENDS = ["sqlite+memory"]


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def parquet(**columns):
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def shaped(shape, n_values):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00\x76\x00" + header.encode() + bytes(8 * n_values)


BAD_FILES = {
    "nothing": ("a.csv", b"", "empty"),
    "a header alone": ("a.csv", b"a,b\n", "no rows"),
    "a ragged row": ("a.csv", b"a,b\n1,2\n3\n4,5\n", "Line 3"),
    "a row too long": ("a.csv", b"a,b\n1,2\n3,4,5\n", "Line 3"),
    "an open quote": ("a.csv", b'a,b\n"1,2\n3,4\n', "Line"),
    "two columns of one name": ("a.csv", b"a,a\n1,2\n", "twice"),
    "Latin-1": ("a.csv", b"a,b\n1,\xe9\n", "UTF-8"),
    "UTF-16": ("a.csv", "a,b\n1,2\n".encode("utf-16"), "UTF-8"),
    "a control character in a name": ("a.csv", b"a\x01,b\n1,2\n", "control"),
    "semicolons": ("a.csv", b"a;b\n1;2\n", "Line 1"),
    "an error of a spreadsheet's": ("a.csv", b"a,b\n" + b"1,2\n" * 60 + b"#DIV/0!,2\n", "Line 62"),
    "a name missing": ("a.csv", b"a,\n1,2\n", "Line 1"),
    "an identifier beyond 2^53": ("a.csv", b"a,b\n1,12345678901234567\n", "Line 2"),
    "the same in Parquet": ("a.parquet", parquet(a=[1.0], id=[12345678901234567]), "'id'"),
    "not numpy": ("a.npy", b"hello", "npy"),
    "objects": ("a.npy", npy(np.array([{"a": 1}], dtype=object)), "real numbers"),
    "complex numbers": ("a.npy", npy(np.array([1j])), "real numbers"),
    "three dimensions": ("a.npy", npy(np.zeros((2, 2, 2))), "dimensions"),
    "no rows": ("a.npy", npy(np.zeros((0, 3))), "no rows"),
    "a cut-off array": ("a.npy", npy(np.zeros((9, 3)))[:-1], "promises"),
    "a negative shape": ("a.npy", shaped("(-2, -3)", 6), "whole numbers"),
    "a shape of booleans": ("a.npy", shaped("(True, True)", 1), "whole numbers"),
    "a header that is code": ("a.npy", shaped("__import__('os')", 1), "header"),
    "an array that claims terabytes": (
        "a.npy",
        b"\x93NUMPY\x01\x00v\x00"
        + b"{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 2), }".ljust(117)
        + b"\n",
        None,
    ),
    "not Parquet": ("a.parquet", b"PAR1 hello PAR1", "Parquet"),
    "nested Parquet": ("a.parquet", parquet(a=[[1, 2], [3]]), "nested"),
    "Parquet without rows": ("a.parquet", parquet(a=pa.array([], pa.float64())), "no rows"),
    "a pickle": ("a.pkl", b"\x80\x04}\x94.", None),
    "XML": ("a.xlsx", b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>", None),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_bad_file_is_refused_and_leaves_nothing(admin, what):
    name, content, words = BAD_FILES[what]
    before = int(admin.http.get("/datasets").headers["x-total-count"])
    answer = admin.http.post("/datasets/upload", files={"file": (name, content)})
    assert answer.status_code in (413, 415, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert words is None or words in answer.json()["detail"]
    assert int(admin.http.get("/datasets").headers["x-total-count"]) == before


GOOD_FILES = {
    "a byte-order mark": (b"\xef\xbb\xbfa,b\n1,2\n", ["a", "b"], 1),
    "no header": (b"1,2\n3,4\n", ["f0", "f1"], 2),
    "Windows line ends": (b"a,b\r\n1,2\r\n", ["a", "b"], 1),
    "missing cells": (b"a,b\n1,\nNaN,4\n", ["a", "b"], 2),
    "a constant column": (b"a,b\n1,7\n2,7\n", ["a", "b"], 2),
    "text far down": (b"a,b\n" + b"1,2\n" * 100_000 + b"x,4\n" * 100_001, ["a", "b"], 200_001),
}


@pytest.mark.parametrize("what", GOOD_FILES)
def test_a_file_that_is_merely_odd_is_taken(admin, what):
    content, names, n_rows = GOOD_FILES[what]
    dataset = admin.upload(content)
    assert (dataset["feature_names"], dataset["n_samples"]) == (names, n_rows)
    admin.http.delete(f"/datasets/{dataset['id']}")


@pytest.mark.parametrize("labels", ["1,2,2", "0,-1,0", "normal,attack,normal", "0,,1"])
def test_a_target_column_that_holds_no_labels_is_refused_with_the_row(admin, labels):
    rows = "".join(f"{n},{label}\n" for n, label in enumerate(labels.split(",")))
    answer = admin.http.post(
        "/datasets/upload", files={"file": ("a.csv", f"a,y\n{rows}")}, data={"target_column": "y"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")
    assert "row" in answer.json()["detail"] or "both 0 and -1" in answer.json()["detail"]
    assert "1 marks an anomaly" in answer.json()["hint"]


def test_the_quality_of_huge_numbers_has_mean_and_deviation(admin):
    dataset = admin.upload(b"a,b\n1e160,1e300\n3e160,-1e300\n2e160,1e300\n")
    answer = admin.http.get(f"/datasets/{dataset['id']}/quality")
    assert answer.status_code == 200, answer.text
    a, b = answer.json()["columns"]
    assert (a["mean"], a["std"]) == pytest.approx((2e160, (2 / 3) ** 0.5 * 1e160))
    assert (b["mean"], b["std"]) == pytest.approx((1e300 / 3, (8 / 9) ** 0.5 * 1e300))


BAD_ROWS = {
    "NaN": (b"[[NaN, 1, 1, 1, 1]]", 422),
    "infinity": (b"[[-Infinity, 1, 1, 1, 1]]", 422),
    "beyond floats": (b"[[1e400, 1, 1, 1, 1]]", 422),
    "a truth value": (b"[[true, 1, 1, 1, 1]]", 422),
    "text": (b'[["1", 1, 1, 1, 1]]', 422),
    "null": (b"[[null, 1, 1, 1, 1]]", 422),
    "too narrow": (b"[[1]]", 422),
    "too wide": (b"[[1, 1, 1, 1, 1, 1]]", 422),
    "ragged": (b"[[1, 1, 1, 1, 1], [1]]", 422),
    "no columns": (b"[[]]", 422),
    "no rows": (b"[]", 422),
    "mixed forms": (b'[[1, 1, 1, 1, 1], {"f0": 1}]', 422),
    "10,000 brackets": (b"[" * 10_000 + b"]" * 10_000, 422),
    "an open bracket": (b"[[1, 1, 1, 1, 1]", 400),
    "text that is not UTF-8": (b'[["\xff", 1, 1, 1, 1]]', 400),
}


@pytest.fixture(scope="module")
def trained(server, blobs_with_outliers):
    return server.client().trained(blobs_with_outliers)[0]


ARROW = "application/vnd.apache.arrow.stream"


def arrow(**columns):
    sink = io.BytesIO()
    table = pa.table(columns)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize("offsets", [(0, 2, 1_500_000_000), (0, 4, 200), (0, -8, 4)])
def test_offsets_that_point_elsewhere_end_nothing(server, admin, trained, offsets):
    good = arrow(**{f"f{i}": [1.0, 2.0] for i in range(5)}, t=["ab", "cd"])
    bad = good.replace(struct.pack("<3i", 0, 2, 4), struct.pack("<3i", *offsets))
    asked = {"params": {"detector_id": trained}, "headers": {"content-type": ARROW}}
    assert admin.http.post("/detection/predict", content=good, **asked).status_code == 200
    pid = server.process.pid
    answer = admin.http.post("/detection/predict", content=bad, **asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")
    assert admin.http.post("/detection/predict", content=good, **asked).status_code == 200
    assert server.process.poll() is None
    assert server.process.pid == pid


@pytest.mark.parametrize("media_type", [ARROW, "application/x-npy"])
def test_binary_rows_are_read_only_once_the_detector_was_found(admin, server, media_type):
    asked = {"params": {"detector_id": "det_none"}, "headers": {"content-type": media_type}}
    assert admin.http.post("/detection/predict", content=b"no such thing", **asked).status_code == 404
    anonymous = server.open().post("/detection/predict", content=b"no such thing", **asked)
    assert anonymous.status_code == 401


def test_a_sample_of_very_large_cells_is_refused_and_a_smaller_one_given(admin):
    text = pa.DictionaryArray.from_arrays(np.zeros(300, np.int32), ["x" * (256 << 10)])
    dataset = admin.upload(parquet(a=np.zeros(300), t=text), "large.parquet")["id"]
    assert admin.http.get(f"/datasets/{dataset}/sample", params={"n": 300}).status_code == 413
    assert len(admin.http.get(f"/datasets/{dataset}/sample", params={"n": 3}).json()["rows"]) == 3
    quality = admin.http.get(f"/datasets/{dataset}/quality").json()
    assert quality["columns"][1]["n_categories"] == 1
    admin.http.delete(f"/datasets/{dataset}")


def test_readiness_depends_on_processes_that_train_and_parse(admin):
    checks = admin.http.get("/health/ready").json()["checks"]
    assert (checks["workers"], checks["parsers"]) == ("ok", "ok")


@pytest.mark.parametrize("what", BAD_ROWS)
def test_bad_rows_are_refused(admin, trained, what):
    rows, status = BAD_ROWS[what]
    body = b'{"detector_id": "%s", "rows": %s}' % (trained.encode(), rows)
    answer = admin.http.post("/detection/predict", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] in (
        "non-finite-values",
        "invalid-input",
        "dimension-mismatch",
        "malformed-body",
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/detectors", {}),
        ("/detectors", {"algorithm_name": "nope"}),
        ("/detectors", {"algorithm_name": "ecod", "algorithm": "copod"}),
        ("/detectors", {"algorithm_name": "ecod", "contamination_rate": 0.6}),
        ("/detectors", {"algorithm_name": "ecod", "owner_id": "someone"}),
        ("/detectors", {"algorithm_name": "isolation_forest", "parameters": {"n_estimators": 10**9}}),
        ("/detectors", {"algorithm_name": "isolation_forest", "parameters": {"nope": 1}}),
        ("/detectors", {"algorithm_name": "ecod", "name": "../../etc/passwd"}),
        ("/detectors", {"algorithm_name": "ecod", "name": "a\x00b"}),
        ("/detectors", {"algorithm_name": "ecod", "metadata": json.loads("[" * 40 + "]" * 40)}),
        ("/detection/train", {"detector_id": "x"}),
        ("/detection/train", {"detector_id": "../x", "dataset_id": "y"}),
        ("/detection/detect/batch", {"detector_id": "x", "dataset_ids": []}),
        ("/admin/users", {"username": "x", "password": "short", "role": "viewer"}),
        ("/admin/users", {"username": "x", "password": "plain-orchid-ferry-41-lamp", "role": "emperor"}),
        ("/auth/api-keys", {"name": "x", "permissions": ["no:such"]}),
    ],
)
def test_bodies_that_say_what_can_not_be_are_refused(admin, path, body):
    answer = admin.http.post(path, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/detectors", b'{"name": "\xff"}'),
        ("/detectors", b'{"algorithm_name": "ecod", "metadata": {"k": "\xc3("}}'),
        ("/detection/train", b'{"detector_id": "\xed\xa0\x80"}'),
        ("/admin/users", b'{"username": "\xff"}'),
        ("/auth/api-keys", b'{"\xff": 1}'),
        ("/auth/login", b'{"username": "\xff", "password": "x"}'),
    ],
)
def test_text_that_is_not_utf_8_is_no_json(admin, path, body):
    answer = admin.http.post(path, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed-body"), answer.text


def test_a_key_that_occurs_twice_is_refused_in_small_bodies_and_in_large(admin, trained):
    rows = json.dumps([[1.0] * 5] * 5_000)
    for tail in ("", f', "rows": {rows}'):
        body = f'{{"detector_id": "{trained}", "detector_id": "{trained}", "rows": [[1, 1, 1, 1, 1]]{tail}}}'
        answer = admin.http.post(
            "/detection/predict", content=body, headers={"content-type": "application/json"}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")


def test_text_is_kept_as_it_is_written(admin):
    for name in ("{{7*7}}", "' OR 1=1 --", "<img src=x onerror=alert(1)>", "=1+1"):
        assert admin.detector(name=name)["name"] == name


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("TRACE", "/datasets", 405),
        ("PUT", "/datasets", 405),
        ("GET", "/datasets/%2e%2e%2fx", 404),
        ("GET", "/datasets?limit=100000", 422),
        ("GET", "/datasets?limit=x", 422),
    ],
)
def test_paths_and_methods_that_are_not_there(admin, method, path, status):
    answer = admin.http.request(method, path)
    assert answer.status_code == status
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert status != 405 or "GET" in answer.headers["allow"]


def test_compressed_bodies_are_refused(admin):
    answer = admin.http.post(
        "/detectors",
        content=b"\x1f\x8b",
        headers={"content-encoding": "gzip", "content-type": "application/json"},
    )
    assert answer.status_code == 415


def test_a_parquet_file_that_claims_more_rows_than_allowed_is_refused(make_server):
    client = make_server(PYNOMALY_MAX_ROWS="1000", PYNOMALY_MAX_COLUMNS="5").client()
    for name, content in {
        "a.parquet": parquet(a=np.zeros(1001)),
        "a.npy": npy(np.zeros((1001, 2))),
        "a.csv": b"a\n" + b"1\n" * 1001,
        "b.csv": b"1,2,3,4,5,6\n",
        "b.npy": npy(np.zeros((2, 6))),
    }.items():
        assert client.http.post("/datasets/upload", files={"file": (name, content)}).status_code == 413, name


def test_bodies_over_the_limit_are_refused_whatever_they_announce(make_server):
    server = make_server(PYNOMALY_MAX_UPLOAD_BYTES="100000", PYNOMALY_MAX_BODY_BYTES="1000")
    client = server.client()
    upload = client.http.post("/datasets/upload", files={"file": ("a.csv", b"a\n" + b"1\n" * 2_000_000)})
    assert upload.status_code == 413
    assert client.http.post("/detectors", content=b" " * 1001).status_code == 413
    chunked = client.http.post("/detectors", content=iter([b" " * 600, b" " * 600]))
    assert chunked.status_code == 413
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:  # announces much, sends nothing
        raw.sendall(
            b"POST /api/v1/detectors HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n"
            + f"Authorization: {client.http.headers['authorization']}\r\n\r\n".encode()
        )
        assert raw.recv(100).startswith(b"HTTP/1.1 413")


def test_every_answer_carries_the_headers_that_keep_browsers_safe(server):
    client = server.open()
    for path in ("/api/v1/health", "/nowhere", "/metrics", "/openapi.json"):
        answer = client.get(f"{server.url}{path}", headers={"origin": "https://evil.example"})
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "max-age" in answer.headers["strict-transport-security"]
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers
        assert "app;dur=" in answer.headers["server-timing"]
        assert answer.headers["x-request-id"]


def test_a_request_id_is_taken_over_only_if_it_is_harmless(server):
    client = server.open()
    good = client.get("/health", headers={"x-request-id": "trace-1"})
    bad = client.get("/health", headers={"x-request-id": "a b"})
    assert good.headers["x-request-id"] == "trace-1"
    assert bad.headers["x-request-id"] != "a b"
