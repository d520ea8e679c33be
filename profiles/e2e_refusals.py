"""What the e2e profile wants refused, and how: too much, too often, too early, and files that are no good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pynomaly_itest.target.http import Body
from pynomaly_itest.testing import (
    IntegrationTestHelper,
    TestSecurityService,
    scenario,
)


@scenario
async def training_on_identifiers_fails(integration_helper: IntegrationTestHelper, tmp_folder: Path) -> None:
    """Nothing but identifiers can't be trained on: the operation fails, and says what is wrong."""
    helper = integration_helper
    path = tmp_folder / "identifiers.csv"
    path.write_text("key\n" + "".join(f"user-{number}\n" for number in range(1500)))
    stored = await helper.upload_dataset(path, "identifiers")
    detector = await helper.create_detector(algorithm="hbos")
    operation = await helper.start_training(detector["id"], stored["id"])
    ended = await helper.wait_for_operation(operation, until="failed")
    assert ended["error"]["code"] == "invalid-input"
    assert "column" in ended["error"]["detail"]


@scenario
async def too_much_is_refused(integration_helper: IntegrationTestHelper, tmp_folder: Path) -> None:
    """A file, a body and rows beyond the limits are 413; what is within them is taken."""
    helper = integration_helper

    async def upload(rows: int, width: int) -> Any:
        cells = ",".join(["1.5"] * width)
        text = ",".join(f"c{n}" for n in range(width)) + "\n" + f"{cells}\n" * rows
        file = {"file": ("rows.csv", text.encode(), "text/csv")}
        reply = await helper.api.send("POST", "datasets/upload", body=Body(files=file))
        if reply.status == 201:
            stored = reply.json()["id"]
            helper.ledger.created("dataset", stored, f"datasets/{stored}")
        return reply

    assert (await upload(400, 2)).status == 201
    assert (await upload(501, 2)).status == 413, "more rows than max_rows"
    file = {"file": ("rows.csv", b"a,b\n" + b"1,2\n" * 300_000, "text/csv")}
    big = await helper.api.send("POST", "datasets/upload", body=Body(files=file))
    assert big.status == 413, "more bytes than max_upload_bytes"
    assert big.json()["code"] == "too-large"
    stored = (await upload(100, 2)).json()
    detector = await helper.create_detector(stored["id"], "hbos")
    await helper.train_detector(detector["id"])

    async def predict(n_rows: int) -> int:
        body = Body(json={"detector_id": detector["id"], "rows": [[0.0, 1.0]] * n_rows})
        return (await helper.api.send("POST", "detection/predict", body=body)).status

    assert await predict(10) == 200
    assert await predict(11) == 413, "more rows than max_predict_rows"
    assert await predict(20_000) == 413, "more bytes than max_body_bytes"


@scenario
async def a_full_queue_says_later(integration_helper: IntegrationTestHelper, tmp_folder: Path) -> None:
    """With one worker and one place in the queue, one of four trainings at once is 429 with Retry-After."""
    helper = integration_helper
    path = tmp_folder / "rows.csv"
    path.write_text("a,b,c\n" + "".join(f"{n % 97},{n % 89},{n % 83}\n" for n in range(15_000)))
    stored = await helper.upload_dataset(path, "rows")
    detectors = [await helper.create_detector(algorithm="one_class_svm") for _ in range(4)]
    replies = []
    for detector in detectors:
        both = {"detector_id": detector["id"], "dataset_id": stored["id"]}
        replies.append(await helper.api.send("POST", "detection/train", body=Body(json=both)))
    refused = [reply for reply in replies if reply.status == 429]
    accepted = [reply.json()["id"] for reply in replies if reply.status == 202]
    assert refused, "no training was put off"
    assert accepted, "no training was taken"
    assert int(refused[0].headers["retry-after"]) >= 1
    for operation in accepted:
        await helper.api.send("DELETE", f"operations/{operation}")
        await helper.wait_for_operation(operation, until="cancelled")


@scenario
async def too_often_is_told_when(test_security_service: TestSecurityService) -> None:
    """Beyond its burst an account is 429 with Retry-After, and another account is served meanwhile."""
    hasty = await test_security_service.create_user("viewer")
    calm = await test_security_service.create_user("viewer")
    replies = [await hasty.api.send("GET", "auth/me") for _ in range(60)]
    refused = [reply for reply in replies if reply.status == 429]
    assert refused, "60 requests at once were all served at 5 a second"
    assert int(refused[0].headers["retry-after"]) >= 1
    assert refused[0].json()["code"] == "rate-limited"
    assert (await calm.api.send("GET", "auth/me")).status == 200


@scenario
async def not_fitted(
    integration_helper: IntegrationTestHelper, route: str, detector_id: str, dataset_id: str
) -> None:
    """Every way of asking an untrained detector is 409 not-fitted."""
    both = {"detector_id": detector_id, "dataset_id": dataset_id}
    asked: dict[str, tuple[str, Body]] = {
        "detect": ("detection/detect", Body(json=both)),
        "evaluate": ("detection/evaluate", Body(json=both)),
        "predict": ("detection/predict", Body(json={"detector_id": detector_id, "rows": [[0.0] * 5]})),
        "batch": (
            "detection/detect/batch",
            Body(json={"detector_id": detector_id, "dataset_ids": [dataset_id]}),
        ),
        "stream": (f"detection/stream?detector_id={detector_id}", Body(content=b"[0,0,0,0,0]\n")),
    }
    path, body = asked[route]
    headers = {"Content-Type": "application/x-ndjson"} if route == "stream" else {}
    reply = await integration_helper.api.send("POST", path, body=body, headers=headers)
    assert reply.status == 409
    assert reply.headers["content-type"].startswith("application/problem+json")
    assert reply.json()["code"] == "not-fitted"


@scenario
async def bad_files_are_refused(test_security_service: TestSecurityService) -> None:
    """Ragged, empty, mislabelled and damaged files are 422 with a reason, and leave no dataset behind."""
    api = (await test_security_service.create_user()).api
    bad = {
        "ragged.csv": b"a,b\n1,2\n3,4,5\n",
        "empty.csv": b"",
        "header-only.csv": b"a,b\n",
        "damaged.npy": b"\x93NUMPY\x01\x00garbage",
        "pickled.npy": b"\x93NUMPY\x01\x00\x3e\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }   \n",
        "damaged.parquet": b"PAR1nothingPAR1",
        "twice.csv": b"a,a\n1,2\n",
    }
    for name, content in bad.items():
        reply = await api.send(
            "POST", "datasets/upload", body=Body(files={"file": (name, content, "text/csv")})
        )
        assert reply.status == 422, f"{name}: {reply.status} {reply.body[:200]!r}"
        assert reply.json()["code"] in ("unreadable-dataset", "invalid-input"), name
    other = {"target_column": (None, "nowhere"), "file": ("rows.csv", b"a,b\n1,2\n3,4\n", "text/csv")}
    assert (await api.send("POST", "datasets/upload", body=Body(files=other))).status == 422, "no such target"
    kind = {"file": ("rows.exe", b"MZ\x90\x00", "application/octet-stream")}
    assert (await api.send("POST", "datasets/upload", body=Body(files=kind))).status in (415, 422)
    assert (await api.send("GET", "datasets?limit=1")).headers["x-total-count"] == "0"
