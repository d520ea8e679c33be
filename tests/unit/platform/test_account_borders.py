"""Who may see, change and grant what, asked over HTTP of a platform in this process."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import numpy as np

from pynomaly.api.refusals import RefusalLog
from pynomaly.app import open_foundations
from pynomaly.domain.audit import AuditFilter
from pynomaly.domain.detections import DetectionResult, ScoredRows
from pynomaly.domain.detectors import TrainedModel
from pynomaly.domain.errors import Unauthenticated
from pynomaly.domain.permissions import Role, SecurityLevel
from pynomaly.security.foundation import Caller
from pynomaly.security.rate_limits import MemoryBuckets, RateLimit, RateLimiter
from pynomaly.usecases.train import start_training

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LISTS = {
    "dataset": "/datasets",
    "detector": "/detectors",
    "result": "/detection/results",
    "operation": "/operations",
}


def owned(platform, owner, level="CONFIDENTIAL"):
    """One object of each kind that data of that level leads to, by kind."""
    dataset = owner.upload(security_level=level, name="codename-otter", description="hush")
    detector = owner.detector(name="codename-detector")
    stores, sensitivity = platform.platform, SecurityLevel[level]
    model = TrainedModel("mdl_1", 1, dataset, NOW, 0.1, 6, ("a", "b"), 1.0, sensitivity)
    stores.detectors.set_model(detector, model)
    found = stores.detectors.get(detector)
    result = DetectionResult(
        "res_1", found.owner_id, found.tenant_id, detector, dataset, "mdl_1", NOW, 6, 1, 1.0, 1.0, {}, sensitivity
    )  # fmt: skip
    stores.scores.write(result.id, [ScoredRows(np.zeros(6), np.zeros(6, np.int8))])
    stores.results.add(result)
    principal = platform.app.foundations.security.auth.verify_access_token(owner.tokens["access_token"])
    operation = start_training(stores, Caller(principal), detector, dataset, seed=0)
    return {"dataset": dataset, "detector": detector, "result": result.id, "operation": operation.id}


def test_a_list_shows_what_can_be_got_by_id_and_nothing_else(in_process):
    platform = in_process()
    owner, root = platform.add("owner"), platform.login()
    ids = owned(platform, owner)
    for kind, path in LISTS.items():
        assert [thing["id"] for thing in owner.get(path).json()] == [ids[kind]]
    assert root.patch(f"/admin/users/{owner.id}", {"clearance": "INTERNAL"}).status_code == 200
    lowered = platform.login("owner")
    for kind, path in LISTS.items():
        single = f"{path}/{ids[kind]}"
        assert lowered.get(single).status_code == 403, single
        answer = lowered.get(path)
        assert (answer.json(), answer.headers["x-total-count"]) == ([], "0"), kind
        assert root.get(path).headers["x-total-count"] == "1", kind
    held = lowered.get(f"/admin/users/{lowered.id}/personal-data")
    assert held.status_code == 200
    assert "codename" not in held.text
    assert held.json()["withheld"] == {"datasets": 1, "detectors": 1, "results": 1, "operations": 1}


def test_an_admin_does_not_raise_his_own_clearance(in_process):
    platform = in_process()
    admin = platform.add("admin", Role.ADMIN, clearance=SecurityLevel.PUBLIC)
    ids = owned(platform, platform.add("owner"))
    for wanted in ({"clearance": "SECRET"}, {"role": "admin", "clearance": "INTERNAL"}, {"role": "operator"}):
        assert admin.patch(f"/admin/users/{admin.id}", wanted).status_code == 403
    again = admin.patch(f"/admin/users/{admin.id}", {"role": "admin"})
    assert (again.status_code, again.json()["clearance"]) == (200, "PUBLIC")
    assert platform.login("admin").get(f"/datasets/{ids['dataset']}/sample").status_code == 403


def test_a_change_refused_in_part_changes_nothing(in_process):
    platform = in_process()
    root, user = platform.login(), platform.add("user")
    before = root.get(f"/admin/users/{user.id}").json()
    refused = [
        {"role": "viewer", "password": "short", "disabled": True},
        {"role": "viewer", "clearance": "SECRET"},
        {"disabled": True, "clearance": "NOWHERE"},
        {"disabled": True, "role": "emperor"},
    ]
    for wanted in refused:
        assert root.patch(f"/admin/users/{user.id}", wanted).status_code in (403, 422), wanted
        assert root.get(f"/admin/users/{user.id}").json() == before, wanted
        assert user.get("/auth/me").status_code == 200
    everything = {"role": "viewer", "clearance": "PUBLIC", "disabled": True}
    changed = root.patch(f"/admin/users/{user.id}", everything).json()
    assert changed == {
        **before,
        **everything,
        "permissions": [],
    }


def test_a_split_of_which_one_side_can_not_be_kept_leaves_neither(in_process, monkeypatch):
    platform = in_process()
    owner = platform.add("owner")
    dataset = owner.upload()
    add, n_added = platform.platform.datasets.add, []

    def add_once(dataset):
        if n_added:
            raise OSError("the disk is full")
        n_added.append(add(dataset))

    monkeypatch.setattr(platform.platform.datasets, "add", add_once)
    assert owner.post(f"/datasets/{dataset}/split", {"test_fraction": 0.5}).status_code == 500
    assert [thing["id"] for thing in owner.get("/datasets").json()] == [dataset]


def test_a_key_manages_no_credentials(in_process):
    platform = in_process()
    root, victim = platform.login(), platform.add("victim")
    for key in (root.key("data:read"), root.key("users:read", "users:write", "data:read")):
        key_id = root.get("/auth/api-keys").json()[0]["id"]
        session_id = root.get("/auth/sessions").json()[0]["id"]
        attempts = [
            ("GET", "/auth/sessions", None),
            ("DELETE", f"/auth/sessions/{session_id}", None),
            ("GET", "/auth/api-keys", None),
            ("POST", "/auth/api-keys", {"name": "child"}),
            ("DELETE", f"/auth/api-keys/{key_id}", None),
            ("POST", "/auth/password", {"current_password": "x", "new_password": "y"}),
            ("POST", "/auth/totp", {"password": "x"}),
            ("POST", "/auth/logout", None),
            ("POST", "/admin/users", {"username": "n", "password": "p", "role": "viewer"}),
            ("PATCH", f"/admin/users/{victim.id}", {"disabled": True}),
            ("DELETE", f"/admin/users/{victim.id}", None),
            ("POST", f"/admin/users/{victim.id}/unlock", None),
            ("GET", f"/admin/users/{victim.id}/personal-data", None),
        ]
        for method, path, body in attempts:
            assert key.request(method, path, json=body).status_code in (403, 404), (method, path)
        assert key.get("/datasets").status_code == 200
    assert victim.get("/auth/me").status_code == 200
    assert len(root.get("/auth/api-keys").json()) == 2


def test_the_service_is_not_a_tenants_admins_to_change(in_process):
    platform = in_process()
    root = platform.login()
    for tenant in ("default", "elsewhere"):
        admin = platform.add(f"admin-{tenant}", Role.ADMIN, tenant)
        assert admin.post("/admin/keys/rotate").status_code == 403
    assert root.post("/admin/keys/rotate").status_code == 200


def test_what_a_tenants_admin_learns_of_the_audit_log_is_his_tenants(in_process):
    platform = in_process()
    root, admin = platform.login(), platform.add("admin", Role.ADMIN, "elsewhere")
    for _ in range(5):
        root.get(f"/datasets/{root.upload()}/export")
    own = admin.get("/audit").json()
    assert [event["sequence"] for event in own] == list(range(1, len(own) + 1))
    newest = admin.get("/audit", params={"newest_first": "true", "limit": "1"}).json()
    assert newest[0]["sequence"] == len(own)
    assert admin.get("/audit", params={"after_sequence": len(own) - 1}).json() == own[-1:]
    found = admin.get("/audit/verify").json()
    assert (found["is_intact"], found["n_events"], found["first_broken"]) == (True, len(own), None)
    report = admin.get("/audit/report").json()
    assert (report["n_events"], report["chain"]["n_events"]) == (len(own), len(own))
    of_all = root.get("/audit/verify").json()["n_events"]
    assert of_all > len(own) + 5
    exported = admin.get("/audit/export").text
    everything = platform.app.foundations.security.audit.search(AuditFilter(limit=1000))
    own_ids = {event["resource"] for event in own}
    for event in everything:
        assert event.digest not in exported
        assert event.tenant_id == "elsewhere" or event.resource not in exported or event.resource in own_ids
    verified = platform.app.foundations.security.audit.verify_export(exported.splitlines(keepends=True))
    assert verified.is_intact
    cut = exported.splitlines(keepends=True)
    for broken in (cut[:-1], [*cut[:1], *cut[2:]], [exported.replace("login", "logon")]):
        assert not platform.app.foundations.security.audit.verify_export(broken).is_intact


def events_of(platform, action):
    found = platform.app.foundations.security.audit.search(AuditFilter(action=action, limit=1000))
    return [(event.actor, event.resource, event.outcome.value, dict(event.details)) for event in found]


def test_refusals_at_the_route_leave_events(in_process):
    platform = in_process()
    viewer, nobody = platform.add("viewer", Role.VIEWER), platform.with_key("pyn_nonsense")
    forged = type(viewer)(platform, {"authorization": "Bearer forged"}, {})
    refused = [
        (viewer.post("/detectors", {"algorithm_name": "ecod"}), viewer.id, "POST /api/v1/detectors", "token"),
        (viewer.get("/admin/users"), viewer.id, "GET /api/v1/admin/users", "token"),
        (forged.get("/datasets"), "unknown", "GET /api/v1/datasets", "token"),
        (nobody.get("/datasets"), "unknown", "GET /api/v1/datasets", "API key"),
        (
            nobody.post("/auth/refresh", {"refresh_token": "x"}),
            "unknown",
            "POST /api/v1/auth/refresh",
            "API key",
        ),
    ]
    assert [answer.status_code for answer, *_ in refused] == [403, 403, 401, 401, 401]
    found = events_of(platform, "access.refused")
    assert [
        (actor, resource.removeprefix("route:"), details["means"]) for actor, resource, _, details in found
    ] == [tuple(expected) for _, *expected in refused]
    assert {outcome for _, _, outcome, _ in found} == {"denied"}


def test_refusals_that_are_written_down_already_are_not_written_twice(in_process):
    platform = in_process()
    owner, other = platform.add("owner"), platform.add("other")
    dataset, key = owner.upload(), other.key("data:read")
    assert other.get(f"/datasets/{dataset}").status_code == 404
    platform.request("POST", "/auth/login", data={"username": "owner", "password": "wrong"})
    assert key.get("/auth/sessions").status_code == 403
    assert other.post("/auth/password", {"current_password": "x", "new_password": "y"}).status_code == 403
    assert events_of(platform, "access.refused") == []
    assert len(events_of(platform, "session.list")) == 1


def test_refusals_do_not_fill_the_log_and_their_number_is_told(in_process):
    platform, now = in_process(), [0.0]
    audit = platform.app.foundations.security.audit
    limiter = RateLimiter("refusals", RateLimit(3, 0.1), MemoryBuckets(lambda: now[0]))
    log, refusal = RefusalLog(audit, limiter), Unauthenticated("no")
    scope = {"method": "GET", "pynomaly.route": "/x", "headers": [(b"authorization", b"Bearer x")]}

    def refused(address, times):
        for _ in range(times):
            log.record(scope, address, "agent", None, refusal)

    refused("192.0.2.1", 10)
    refused("192.0.2.2", 1)
    found = events_of(platform, "access.refused")
    assert len(found) == 4, "another sender's is written all the same"
    now[0] += 10
    refused("192.0.2.1", 1)
    assert events_of(platform, "access.refused")[-1][3]["not_written_before"] == 7


def test_a_request_without_credentials_claims_nothing_and_leaves_no_event(in_process):
    platform = in_process()
    assert platform.request("GET", "/datasets").status_code == 401
    assert events_of(platform, "access.refused") == []


def test_reading_somebody_elses_rows_leaves_an_event_and_reading_ones_own_none(in_process):
    platform = in_process()
    owner, root = platform.add("owner"), platform.login()
    ids = owned(platform, owner)
    dataset, detector = ids["dataset"], ids["detector"]
    reads = {
        "sample": lambda who: who.get(f"/datasets/{dataset}/sample"),
        "quality": lambda who: who.get(f"/datasets/{dataset}/quality"),
        "split": lambda who: who.post(f"/datasets/{dataset}/split", {"test_fraction": 0.5}),
    }
    for use, read in reads.items():
        assert read(owner).is_success
        assert events_of(platform, "dataset.read") == [] or use != "sample"
        n_before = len(events_of(platform, "dataset.read"))
        assert read(root).is_success
        (event,) = events_of(platform, "dataset.read")[n_before:]
        assert event == (root.id, f"dataset:{dataset}", "success", {"use": use})
    assert root.get(f"/detection/results/{ids['result']}").is_success
    assert events_of(platform, "result.read") == [
        (root.id, f"result:{ids['result']}", "success", {"use": "scores"})
    ]
    assert detector


def test_nobody_else_on_the_machine_may_read_the_database(tmp_path, in_process):
    folder = tmp_path / "one" / "data"
    folder.mkdir(parents=True, mode=0o755)
    folder.chmod(0o755)
    (folder / "pynomaly.db").touch(0o644)  # as an earlier version left it
    platform = in_process()
    platform.add("somebody").upload()
    assert (folder / "pynomaly.db-wal").exists()
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


WORDS = ("codename-otter", "hush-description", "hush-metadata", "hush-column", "hush-target")


def in_clear(folder):
    """Which of the words are in any file of the data folder."""
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return [word for word in WORDS if any(word.encode() in content for content in contents)]


def test_what_people_wrote_of_their_data_is_nowhere_in_clear(tmp_path, in_process):
    platform = in_process()
    owner, root = platform.add("owner"), platform.login()
    content = b"hush-column,hush-target\n1,0\n2,1\n3,0\n4,1\n"
    about = {
        "name": "codename-otter",
        "description": "hush-description",
        "metadata": '{"k": "hush-metadata"}',
    }
    dataset = owner.upload(content, target_column="hush-target", **about)
    detector = owner.detector(name="codename-otter", metadata={"k": "hush-metadata"})
    owner.train(detector, dataset)
    platform.work_off()
    assert in_clear(tmp_path / "one" / "data") == []
    for _ in range(2):
        found = owner.get(f"/datasets/{dataset}").json()
        assert (found["name"], found["description"], found["target_column"]) == (
            "codename-otter", "hush-description", "hush-target"
        )  # fmt: skip
        assert owner.get("/detectors").json()[0]["feature_names"] == ["hush-column"]
        assert owner.get("/detectors").json()[0]["metadata"] == {"k": "hush-metadata"}
        assert root.post("/admin/keys/rotate").json()["n_resealed"] >= 5  # two blobs, three rows' words
    root.delete(f"/admin/users/{owner.id}")
    assert in_clear(tmp_path / "one" / "data") == []


def test_what_an_earlier_version_kept_in_clear_is_sealed_at_the_next_start(tmp_path, in_process):
    platform = in_process()
    owner = platform.add("owner")
    detector, dataset = platform.trained(owner, name="codename-otter")
    folder = tmp_path / "one" / "data"
    database = sqlite3.connect(folder / "pynomaly.db", isolation_level=None)
    columns = '[["a", "numeric"], ["b", "numeric"]]'
    database.execute(
        "UPDATE datasets SET sealed = NULL, name = 'codename-otter', description = 'hush-description',"
        " metadata = '{\"k\": \"hush-metadata\"}', columns = ?", (columns,)
    )  # fmt: skip
    database.execute(
        "UPDATE detectors SET sealed = NULL, sealed_model = NULL, name = 'codename-otter',"
        " model = json_set(model, '$.feature_names', json('[\"hush-column\"]'))"
    )
    database.close()
    assert in_clear(folder) != []
    foundations = open_foundations(platform.settings)
    assert foundations.stores.datasets.get(dataset).name == "codename-otter"
    assert foundations.stores.datasets.get(dataset).metadata == {"k": "hush-metadata"}
    assert foundations.stores.detectors.get(detector).name == "codename-otter"
    assert foundations.stores.detectors.get(detector).model.feature_names == ("hush-column",)
    foundations.engine.dispose()
    assert in_clear(folder) == []
