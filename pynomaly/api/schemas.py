"""Bodies as they go over the wire: typed, strict, and the source of the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$", examples=["det_5f1c0d"])]
Name = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f/\\]+$", examples=["pump telemetry"])
]
Text = Annotated[str, Meta(max_length=2_000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
Contamination = Annotated[
    float, Meta(gt=0, le=0.5, description="Expected share of anomalies.", examples=[0.1])
]
Algorithm = Annotated[
    str, Meta(min_length=1, max_length=64, examples=["IsolationForest", "local_outlier_factor"])
]
Level = Annotated[
    str, Meta(description="PUBLIC, INTERNAL, RESTRICTED, CONFIDENTIAL or SECRET.", examples=["INTERNAL"])
]
Value = float | str | None
Rows = list[list[Value] | dict[str, Value]]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client sends; a field that isn't known is an error, not a wish unheard."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a client gets."""


class Problem(Reply, frozen=True, kw_only=True):
    """RFC 9457. `code` is stable and for programs, `detail` for people."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    hint: str | UnsetType = UNSET


class Health(Reply, frozen=True, kw_only=True):
    """That the service is there."""

    status: str
    service: str
    version: str


class Readiness(Reply, frozen=True, kw_only=True):
    """What the service needs, each `ok` or what is wrong with it."""

    status: str
    checks: dict[str, str]


class Token(Reply, frozen=True, kw_only=True):
    """OAuth 2 (RFC 6749): send the access token as `Authorization: Bearer …`; `expires_in` in seconds.

    A login gives a device token besides: sent with the next logins, it keeps others' wrong passwords from making
    this device wait. It opens nothing.
    """

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int
    device_token: str | UnsetType = UNSET


class Dataset(Reply, frozen=True, kw_only=True):
    """A stored dataset; `shape` counts all columns, `n_features` all but the target."""

    id: str
    name: str
    description: str | None
    shape: tuple[int, int]
    n_samples: int
    n_features: int
    feature_names: list[str]
    has_target: bool
    target_column: str | None
    numeric_features: int
    categorical_features: int
    memory_usage_mb: float
    security_level: str
    created_at: datetime
    metadata: dict[str, Any]


class DatasetSample(Reply, frozen=True, kw_only=True):
    """Some rows; null is a missing value."""

    columns: list[str]
    rows: list[list[Value]]


class ColumnQuality(Reply, frozen=True, kw_only=True):
    """One column's quality."""

    name: str
    kind: str
    n_missing: int
    n_infinite: int
    is_constant: bool
    minimum: float | None
    maximum: float | None
    mean: float | None
    std: float | None
    n_categories: int | None


class DatasetQuality(Reply, frozen=True, kw_only=True):
    """How good the data is; `quality_score` is 1 where nothing is missing, infinite or repeated."""

    dataset_id: str
    n_samples: int
    n_missing: int
    n_duplicate_rows: int
    quality_score: float
    columns: list[ColumnQuality]


class SplitRequest(Request, frozen=True, kw_only=True):
    """How to cut a dataset in two."""

    test_fraction: Annotated[float, Meta(gt=0, lt=1, examples=[0.3])] = 0.3
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0


class DatasetSplit(Reply, frozen=True, kw_only=True):
    """The two new datasets."""

    train: Dataset
    test: Dataset


class DetectorRequest(Request, frozen=True, kw_only=True):
    """A new detector: `algorithm_name` and `algorithm` are the same thing, one is needed."""

    algorithm_name: Algorithm | UnsetType = UNSET
    algorithm: Algorithm | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    description: Text | None = None
    contamination_rate: Contamination = 0.1
    parameters: dict[str, Any] = {}
    metadata: dict[str, Any] = {}


class DetectorChange(Request, frozen=True, kw_only=True):
    """What to change; parameters and contamination count from the next training on."""

    name: Name | None = None
    description: Text | None = None
    contamination_rate: Contamination | None = None
    parameters: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class Detector(Reply, frozen=True, kw_only=True):
    """A detector; `model_version` counts its trainings."""

    id: str
    name: str
    description: str | None
    algorithm_name: str
    algorithm: str
    contamination_rate: float
    is_fitted: bool
    created_at: datetime
    updated_at: datetime
    trained_at: datetime | None
    model_version: int
    n_features: int | None
    feature_names: list[str] | None
    threshold: float | None
    parameters: dict[str, Any]
    metadata: dict[str, Any]


class AlgorithmInfo(Reply, frozen=True, kw_only=True):
    """An algorithm and the parameters it takes."""

    name: str
    platform_name: str
    title: str
    description: str
    parameters: list[dict[str, Any]]


class TrainRequest(Request, frozen=True, kw_only=True):
    """Train this detector on that dataset; the same seed gives the same model."""

    detector_id: Id
    dataset_id: Id
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0


class DetectRequest(Request, frozen=True, kw_only=True):
    """Find the anomalies of a stored dataset."""

    detector_id: Id
    dataset_id: Id


class BatchRequest(Request, frozen=True, kw_only=True):
    """Find the anomalies of several stored datasets, in the background."""

    detector_id: Id
    dataset_ids: Annotated[list[Id], Meta(min_length=1, max_length=100)]


class PredictRequest(Request, frozen=True, kw_only=True):
    """Score these rows: `rows` (or `data`), lists in the order of the features or objects by name, or `columns`."""

    detector_id: Id
    rows: Annotated[Rows, Meta(examples=[[[0.1, 2.0, -1.3]]])] | UnsetType = UNSET
    data: Rows | UnsetType = UNSET
    columns: dict[str, list[Value]] | UnsetType = UNSET


class Detection(Reply, frozen=True, kw_only=True):
    """Scores (higher is more anomalous) and labels (1 is an anomaly: its score is above the threshold).

    `id` and `dataset_id` are null where nothing is stored; scores and labels where there are too many for one body.
    """

    id: str | None
    detector_id: str
    dataset_id: str | None
    model_version: int | None
    timestamp: datetime
    n_samples: int
    n_anomalies: int
    anomaly_rate: float
    threshold: float
    execution_time_ms: float
    score_statistics: dict[str, float]
    anomaly_scores: list[float] | None
    anomaly_labels: list[int] | None
    cached: bool = False


class EvaluateRequest(Request, frozen=True, kw_only=True):
    """Judge this detector on that dataset by its target column."""

    detector_id: Id
    dataset_id: Id


class Evaluation(Reply, frozen=True, kw_only=True):
    """How labels and scores agree with the truth; the areas are null where only one class occurs."""

    detector_id: str
    dataset_id: str
    n_samples: int
    accuracy: float
    precision: float
    recall: float
    f1: float
    roc_auc: float | None
    average_precision: float | None
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int


class Operation(Reply, frozen=True, kw_only=True):
    """Work in the background; `progress` from 0 to 1, `result` once completed, `error` once failed."""

    id: str
    kind: str
    status: str
    progress: float
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    subject: dict[str, Any]
    result: dict[str, Any] | None
    error: dict[str, Any] | None
