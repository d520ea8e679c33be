"""What the use cases need of the outside world, as protocols: the layers below supply, the tests fake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, BinaryIO, Generic, Protocol, TypeVar

from pynomaly.domain.datasets import Block, Column, Dataset
from pynomaly.domain.detections import DetectionResult, ScoredRows
from pynomaly.domain.detectors import Detector, TrainedModel
from pynomaly.domain.operations import Operation, OperationState
from pynomaly.domain.permissions import SecurityLevel
from pynomaly.domain.preparation import Preparation

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects are meant: one tenant's, of these one owner's unless `owner_id` is None, and none above
    the clearance.
    """

    tenant_id: str
    owner_id: str | None
    clearance: SecurityLevel


@dataclass(frozen=True, slots=True)
class Page:
    """A window of a listing, newest first."""

    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """One page of things and how many there are in all."""

    items: Sequence[T]
    total: int


class DatasetRepository(Protocol):
    """Keeps what is known of datasets."""

    def add(self, dataset: Dataset) -> None: ...
    def get(self, dataset_id: str) -> Dataset | None: ...
    def list(self, scope: Scope, page: Page) -> Listing[Dataset]: ...
    def of_owner(self, owner_id: str) -> Sequence[Dataset]: ...
    def delete(self, dataset_id: str) -> bool: ...
    def every_id(self) -> set[str]: ...


@dataclass(frozen=True, slots=True)
class ReplacedModel:
    """The model whose place another took, if there was one, and that other's number."""

    last_id: str | None
    version: int


@dataclass(frozen=True, slots=True)
class DeletedDetector:
    """The model that a detector served when it was deleted, if it had one."""

    model_id: str | None


class DetectorRepository(Protocol):
    """Keeps detectors and which model each of them serves."""

    def add(self, detector: Detector) -> None: ...
    def get(self, detector_id: str) -> Detector | None: ...
    def list(self, scope: Scope, page: Page) -> Listing[Detector]: ...
    def update(self, detector: Detector) -> bool: ...
    def set_model(self, detector_id: str, model: TrainedModel) -> ReplacedModel | None:
        """Serve this model from now on, numbered after the one before; None if the detector is gone."""

    def of_owner(self, owner_id: str) -> Sequence[Detector]: ...
    def delete(self, detector_id: str) -> DeletedDetector | None:
        """Forget the detector; tells which model it served at that moment, None if it was not there."""

    def every_model_id(self) -> set[str]: ...


class ResultRepository(Protocol):
    """Keeps what is known of detections."""

    def add(self, result: DetectionResult) -> None: ...
    def get(self, result_id: str) -> DetectionResult | None: ...
    def list(
        self, scope: Scope, page: Page, *, detector_id: str | None = None, dataset_id: str | None = None
    ) -> Listing[DetectionResult]: ...
    def of_owner(self, owner_id: str) -> Sequence[DetectionResult]: ...
    def delete(self, result_id: str) -> bool: ...
    def delete_of(self, *, detector_id: str | None = None, dataset_id: str | None = None) -> Sequence[str]:
        """Forget the results of a detector or a dataset; returns their ids."""

    def every_id(self) -> set[str]: ...


class OperationRepository(Protocol):
    """Keeps operations; a change of state only happens from a live state, so the first final state stands."""

    def add(self, operation: Operation) -> None: ...
    def get(self, operation_id: str) -> Operation | None: ...
    def list(self, scope: Scope, page: Page) -> Listing[Operation]: ...
    def of_owner(self, owner_id: str) -> Sequence[Operation]: ...
    def delete(self, operation_id: str) -> bool: ...
    def start(self, operation_id: str) -> bool: ...
    def finish(
        self,
        operation_id: str,
        state: OperationState,
        *,
        result: Mapping[str, Any] | None = None,
        error: Mapping[str, Any] | None = None,
    ) -> bool:
        """Enter a final state; False if the operation already had one."""

    def fail_interrupted(self, reason: str) -> int:
        """Fail every live operation (none can be running when a server has just started); returns how many."""


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model as it is kept: how columns become its matrix, and the engine's own bytes."""

    preparation: Preparation
    model: bytes


class ModelStore(Protocol):
    """Keeps trained models."""

    def write(self, model_id: str, stored: StoredModel) -> None: ...
    def read(self, model_id: str) -> StoredModel: ...
    def delete(self, model_id: str) -> None: ...


class ScoreStore(Protocol):
    """Keeps the scores and labels of detections."""

    def write(self, result_id: str, parts: Iterable[ScoredRows]) -> None: ...
    def read(self, result_id: str) -> Iterator[ScoredRows]: ...
    def delete(self, result_id: str) -> None: ...


class RowSource(Protocol):
    """An opened file of rows: its columns, then its blocks, once, in order."""

    @property
    def columns(self) -> tuple[Column, ...]: ...
    def blocks(self) -> Iterator[Block]: ...


class DatasetRows(Protocol):
    """Keeps the rows of datasets."""

    def write(self, dataset_id: str, source: RowSource) -> WrittenRows: ...
    def read(self, dataset: Dataset, columns: Sequence[str] | None = None) -> Iterator[Block]: ...
    def delete(self, dataset_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class WrittenRows:
    """How much was written."""

    n_rows: int
    size_bytes: int


class BlobStore(Protocol):
    """Keeps bytes under kind and id: written whole or not at all, sealed, and checked when read."""

    def create(self, kind: str, blob_id: str) -> AbstractContextManager[BinaryIO]:
        """A sink; the blob exists, durably, once the context ends without an error."""

    def open(self, kind: str, blob_id: str) -> BinaryIO:
        """A source; raises CorruptStore where the content is not what was written, NotFound where there is none."""

    def delete(self, kind: str, blob_id: str) -> None: ...
    def ids(self, kind: str) -> set[str]: ...


class Cipher(Protocol):
    """Seals bytes to the place they belong to."""

    def encrypt_data(self, data: bytes, *, context: str) -> bytes: ...
    def decrypt_data(self, data: bytes, *, context: str) -> bytes: ...


class ResultCache(Protocol):
    """Keeps finished answers; may forget at any time, and being down only means a miss."""

    def get(self, key: str) -> bytes | None: ...
    def put(self, key: str, value: bytes) -> None: ...
