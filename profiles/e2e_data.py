"""The part of the e2e profile that YAML says badly: several users at once, files in pieces, codes that change."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import io
import json
import time
from pathlib import Path
from typing import Any

from pynomaly_itest.target.http import Body
from pynomaly_itest.testing import (
    Container,
    IntegrationTestAssertions,
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


@scenario
async def a_revoked_key_is_dead(
    test_security_service: TestSecurityService, integration_assertions: IntegrationTestAssertions
) -> None:
    """A key that was revoked is refused at the next request."""
    user = await test_security_service.create_user("analyst")
    made = await user.api.call(
        "POST", "auth/api-keys", accept=(201,), body=Body(json={"name": "short-lived"})
    )
    integration_assertions.assert_api_response_structure(made, ["id", "api_key", "permissions", "expires_at"])
    by_key = test_security_service.accounts.with_api_key(made["api_key"])
    assert (await by_key.send("GET", "auth/me")).status == 200
    listed = await user.api.call("GET", "auth/api-keys")
    assert [key["id"] for key in listed] == [made["id"]]
    assert "api_key" not in listed[0], "a key's secret is shown once"
    await user.api.call("DELETE", f"auth/api-keys/{made['id']}", accept=(204,))
    assert (await by_key.send("GET", "auth/me")).status == 401


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


@scenario(
    title="A session can be seen, renewed once, ended; afterwards its tokens are dead", tags=["end_to_end"]
)
async def sessions(test_container: Container) -> None:
    """Log in, look, refresh, use a refresh token twice, log out."""
    user = await test_container.security.create_user("analyst")
    http, anonymous = test_container.http, test_container.security.anonymous()

    async def log_in() -> Any:
        form = {"username": user.username, "password": user.password}
        reply = await anonymous.send("POST", "auth/login", body=Body(form=form))
        assert reply.status == 200
        return reply.json()

    async def status(token: str, path: str = "auth/me", method: str = "GET") -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return (await http.send(method, f"/api/v1/{path}", headers=headers)).status

    async def refresh(token: str) -> Any:
        return await anonymous.send("POST", "auth/refresh", body=Body(json={"refresh_token": token}))

    first = await log_in()
    assert await status(first["access_token"]) == 200
    renewed = await refresh(first["refresh_token"])
    assert renewed.status == 200
    assert (await refresh(first["refresh_token"])).status == 401, "a refresh token counts once"
    assert await status(renewed.json()["access_token"]) == 401, "its second use ends the session"
    second, third = await log_in(), await log_in()
    listed = await user.api.call("GET", "auth/sessions")
    assert sum(session["is_current"] for session in listed) == 1
    assert await status(second["access_token"], "auth/logout", "POST") == 204
    assert await status(second["access_token"]) == 401
    left = {
        session["id"] for session in await user.api.call("GET", "auth/sessions") if not session["is_current"]
    }
    for session in left:
        await user.api.call("DELETE", f"auth/sessions/{session}", accept=(204,))
    assert await status(third["access_token"]) == 401, "a session that was ended from elsewhere"
    assert await status("eyJhbGciOiJub25lIn0.e30.") == 401


@scenario(
    title="A second factor is asked for once it is confirmed, and no more once it is removed",
    tags=["end_to_end"],
)
async def second_factor(test_container: Container) -> None:
    """Enrol, confirm with a code, log in with and without one, change the password, remove it."""
    user = await test_container.security.create_user("analyst")
    anonymous, api = test_container.security.anonymous(), user.api

    async def log_in(password: str, **more: str) -> int:
        form = {"username": user.username, "password": password, **more}
        return (await anonymous.send("POST", "auth/login", body=Body(form=form))).status

    enrolled = await api.call("POST", "auth/totp", accept=(201,), body=Body(json={"password": user.password}))
    confirmation = Body(json={"code": _totp(enrolled["secret"], -1)})
    await api.call("POST", "auth/totp/confirm", accept=(204,), body=confirmation)
    assert await log_in(user.password) == 401, "without the code"
    assert await log_in(user.password, totp_code=_totp(enrolled["secret"], 0)) == 200
    removal = {"password": user.password, "code": _totp(enrolled["secret"], 1)}
    await api.call("POST", "auth/totp/disable", accept=(204,), body=Body(json=removal))
    assert await log_in(user.password) == 200
    fresh = "another-Pass-phrase-of-42-words"
    change = {"current_password": user.password, "new_password": fresh}
    await api.call("POST", "auth/password", accept=(204,), body=Body(json=change))
    assert await log_in(user.password) == 401
    assert await log_in(fresh) == 200


def _totp(secret: str, steps_away: int) -> str:
    """RFC 6238, SHA-1, 30 s, 6 digits; `steps_away` from now."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8), casefold=True)
    counter = int(time.time()) // 30 + steps_away
    digest = hmac.new(key, counter.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


@scenario(
    title="Accounts are made, changed, closed and erased; what is held about one can be seen",
    tags=["end_to_end"],
)
async def administration(
    test_container: Container, integration_assertions: IntegrationTestAssertions, sample_dataset_csv: Path
) -> None:
    """Roles, permissions, a change of role in force at once, a closed account, personal data, erasure."""
    api = test_container.api
    roles = {role["role"] for role in await api.call("GET", "admin/roles")}
    assert roles == {"admin", "data_scientist", "analyst", "viewer"}
    assert "data:read" in await api.call("GET", "admin/permissions")
    user = await test_container.security.create_user("viewer")
    assert user.id in {account["id"] for account in await api.call("GET", "admin/users")}
    twin = {"username": user.username, "password": "Correct-Horse-42-Battery", "role": "viewer"}
    assert (await api.send("POST", "admin/users", body=Body(json=twin))).status == 409
    weak = {"username": f"{user.username}-2", "password": "password1", "role": "viewer"}
    assert (await api.send("POST", "admin/users", body=Body(json=weak))).status == 422
    file = {"file": ("rows.csv", sample_dataset_csv.read_bytes(), "text/csv")}
    assert (await user.api.send("POST", "datasets/upload", body=Body(files=file))).status == 403
    await api.call("PATCH", user.path, body=Body(json={"role": "data_scientist"}))
    assert (await user.api.send("GET", "auth/me")).status == 401, (
        "a change of role ends what was granted before"
    )
    promoted = test_container.security.accounts.log_in_again(user)
    uploaded = await promoted.call("POST", "datasets/upload", accept=(201,), body=Body(files=file))
    held = await api.call("GET", f"{user.path}/personal-data")
    assert uploaded["id"] in json.dumps(held)
    await api.call("PATCH", user.path, body=Body(json={"disabled": True}))
    assert (await promoted.send("GET", "auth/me")).status == 401
    await api.call("PATCH", user.path, body=Body(json={"disabled": False}))
    await api.call("DELETE", user.path)
    integration_assertions.assert_resource_cleanup(await api.send("GET", user.path), "user")
    gone = await api.send("GET", f"datasets/{uploaded['id']}")
    integration_assertions.assert_resource_cleanup(gone, "dataset")


@scenario(
    title="Too many wrong passwords shut an account for a while, and an administrator opens it",
    tags=["end_to_end"],
)
async def lock_out(test_container: Container) -> None:
    """The right password doesn't help either, until the account is unlocked."""
    user = await test_container.security.create_user("viewer")
    anonymous = test_container.security.anonymous()

    async def log_in(password: str) -> Any:
        form = {"username": user.username, "password": password}
        return await anonymous.send("POST", "auth/login", body=Body(form=form))

    statuses = [(await log_in("wrong-wrong-wrong")).status for _ in range(8)]
    assert set(statuses) <= {401, 429}, statuses
    locked = await log_in(user.password)
    assert locked.status == 429
    assert int(locked.headers["retry-after"]) >= 1
    await test_container.api.call("POST", f"{user.path}/unlock", accept=(204,))
    assert (await log_in(user.password)).status == 200


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
