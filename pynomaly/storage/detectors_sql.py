"""Detectors in SQL, each with the model it serves; the models themselves are blobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    Column,
    Double,
    Engine,
    Index,
    LargeBinary,
    RowMapping,
    SmallInteger,
    String,
    Table,
    Text,
    and_,
    delete,
    select,
)

from pynomaly.domain.detectors import Detector, TrainedModel
from pynomaly.domain.permissions import SecurityLevel
from pynomaly.domain.ports import DeletedDetector, Listing, Page, ReplacedModel, Scope
from pynomaly.storage.locking import lock_rows
from pynomaly.storage.schema import Instant, metadata
from pynomaly.storage.sealed_words import SealedWords
from pynomaly.storage.sql import OwnedRows

if TYPE_CHECKING:
    from pynomaly.domain.encryption import DataCipher

detectors = Table(
    "detectors",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    Column("tenant_id", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("algorithm", String(64), nullable=False),
    Column("contamination", Double, nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("model_id", String(40)),
    Column("model", JSON),
    Column("trained_at", Instant),
    Column("metadata", JSON, nullable=False),
    Column("level", SmallInteger, nullable=False, server_default="0"),
    Column("sealed", LargeBinary),
    Column("sealed_model", LargeBinary),
    Index(None, "tenant_id", "owner_id", "created_at"),
)


_IN_CLEAR: dict[str, Any] = {"name": "", "description": None, "parameters": {}, "metadata": {}}
"""What stands in the columns whose content is sealed."""


class SqlDetectors:
    """DetectorRepository on an engine."""

    def __init__(self, engine: Engine, cipher: DataCipher) -> None:
        self._rows = OwnedRows(engine, detectors)
        self.words = SealedWords(engine, detectors, "sealed", cipher)
        self.model_words = SealedWords(engine, detectors, "sealed_model", cipher)

    def add(self, detector: Detector) -> None:
        """Keep a new detector, as yet without a model."""
        values = self._editable(detector) | {
            "id": detector.id,
            "owner_id": detector.owner_id,
            "tenant_id": detector.tenant_id,
            "algorithm": detector.algorithm,
            "created_at": detector.created_at,
            "level": int(detector.level),
        }
        self._rows.insert(values)

    def get(self, detector_id: str) -> Detector | None:
        """The detector, or None."""
        row = self._rows.row(detector_id)
        return None if row is None else self._build(row)

    def list(self, scope: Scope, page: Page) -> Listing[Detector]:
        """One page of the scope's detectors, newest first."""
        return self._rows.page(scope, page, self._build)

    def of_owner(self, owner_id: str) -> Sequence[Detector]:
        """Everything of one owner."""
        return self._rows.of_owner(owner_id, self._build)

    def update(self, detector: Detector) -> bool:
        """Store what may be edited (not the model); whether the detector is still there."""
        return self._rows.change(detector.id, self._editable(detector))

    def set_model(self, detector_id: str, model: TrainedModel) -> ReplacedModel | None:
        """Serve this model from now on; what it replaced is read in the same transaction, so that of trainings
        that end at once each removes the one before it, and none is forgotten.
        """
        is_it = detectors.c.id == detector_id
        with self._rows.engine.begin() as connection:
            lock_rows(connection, detectors, is_it)
            before = connection.execute(select(detectors).where(is_it)).mappings().one_or_none()
            if before is None:
                return None
            last_id = before["model_id"]
            version = 1 if last_id is None else before["model"]["version"] + 1
            values = _model_values(model, version)
            words = {"feature_names": list(model.feature_names)}
            values["sealed_model"] = self.model_words.seal(detector_id, words)
            connection.execute(detectors.update().where(is_it).values(values))
        return ReplacedModel(last_id, version)

    def delete(self, detector_id: str) -> DeletedDetector | None:
        """Forget the detector, and tell which model it served at that moment; None where it was not there."""
        gone = delete(detectors).where(detectors.c.id == detector_id).returning(detectors.c.model_id)
        with self._rows.engine.begin() as connection:
            row = connection.execute(gone).one_or_none()
        return None if row is None else DeletedDetector(row.model_id)

    def every_model_id(self) -> set[str]:
        """Ids of all models that are being served."""
        return self._rows.every("model_id")

    def seal_clear(self) -> int:
        """Seal what an earlier version kept in clear; returns how many rows that were."""
        n_sealed = self._rows.seal_clear(self.words, "sealed", _IN_CLEAR, detectors.c.sealed.is_(None))
        is_clear = and_(detectors.c.model_id.is_not(None), detectors.c.sealed_model.is_(None))
        with self._rows.engine.begin() as connection:
            for row in connection.execute(select(detectors).where(is_clear)).mappings().all():
                model = dict(row["model"])
                words = {"feature_names": model.pop("feature_names")}
                values = {"model": model, "sealed_model": self.model_words.seal(row["id"], words)}
                connection.execute(detectors.update().where(detectors.c.id == row["id"]).values(values))
        return n_sealed

    def _editable(self, detector: Detector) -> dict[str, Any]:
        words = {
            "name": detector.name,
            "description": detector.description,
            "parameters": dict(detector.parameters),
            "metadata": dict(detector.metadata),
        }
        return {
            **_IN_CLEAR,
            "sealed": self.words.seal(detector.id, words),
            "contamination": detector.contamination,
            "updated_at": detector.updated_at,
        }

    def _build(self, row: RowMapping) -> Detector:
        words = row if row["sealed"] is None else self.words.open(row["id"], row["sealed"])
        return Detector(
            id=row["id"],
            owner_id=row["owner_id"],
            tenant_id=row["tenant_id"],
            name=words["name"],
            description=words["description"],
            algorithm=row["algorithm"],
            contamination=row["contamination"],
            parameters=words["parameters"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            model=None if row["model_id"] is None else self._build_model(row),
            metadata=words["metadata"],
        )

    def _build_model(self, row: RowMapping) -> TrainedModel:
        known, sealed = row["model"], row["sealed_model"]
        words = known if sealed is None else self.model_words.open(row["id"], sealed)
        return TrainedModel(
            id=row["model_id"],
            version=known["version"],
            dataset_id=known["dataset_id"],
            trained_at=row["trained_at"],
            training_time_s=known["training_time_s"],
            n_samples=known["n_samples"],
            feature_names=tuple(words["feature_names"]),
            threshold=known["threshold"],
            level=SecurityLevel(known["level"]),
        )


def _model_values(model: TrainedModel, version: int) -> dict[str, Any]:
    return {
        "model_id": model.id,
        "level": int(model.level),
        "trained_at": model.trained_at,
        "updated_at": model.trained_at,
        "model": {
            "version": version,
            "dataset_id": model.dataset_id,
            "training_time_s": model.training_time_s,
            "n_samples": model.n_samples,
            "threshold": model.threshold,
            "level": int(model.level),
        },
    }
