"""Detection results in SQL; their scores and labels are blobs."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    Engine,
    Index,
    RowMapping,
    SmallInteger,
    String,
    Table,
    delete,
    select,
)

from pynomaly.domain.detections import DetectionResult
from pynomaly.domain.permissions import SecurityLevel
from pynomaly.domain.ports import Listing, Page, Scope
from pynomaly.storage.schema import Instant, metadata
from pynomaly.storage.sql import OwnedRows

results = Table(
    "results",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    Column("tenant_id", String(64), nullable=False),
    Column("detector_id", String(40), nullable=False, index=True),
    Column("dataset_id", String(40), nullable=False, index=True),
    Column("model_id", String(40), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("n_samples", BigInteger, nullable=False),
    Column("n_anomalies", BigInteger, nullable=False),
    Column("threshold", Double, nullable=False),
    Column("execution_time_ms", Double, nullable=False),
    Column("score_statistics", JSON, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Index(None, "tenant_id", "owner_id", "created_at"),
)


class SqlResults:
    """ResultRepository on an engine."""

    def __init__(self, engine: Engine) -> None:
        self._rows = OwnedRows(engine, results)

    def add(self, result: DetectionResult) -> None:
        """Keep a new result."""
        self._rows.insert(
            {
                "id": result.id,
                "owner_id": result.owner_id,
                "tenant_id": result.tenant_id,
                "detector_id": result.detector_id,
                "dataset_id": result.dataset_id,
                "model_id": result.model_id,
                "created_at": result.timestamp,
                "n_samples": result.n_samples,
                "n_anomalies": result.n_anomalies,
                "threshold": result.threshold,
                "execution_time_ms": result.execution_time_ms,
                "score_statistics": dict(result.score_statistics),
                "level": int(result.level),
            }
        )

    def get(self, result_id: str) -> DetectionResult | None:
        """The result, or None."""
        row = self._rows.row(result_id)
        return None if row is None else _build(row)

    def list(
        self, scope: Scope, page: Page, *, detector_id: str | None = None, dataset_id: str | None = None
    ) -> Listing[DetectionResult]:
        """One page of the scope's results, newest first, of one detector or dataset where given."""
        wanted = []
        if detector_id is not None:
            wanted.append(results.c.detector_id == detector_id)
        if dataset_id is not None:
            wanted.append(results.c.dataset_id == dataset_id)
        return self._rows.page(scope, page, _build, *wanted)

    def of_owner(self, owner_id: str) -> Sequence[DetectionResult]:
        """Everything of one owner."""
        return self._rows.of_owner(owner_id, _build)

    def delete(self, result_id: str) -> bool:
        """Forget the result; whether it was there."""
        return self._rows.remove(result_id)

    def delete_of(self, *, detector_id: str | None = None, dataset_id: str | None = None) -> Sequence[str]:
        """Forget all results of a detector, or of a dataset; returns their ids."""
        if (detector_id is None) == (dataset_id is None):
            raise ValueError("name the detector or the dataset")
        column, value = (
            ("detector_id", detector_id) if detector_id is not None else ("dataset_id", dataset_id)
        )
        with self._rows.engine.begin() as connection:
            ids = connection.execute(select(results.c.id).where(results.c[column] == value)).scalars().all()
            connection.execute(delete(results).where(results.c[column] == value))
        return ids

    def every_id(self) -> set[str]:
        """Ids of all results."""
        return self._rows.every()


def _build(row: RowMapping) -> DetectionResult:
    return DetectionResult(
        id=row["id"],
        owner_id=row["owner_id"],
        tenant_id=row["tenant_id"],
        detector_id=row["detector_id"],
        dataset_id=row["dataset_id"],
        model_id=row["model_id"],
        timestamp=row["created_at"],
        n_samples=row["n_samples"],
        n_anomalies=row["n_anomalies"],
        threshold=row["threshold"],
        execution_time_ms=row["execution_time_ms"],
        score_statistics=row["score_statistics"],
        level=SecurityLevel(row["level"]),
    )
