"""What goes on after its request was let in ends with the account, the session, the object it works on."""

from __future__ import annotations

import json

import pytest

from pynomaly.domain.permissions import Role, SecurityLevel
from pynomaly.security.foundation import SYSTEM
from pynomaly.usecases.operate import end_disowned
from tests.support.platform_in_process import OTHER_PASSWORD, FittingHere


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    from tests.support.platform_in_process import PlatformInProcess

    platform = PlatformInProcess(tmp_path_factory.mktemp("ended"))
    yield platform
    platform.close()


@pytest.fixture
def someone(world):
    """Adds a data scientist of a name of his own."""
    numbers = world.__dict__.setdefault("numbers", iter(range(10_000)))

    def add(**options):
        return world.add(f"user{next(numbers)}", **options)

    return add


def auth(world):
    return world.app.foundations.security.auth


def disable(world, user_id):
    auth(world).disable_user(user_id, by=SYSTEM)


def erase(world, user_id):
    world.app.foundations.security.personal_data.erase_user(user_id, by=SYSTEM)


def demote(world, user_id):
    auth(world).set_role(user_id, Role.VIEWER, by=SYSTEM)


def lower(world, user_id):
    auth(world).set_role(user_id, Role.DATA_SCIENTIST, by=SYSTEM, clearance=SecurityLevel.PUBLIC)


def end_sessions(world, user_id):
    auth(world).revoke_sessions(user_id, by=SYSTEM)


def reset(world, user_id):
    auth(world).reset_password(user_id, OTHER_PASSWORD, by=SYSTEM)


def streamed(world, sender, detector, between):
    """The lines of an answer to a stream, between whose two batches something happens."""

    async def lines():
        yield b"[1.0, 2.0]\n"
        between()
        yield b"[3.0, 4.0]\n[5.0, 6.0]\n"

    path = f"/detection/stream?detector_id={detector}"
    answer = world.run(world.http.post(path, content=lines(), headers=sender.headers))
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


ENDS = {
    "disabled": (disable, "unauthenticated"),
    "erased": (erase, "unauthenticated"),
    "logged out": (end_sessions, "unauthenticated"),
    "given a new password": (reset, "unauthenticated"),
    "demoted": (demote, "forbidden"),
    "cleared for less": (lower, "forbidden"),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_stream_ends_at_the_next_batch_with_its_account(world, someone, end):
    owner = someone()
    detector, _ = world.trained(owner)
    act, code = ENDS[end]
    user_id = owner.id
    lines = streamed(world, owner, detector, lambda: act(world, user_id))
    assert ("score" in lines[0], lines[1]["code"], len(lines)) == (True, code, 2), lines
    assert lines[1]["index"] == 1


def test_a_stream_ends_with_its_detector(world, someone):
    owner = someone()
    detector, _ = world.trained(owner)
    stores = world.platform
    lines = streamed(world, owner, detector, lambda: stores.remove_detector(stores.detectors.get(detector)))
    assert [line.get("code") for line in lines] == [None, "not-found"]


def test_a_stream_ends_with_its_key(world, someone):
    owner = someone()
    detector, _ = world.trained(owner)
    key = owner.key("detection:run")
    key_id = owner.get("/auth/api-keys").json()[0]["id"]
    lines = streamed(world, key, detector, lambda: auth(world).revoke_api_key(key_id, by=SYSTEM))
    assert [line.get("code") for line in lines] == [None, "unauthenticated"]


def test_a_stream_of_which_nothing_ended_goes_on_also_when_somebody_elses_did(world, someone):
    owner, other = someone(), someone()
    detector, _ = world.trained(owner)
    other_id = other.id
    lines = streamed(world, owner, detector, lambda: disable(world, other_id))
    assert [line["index"] for line in lines if "score" in line] == [0, 1, 2]


@pytest.mark.parametrize("end", ["disabled", "erased"])
def test_a_training_that_waits_does_not_run_for_an_account_that_ended(world, someone, end):
    owner = someone()
    dataset, detector = owner.upload(), owner.detector()
    operation = owner.train(detector, dataset)
    ENDS[end][0](world, owner.id)
    asked = []
    world.work_off(FittingHere(asked.append))
    assert asked == []
    found = world.platform.operations.get(operation)
    assert found is None or (found.state, found.error["code"]) == ("failed", "unauthenticated")


@pytest.mark.parametrize("end", ["disabled", "erased"])
def test_a_training_that_runs_serves_no_model_of_an_account_that_ended(world, someone, end):
    owner = someone()
    dataset, detector = owner.upload(), owner.detector()
    owner.train(detector, dataset)
    user_id, before = owner.id, world.platform.models._blobs.ids("models")
    world.work_off(FittingHere(lambda asked: ENDS[end][0](world, user_id)))
    kept = world.platform.detectors.get(detector)
    assert kept is None or kept.model is None
    assert world.platform.models._blobs.ids("models") == before


@pytest.mark.parametrize("end", ["disabled", "erased"])
def test_what_waits_or_runs_is_looked_through_for_accounts_that_ended(world, someone, end):
    owner, other = someone(), someone()
    for user in (owner, other):
        user.train(user.detector(), user.upload())
    operation = owner.get("/operations").json()[0]["id"]
    assert end_disowned(world.platform) == 0
    ENDS[end][0](world, owner.id)
    assert end_disowned(world.platform) == 1
    found = world.platform.operations.get(operation)
    assert found is None or found.state == "failed"
    world.work_off()
    assert other.get("/operations").json()[0]["status"] == "completed"


def batch(world, owner, detector, datasets, before=lambda asked: None):
    body = {"detector_id": detector, "dataset_ids": datasets}
    operation = owner.post("/detection/detect/batch", body).json()["id"]
    world.work_off(FittingHere(before))
    return world.platform.operations.get(operation)


def acting_at(n, act):
    """Called before each thing that a worker is asked; acts before the n-th score."""
    scores = []

    def before(asked):
        if asked == "score":
            scores.append(asked)
            if len(scores) == n:
                act()

    return before


@pytest.mark.parametrize("end", ["disabled", "erased"])
def test_a_batch_of_an_account_that_ended_leaves_no_results(world, someone, end):
    owner = someone()
    detector, first = world.trained(owner)
    second, user_id = owner.upload(), owner.id
    before = world.platform.scores._blobs.ids("results")
    act = acting_at(2, lambda: ENDS[end][0](world, user_id))
    found = batch(world, owner, detector, [first, second], act)
    assert found is None or (found.state, found.error["code"]) == ("failed", "unauthenticated")
    kept = world.platform.results.of_owner(user_id)
    assert [result.dataset_id for result in kept] == ([first] if end == "disabled" else [])
    assert world.platform.scores._blobs.ids("results") - before == {result.id for result in kept}


@pytest.mark.parametrize("gone", ["detector", "dataset"])
def test_a_batch_leaves_no_results_of_what_was_deleted_meanwhile(world, someone, gone):
    owner = someone()
    detector, first = world.trained(owner)
    stores, user_id = world.platform, owner.id

    def remove():
        if gone == "detector":
            stores.remove_detector(stores.detectors.get(detector))
        else:
            stores.remove_dataset(stores.datasets.get(first))

    found = batch(world, owner, detector, [first], acting_at(1, remove))
    assert found.state == "failed"
    assert stores.results.of_owner(user_id) == []


def test_a_batch_of_which_nothing_ended_is_completed(world, someone):
    owner = someone()
    detector, first = world.trained(owner)
    found = batch(world, owner, detector, [first, owner.upload()])
    assert (found.state, len(found.result["results"])) == ("completed", 2)


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("datasets", lambda owner, ids: owner.sent_upload()),
        ("detectors", lambda owner, ids: owner.post("/detectors", {"algorithm_name": "ecod"})),
        ("results", lambda owner, ids: owner.post("/detection/detect", {"detector_id": ids[0], "dataset_id": ids[1]})),
        ("operations", lambda owner, ids: owner.sent_training(*ids)),
        ("datasets", lambda owner, ids: owner.post(f"/datasets/{ids[1]}/split", {"test_fraction": 0.5})),
    ],
)  # fmt: skip
def test_an_erasure_wins_over_what_is_being_kept_at_that_moment(world, someone, monkeypatch, kind, make):
    """The account is erased just before, and just after, the row is written."""
    for is_late in (False, True):
        owner = someone()
        ids = world.trained(owner)
        user_id, repository = owner.id, getattr(world.platform, kind)
        add = repository.add

        def late_add(thing, add=add, user_id=user_id, is_late=is_late):
            if is_late:
                add(thing)
            erase(world, user_id)
            if not is_late:
                add(thing)

        with monkeypatch.context() as patched:
            patched.setattr(type(repository), "add", lambda self, thing: late_add(thing))
            answer = make(owner, ids)
        assert answer.status_code == 401, answer.text
        for name in ("datasets", "detectors", "results", "operations"):
            assert list(getattr(world.platform, name).of_owner(user_id)) == [], (name, is_late)
        world.work_off()


def test_a_model_that_is_trained_while_its_detector_is_deleted_does_not_stay(world, someone, monkeypatch):
    owner = someone()
    detector, dataset = world.trained(owner)
    owner.train(detector, dataset)
    seen = world.platform.detectors.get(detector)  # by whoever deletes it, before the training ends
    world.work_off()
    world.platform.remove_detector(seen)
    assert world.platform.models._blobs.ids("models") == world.platform.detectors.every_model_id()


def test_an_export_is_cut_off_when_the_account_or_the_dataset_ends(world, someone):
    for end in (
        lambda owner, dataset: disable(world, owner),
        lambda owner, dataset: world.platform.remove_dataset(world.platform.datasets.get(dataset)),
    ):
        owner = someone()
        dataset = owner.upload(b"a,b\n" + b"1,2\n" * 300_000)
        received, user_id = [], owner.id

        async def read(owner=owner, dataset=dataset, received=received, user_id=user_id, end=end):
            scope = scope_of("GET", f"/api/v1/datasets/{dataset}/export", b"format=csv", owner.headers)

            async def send(message):
                if message["type"] == "http.response.body" and message.get("body"):
                    received.append(len(message["body"]))
                    if len(received) == 1:
                        end(user_id, dataset)

            async def receive():
                return {"type": "http.request", "body": b"", "more_body": False}

            await world.app(scope, receive, send)

        with pytest.raises(Exception, match=r"closed|ended|no such"):
            world.run(read())
        assert sum(received) < 1_200_000


def scope_of(method, path, query, headers):
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "http_version": "1.1",
        "scheme": "http",
        "server": ("platform", 80),
        "root_path": "",
    }
