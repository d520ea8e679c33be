"""Who may do what, over HTTP: each promise tried from the outside."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly.api.routes import ENDPOINTS
from pynomaly.domain.permissions import ROLE_PERMISSIONS, Role

PASSWORD = "plain-orchid-ferry-41-lamp"


@pytest.mark.parametrize(
    "endpoint", [e for e in ENDPOINTS if not e.is_public], ids=lambda e: f"{e.method} {e.path}"
)
def test_no_route_answers_without_credentials(server, endpoint):
    url = server.url + endpoint.path.replace("{id}", "x")
    client = server.open()
    for headers in ({}, {"authorization": "Bearer x"}, {"authorization": "Basic YTpi"}, {"x-api-key": "x"}):
        answer = client.request(endpoint.method, url, headers=headers, json={})
        assert answer.status_code == 401, (headers, answer.text)
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.fixture(scope="module", params=[role for role in Role if role is not Role.ADMIN])
def someone(server, request):
    return request.param, server.new_user(request.param.value)


def test_each_role_reaches_exactly_the_routes_that_its_permissions_name(someone):
    role, client = someone
    for endpoint in ENDPOINTS:
        if endpoint.permission is None:
            continue
        path = endpoint.path.removeprefix("/api/v1").replace("{id}", "x")
        status = client.http.request(endpoint.method, path, json={}).status_code
        if endpoint.permission in ROLE_PERMISSIONS[role]:
            assert status not in (401, 403), f"{role} {endpoint.method} {path}"
        else:
            assert status == 403, f"{role} {endpoint.method} {path}"


@pytest.fixture(scope="module")
def owned(server, blobs_with_outliers):
    """Everything that one data scientist owns, and another one beside."""
    owner, other = server.new_user("data_scientist"), server.new_user("data_scientist")
    detector, dataset = owner.trained(blobs_with_outliers)
    body = {"detector_id": detector, "dataset_id": dataset}
    result = owner.http.post("/detection/detect", json=body).json()["id"]
    operation = owner.http.get("/operations").json()[0]["id"]
    return owner, other, {"detector": detector, "dataset": dataset, "result": result, "operation": operation}


def test_another_owners_objects_do_not_exist(owned):
    owner, other, ids = owned
    paths = {
        f"/datasets/{ids['dataset']}": ("GET", "DELETE"),
        f"/datasets/{ids['dataset']}/sample": ("GET",),
        f"/datasets/{ids['dataset']}/quality": ("GET",),
        f"/datasets/{ids['dataset']}/export": ("GET",),
        f"/datasets/{ids['dataset']}/split": ("POST",),
        f"/detectors/{ids['detector']}": ("GET", "PATCH", "DELETE"),
        f"/detection/results/{ids['result']}": ("GET", "DELETE"),
        f"/operations/{ids['operation']}": ("GET", "DELETE"),
    }
    for path, methods in paths.items():
        for method in methods:
            assert (
                other.http.request(method, path, json={} if method in ("POST", "PATCH") else None).status_code
                == 404
            )
        assert owner.http.get(path).status_code in (200, 405)
    mine = other.trained(np.random.default_rng(0).normal(size=(50, 5)))
    pairs = [(ids["detector"], ids["dataset"]), (mine[0], ids["dataset"]), (ids["detector"], mine[1])]
    for detector, dataset in pairs:
        for verb in ("train", "detect", "evaluate"):
            body = {"detector_id": detector, "dataset_id": dataset}
            assert other.http.post(f"/detection/{verb}", json=body).status_code == 404
    row = {"detector_id": ids["detector"], "rows": [[0.0] * 5]}
    assert owner.http.post("/detection/predict", json=row).status_code == 200  # and so the model is in memory
    assert other.http.post("/detection/predict", json=row).status_code == 404
    for listing, kind in (
        ("/datasets", "dataset"),
        ("/detectors", "detector"),
        ("/detection/results", "result"),
    ):
        assert ids[kind] not in [item["id"] for item in other.http.get(listing).json()]
        assert ids[kind] in [item["id"] for item in owner.http.get(listing).json()]


def test_an_admin_reaches_the_objects_of_his_tenant(owned, admin):
    assert admin.http.get(f"/datasets/{owned[2]['dataset']}").status_code == 200


def test_data_above_ones_clearance_is_out_of_reach_and_so_is_its_model(server, admin):
    analyst = server.new_user("analyst")
    too_high = {"data": {"security_level": "SECRET"}, "files": {"file": ("a.csv", b"a\n1\n2\n3\n")}}
    assert analyst.http.post("/datasets/upload", **too_high).status_code == 403
    scientist = server.new_user("data_scientist")
    me = scientist.http.get("/auth/me").json()
    dataset = scientist.upload(b"a,b\n1,2\n3,4\n5,7\n8,1\n", security_level="CONFIDENTIAL")
    detector = scientist.detector()
    assert scientist.train(detector["id"], dataset["id"])["status"] == "completed"
    body = {"detector_id": detector["id"], "rows": [[1.0, 2.0]]}
    assert scientist.http.post("/detection/predict", json=body).status_code == 200
    changed = admin.http.patch(f"/admin/users/{me['id']}", json={"clearance": "INTERNAL"})
    assert changed.status_code == 200, changed.text
    again = server.client(me["username"])
    assert again.http.get(f"/datasets/{dataset['id']}").status_code == 403
    assert again.http.post("/detection/predict", json=body).status_code == 403


def test_what_an_admin_changes_counts_at_the_next_request(server, admin):
    client = server.new_user("data_scientist")
    user_id = client.http.get("/auth/me").json()["id"]
    assert admin.http.patch(f"/admin/users/{user_id}", json={"role": "viewer"}).json()["role"] == "viewer"
    assert client.http.post("/detectors", json={"algorithm_name": "ecod"}).status_code in (401, 403)
    again = server.client(admin.http.get(f"/admin/users/{user_id}").json()["username"])
    assert again.http.post("/detectors", json={"algorithm_name": "ecod"}).status_code == 403
    assert admin.http.patch(f"/admin/users/{user_id}", json={"disabled": True}).json()["disabled"] is True
    assert again.http.get("/auth/me").status_code == 401


def test_tokens_rotate_and_end(server):
    client = server.client()
    first = client.tokens["refresh_token"]
    second = client.http.post("/auth/refresh", json={"refresh_token": first})
    assert second.status_code == 200
    assert (
        client.http.post("/auth/refresh", json={"refresh_token": first}).status_code == 401
    )  # used twice: stolen
    headers = {"authorization": f"Bearer {second.json()['access_token']}"}
    assert client.http.get("/auth/me", headers=headers).status_code == 401
    other = server.client()
    assert other.http.post("/auth/logout").status_code == 204
    assert other.http.get("/auth/me").status_code == 401
    assert other.http.get(
        "/auth/me", headers={"authorization": f"Bearer {client.tokens['refresh_token']}"}
    ).is_error


def test_sessions_are_listed_and_ended(server):
    here, there = server.new_user("viewer"), None
    there = server.client(here.http.get("/auth/me").json()["username"])
    sessions = here.http.get("/auth/sessions").json()
    assert [session["is_current"] for session in sessions].count(True) == 1
    other = next(session["id"] for session in sessions if not session["is_current"])
    assert here.http.delete(f"/auth/sessions/{other}").status_code == 204
    assert there.http.get("/auth/me").status_code == 401
    assert here.http.get("/auth/me").status_code == 200


def test_an_api_key_does_what_it_was_given_and_no_more(server, admin):
    made = admin.http.post("/auth/api-keys", json={"name": "reader", "permissions": ["data:read"]}).json()
    machine = server.open(**{"x-api-key": made["api_key"]})
    assert machine.get("/datasets").status_code == 200
    assert machine.post("/detectors", json={"algorithm_name": "ecod"}).status_code == 403
    assert machine.post("/auth/api-keys", json={"name": "child"}).status_code == 403
    assert machine.post("/auth/logout").status_code == 403
    assert "api_key" not in admin.http.get("/auth/api-keys").text.replace("api-key", "")
    assert admin.http.delete(f"/auth/api-keys/{made['id']}").status_code == 204
    assert machine.get("/datasets").status_code == 401


def test_known_and_unknown_names_get_the_same_answer(server):
    client = server.open()
    bodies = []
    for name in ("admin", "nobody-of-that-name"):
        answer = client.post("/auth/login", data={"username": name, "password": "wrong"})
        assert answer.status_code == 401
        bodies.append({k: v for k, v in answer.json().items() if k != "request_id"})
    assert bodies[0] == bodies[1]
    server.client()  # and the right password clears the count


def test_too_many_wrong_passwords_lock_the_name_and_an_admin_unlocks_it(server, admin):
    client = server.new_user("viewer")
    me = client.http.get("/auth/me").json()
    for _ in range(5):
        wrong = client.http.post("/auth/login", data={"username": me["username"], "password": "wrong"})
    assert wrong.status_code in (401, 429)
    right = client.http.post("/auth/login", data={"username": me["username"], "password": PASSWORD})
    assert right.status_code == 429
    assert 0 < int(right.headers["retry-after"]) <= 900
    assert admin.http.post(f"/admin/users/{me['id']}/unlock").status_code == 204
    server.client(me["username"])


def test_rate_limits_hold_and_say_when_to_come_back(make_server):
    server = make_server(PYNOMALY_RATE_LIMIT_PER_SECOND="2", PYNOMALY_RATE_LIMIT_LOGIN_PER_MINUTE="3")
    client = server.client()
    statuses = [client.http.get("/datasets") for _ in range(30)]
    assert {answer.status_code for answer in statuses} == {200, 429}
    assert int(statuses[-1].headers["retry-after"]) >= 1
    logins = [
        client.http.post(
            "/auth/login",
            data={"username": f"n{i}", "password": "x"},
            headers={"x-forwarded-for": f"10.0.0.{i}"},
        ).status_code
        for i in range(10)
    ]
    assert logins.count(429) >= 6


def test_nothing_lies_on_the_disk_in_the_clear(make_server):
    server = make_server()
    client = server.client()
    canary = "zebra-canary-7291"
    dataset = client.upload(f"name,value\n{canary},1\nx,2\ny,3\nz,9\n".encode())["id"]
    detector = client.detector("ecod")["id"]
    assert client.train(detector, dataset)["status"] == "completed"
    client.http.post("/detection/detect", json={"detector_id": detector, "dataset_id": dataset})
    needles = [
        canary.encode(),
        np.float64(9).tobytes() + np.float64(9).tobytes(),
        b"NUMPY",
        b"ARROW",
        b"frequencies",
    ]
    files = [path for path in (server.data_dir / "data").rglob("*") if path.is_file()]
    assert len([path for path in files if "blobs" in path.parts]) == 3
    for path in files:
        content = path.read_bytes()
        assert not any(needle in content for needle in needles[:1]), path
        if "blobs" in path.parts:
            assert not any(needle in content for needle in needles), path
    secrets = [client.tokens["access_token"], client.tokens["refresh_token"], PASSWORD, canary]
    assert not any(secret in server.log for secret in secrets)
    for path in files:
        assert (
            path.stat().st_mode & 0o077 == 0
            or path.parent.stat().st_mode & 0o077 == 0
            or "data" in path.parts
        )


def test_keys_rotate_while_the_service_goes_on(admin, server):
    dataset = admin.upload(b"a,b\n1,2\n3,4\n5,6\n")["id"]
    before = admin.http.get(f"/datasets/{dataset}/export").text
    rotated = admin.http.post("/admin/keys/rotate").json()
    assert rotated["n_resealed"] >= 1
    assert admin.http.get(f"/datasets/{dataset}/export").text == before


def test_the_audit_tells_who_did_what_and_stays_whole(server, admin):
    scientist = server.new_user("data_scientist")
    me = scientist.http.get("/auth/me").json()["id"]
    dataset = scientist.upload(b"a,b\n1,2\n3,4\n5,6\n", name="x")["id"]
    scientist.http.delete(f"/datasets/{dataset}")
    other_dataset = scientist.upload(b"a,b\n1,2\n")["id"]
    server.new_user("data_scientist").http.get(f"/datasets/{other_dataset}")
    events = admin.http.get("/audit", params={"actor": me, "limit": 50}).json()
    acts = [(event["action"], event["resource"]) for event in events]
    assert ("dataset.uploaded", f"dataset:{dataset}") in acts
    assert ("dataset.deleted", f"dataset:{dataset}") in acts
    assert all(event["ip_address"] == "127.0.0.1" for event in events)
    denied = admin.http.get("/audit", params={"action": "access.data:read", "outcome": "denied"}).json()
    assert denied
    chain = admin.http.get("/audit/verify").json()
    assert chain["is_intact"] is True
    assert chain["n_events"] > len(events)
    assert len(admin.http.get("/audit/export").text.splitlines()) > len(events)
    assert admin.http.get("/audit/report").json()["n_events"] > 0


def test_a_user_can_have_his_data_and_be_forgotten(server, admin, blobs_with_outliers):
    scientist = server.new_user("data_scientist")
    me = scientist.http.get("/auth/me").json()["id"]
    detector, dataset = scientist.trained(blobs_with_outliers)
    held = scientist.http.get(f"/admin/users/{me}/personal-data").json()
    assert [thing["id"] for thing in held["objects"]["datasets"]] == [dataset]
    assert [thing["id"] for thing in held["objects"]["detectors"]] == [detector]
    assert "password" not in str(held["account"])
    stranger = server.new_user("data_scientist")
    assert stranger.http.get(f"/admin/users/{me}/personal-data").status_code in (403, 404)
    erased = admin.http.delete(f"/admin/users/{me}")
    assert erased.status_code == 200, erased.text
    assert erased.json()["n_erased"]["datasets"] == 1
    assert admin.http.get(f"/datasets/{dataset}").status_code == 404
    assert admin.http.get(f"/admin/users/{me}").status_code == 404
    assert scientist.http.get("/auth/me").status_code == 401
    assert admin.http.get("/audit/verify").json()["is_intact"] is True
