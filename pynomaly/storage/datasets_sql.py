"""Datasets in SQL: one row each; the rows of the data are blobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Engine,
    Index,
    LargeBinary,
    RowMapping,
    SmallInteger,
    String,
    Table,
    Text,
)
from sqlalchemy import Column as Field

from pynomaly.domain.datasets import Column, ColumnKind, Dataset
from pynomaly.domain.permissions import SecurityLevel
from pynomaly.domain.ports import Listing, Page, Scope
from pynomaly.storage.schema import Instant, metadata
from pynomaly.storage.sealed_words import SealedWords
from pynomaly.storage.sql import OwnedRows

if TYPE_CHECKING:
    from pynomaly.domain.encryption import DataCipher

datasets = Table(
    "datasets",
    metadata,
    Field("id", String(40), primary_key=True),
    Field("owner_id", String(64), nullable=False),
    Field("tenant_id", String(64), nullable=False),
    Field("name", String(255), nullable=False),
    Field("description", Text),
    Field("columns", JSON, nullable=False),
    Field("n_rows", BigInteger, nullable=False),
    Field("target_column", Text),
    Field("size_bytes", BigInteger, nullable=False),
    Field("created_at", Instant, nullable=False),
    Field("metadata", JSON, nullable=False),
    Field("level", SmallInteger, nullable=False),
    Field("sealed", LargeBinary),
    Index(None, "tenant_id", "owner_id", "created_at"),
)


_IN_CLEAR: dict[str, Any] = {
    "name": "",
    "description": None,
    "columns": [],
    "target_column": None,
    "metadata": {},
}
"""What stands in the columns whose content is sealed."""


class SqlDatasets:
    """DatasetRepository on an engine."""

    def __init__(self, engine: Engine, cipher: DataCipher) -> None:
        self._rows = OwnedRows(engine, datasets)
        self.words = SealedWords(engine, datasets, "sealed", cipher)

    def add(self, dataset: Dataset) -> None:
        """Keep a new dataset."""
        self._rows.insert(
            {
                "id": dataset.id,
                "owner_id": dataset.owner_id,
                "tenant_id": dataset.tenant_id,
                **_IN_CLEAR,
                "sealed": self.words.seal(
                    dataset.id,
                    {
                        "name": dataset.name,
                        "description": dataset.description,
                        "columns": [[column.name, column.kind.value] for column in dataset.columns],
                        "target_column": dataset.target_column,
                        "metadata": dict(dataset.metadata),
                    },
                ),
                "n_rows": dataset.n_rows,
                "size_bytes": dataset.size_bytes,
                "created_at": dataset.created_at,
                "level": int(dataset.level),
            }
        )

    def get(self, dataset_id: str) -> Dataset | None:
        """The dataset, or None."""
        row = self._rows.row(dataset_id)
        return None if row is None else self._build(row)

    def list(self, scope: Scope, page: Page) -> Listing[Dataset]:
        """One page of the scope's datasets, newest first."""
        return self._rows.page(scope, page, self._build)

    def of_owner(self, owner_id: str) -> Sequence[Dataset]:
        """Everything of one owner."""
        return self._rows.of_owner(owner_id, self._build)

    def delete(self, dataset_id: str) -> bool:
        """Forget the dataset; whether it was there."""
        return self._rows.remove(dataset_id)

    def every_id(self) -> set[str]:
        """Ids of all datasets."""
        return self._rows.every()

    def seal_clear(self) -> int:
        """Seal what an earlier version kept in clear; returns how many rows that were."""
        return self._rows.seal_clear(self.words, "sealed", _IN_CLEAR, datasets.c.sealed.is_(None))

    def _build(self, row: RowMapping) -> Dataset:
        words = row if row["sealed"] is None else self.words.open(row["id"], row["sealed"])
        return Dataset(
            id=row["id"],
            owner_id=row["owner_id"],
            tenant_id=row["tenant_id"],
            name=words["name"],
            description=words["description"],
            columns=tuple(Column(name, ColumnKind(kind)) for name, kind in words["columns"]),
            n_rows=row["n_rows"],
            target_column=words["target_column"],
            size_bytes=row["size_bytes"],
            created_at=row["created_at"],
            metadata=words["metadata"],
            level=SecurityLevel(row["level"]),
        )
