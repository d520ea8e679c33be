"""What is known of things, in both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pynomaly.domain.datasets import Column, ColumnKind, Dataset
from pynomaly.domain.detections import DetectionResult
from pynomaly.domain.detectors import Detector, TrainedModel
from pynomaly.domain.operations import Operation, OperationKind, OperationState
from pynomaly.domain.permissions import SecurityLevel
from pynomaly.domain.ports import DeletedDetector, Page, ReplacedModel, Scope
from pynomaly.security.encryption import EncryptionService
from pynomaly.security.keyring import FixedKeyring, KeySet
from pynomaly.storage.datasets_sql import SqlDatasets
from pynomaly.storage.detectors_cached import RememberedDetectors
from pynomaly.storage.detectors_sql import SqlDetectors
from pynomaly.storage.migrations import migrate
from pynomaly.storage.operations_sql import SqlOperations
from pynomaly.storage.results_sql import SqlResults

CIPHER = EncryptionService(FixedKeyring(KeySet.fresh()))
NOW = datetime(2024, 5, 1, 12, 30, 0, 250_000, tzinfo=UTC)
MINE = Scope("acme", "me", SecurityLevel.SECRET)


@pytest.fixture
def database(engine):
    migrate(engine)
    return engine


def dataset(number=0, owner="me", tenant="acme"):
    return Dataset(
        id=f"ds_{tenant}_{owner}_{number}",
        owner_id=owner,
        tenant_id=tenant,
        name="näme",
        description=None,
        columns=(Column("a", ColumnKind.NUMERIC), Column("b", ColumnKind.CATEGORICAL)),
        n_rows=2**40,
        target_column="b",
        size_bytes=2**41,
        created_at=NOW + timedelta(seconds=number),
        metadata={"k": [1, {"x": None}]},
        level=SecurityLevel.SECRET,
    )


def detector():
    return Detector("det_1", "me", "acme", "d", None, "ecod", 0.1, {"p": 1}, NOW, NOW)


def model(version=1):
    return TrainedModel(
        f"mdl_{version}", version, "ds", NOW, 0.5, 10, ("a", "b"), 1.5, SecurityLevel.RESTRICTED
    )


def operation(number=1):
    return Operation(
        f"op_{number}",
        "me",
        "acme",
        OperationKind.TRAIN,
        OperationState.PENDING,
        0.0,
        NOW,
        {"detector_id": "det_1"},
    )


def result(number, detector_id="det_1", dataset_id="ds_1"):
    return DetectionResult(
        f"res_{number}", "me", "acme", detector_id, dataset_id, "mdl_1", NOW + timedelta(seconds=number), 10, 1, 0.5,
        1.25, {"min": 0.0}, SecurityLevel.CONFIDENTIAL,
    )  # fmt: skip


def test_a_dataset_comes_back_as_it_was(database):
    kept = SqlDatasets(database, CIPHER)
    kept.add(dataset())
    assert kept.get(dataset().id) == dataset()
    assert kept.get("other") is None
    assert kept.every_id() == {dataset().id}
    assert kept.delete(dataset().id) is True
    assert kept.delete(dataset().id) is False


def test_listings_hold_to_the_scope_and_are_newest_first(database):
    kept = SqlDatasets(database, CIPHER)
    for number in range(5):
        kept.add(dataset(number))
    kept.add(dataset(0, owner="you"))
    kept.add(dataset(0, tenant="other"))
    page = kept.list(MINE, Page(limit=2, offset=1))
    assert [found.id for found in page.items] == [dataset(3).id, dataset(2).id]
    assert page.total == 5
    assert kept.list(Scope("acme", None, SecurityLevel.SECRET), Page()).total == 6
    assert [found.id for found in kept.of_owner("you")] == [dataset(0, owner="you").id]


def test_a_detector_gets_its_model_and_keeps_it_through_edits(database):
    kept = SqlDetectors(database, CIPHER)
    kept.add(detector())
    assert kept.get("det_1") == detector()
    assert kept.set_model("det_1", model()) == ReplacedModel(None, 1)
    assert kept.set_model("gone", model()) is None
    found = kept.get("det_1")
    assert found.model == model()
    assert found.level is SecurityLevel.RESTRICTED
    assert kept.update(replace(found, name="new")) is True
    assert (kept.get("det_1").name, kept.get("det_1").model) == ("new", model())
    assert kept.every_model_id() == {"mdl_1"}
    assert kept.set_model("det_1", model(2)) == ReplacedModel("mdl_1", 2)
    assert kept.get("det_1").model == model(2)
    assert kept.delete("det_1") == DeletedDetector("mdl_2")
    assert kept.delete("det_1") is None


def test_of_trainings_that_end_at_once_each_removes_the_model_before_it(database):
    kept = SqlDetectors(database, CIPHER)
    kept.add(detector())
    with ThreadPoolExecutor(8) as pool:
        replaced = list(pool.map(lambda number: kept.set_model("det_1", model(number)), range(1, 9)))
    assert sorted(found.version for found in replaced) == list(range(1, 9))
    removed = [found.last_id for found in replaced if found.last_id is not None]
    assert len(set(removed)) == 7
    assert {f"mdl_{number}" for number in range(1, 9)} - set(removed) == kept.every_model_id()


def test_a_remembered_detector_is_never_older_than_the_last_change(database):
    kept = RememberedDetectors(SqlDetectors(database, CIPHER))
    kept.add(detector())
    assert kept.remembered("det_1") is None
    assert kept.get("det_1").model is None
    assert kept.remembered("det_1") is not None
    kept.set_model("det_1", model())
    assert kept.remembered("det_1") is None
    assert kept.get("det_1").model == model()
    kept.delete("det_1")
    assert kept.get("det_1") is None


def test_a_change_during_a_look_is_not_covered_up():
    class Slow:
        """A store in which the detector changes while it is being read."""

        def get(self, detector_id):
            remembered.set_model(detector_id, model(2))
            return detector()

        def set_model(self, detector_id, model):
            return True

    remembered = RememberedDetectors(Slow())
    remembered.get("det_1")
    assert remembered.remembered("det_1") is None


def test_an_operation_ends_once(database):
    kept = SqlOperations(database, lambda: NOW)
    kept.add(operation())
    assert kept.get("op_1") == operation()
    assert kept.start("op_1") is True
    assert kept.start("op_1") is False
    assert kept.finish("op_1", OperationState.CANCELLED) is True
    assert kept.finish("op_1", OperationState.COMPLETED, result={"x": 1}) is False
    found = kept.get("op_1")
    assert (found.state, found.result, found.finished_at) == (OperationState.CANCELLED, None, NOW)


def test_what_was_interrupted_fails_and_what_had_ended_stands(database):
    kept = SqlOperations(database, lambda: NOW)
    for number in range(3):
        kept.add(operation(number))
    kept.start("op_1")
    kept.finish("op_2", OperationState.COMPLETED, result={"x": 1})
    assert kept.fail_interrupted("power cut") == 2
    assert kept.get("op_0").error == kept.get("op_1").error == {"code": "interrupted", "detail": "power cut"}
    assert (kept.get("op_2").state, kept.get("op_2").progress) == (OperationState.COMPLETED, 1.0)


def test_results_are_found_and_removed_with_what_they_belong_to(database):
    kept = SqlResults(database)
    for number, (det, ds) in enumerate([("a", "x"), ("a", "y"), ("b", "x")]):
        kept.add(result(number, det, ds))
    assert kept.get("res_0") == result(0, "a", "x")
    assert [found.id for found in kept.list(MINE, Page(), detector_id="a").items] == ["res_1", "res_0"]
    assert [found.id for found in kept.list(MINE, Page(), dataset_id="x", detector_id="b").items] == ["res_2"]
    assert set(kept.delete_of(dataset_id="x")) == {"res_0", "res_2"}
    assert kept.every_id() == {"res_1"}
    with pytest.raises(ValueError, match="name"):
        kept.delete_of()
