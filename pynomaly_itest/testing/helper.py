"""What a workflow needs of the platform in a few words; all that it makes is entered in the clean-up ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pynomaly_itest.errors import StepFailed, UsageError
from pynomaly_itest.target.http import Body
from pynomaly_itest.target.platform import PlatformApi, require
from pynomaly_itest.testing.checking import checked

Act = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Runs a step of this kind and config, as a line of YAML would, and gives what it produced."""

_MEDIA = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".parquet": "application/vnd.apache.parquet",
    ".npy": "application/octet-stream",
}


class Ledger(Protocol):
    """Where what was made is entered, to be removed at the scenario's end."""

    def created(self, kind: str, id: str, path: str) -> None: ...  # noqa: A002 - the field's word


Clean = Callable[[], Awaitable[list[str]]]
"""Removes everything that the ledger holds; gives what is left, as sentences."""


@dataclass
class IntegrationTestHelper:
    """Uploads, creates, trains, detects, waits. Each raises StepFailed where the platform misbehaves."""

    act: Act
    api: PlatformApi
    ledger: Ledger
    clean: Clean
    _trained_on: dict[str, str] = field(default_factory=dict)

    async def upload_dataset(
        self, path: str | Path, name: str, *, target_column: str | None = None
    ) -> dict[str, Any]:
        """Upload the file at `path` (csv, tsv, parquet, npy) as `name`; the stored dataset, with its `id`."""
        file = Path(path)
        try:
            content = file.read_bytes()  # noqa: ASYNC240 - a test's file, not a service's
        except OSError as problem:
            raise UsageError(f"can't read {file}: {problem.strerror}") from problem
        parts: dict[str, Any] = {"name": (None, name)}
        if target_column is not None:
            parts["target_column"] = (None, target_column)
        media = _MEDIA.get(file.suffix.lower(), "application/octet-stream")
        parts["file"] = (file.name, content, media)
        stored = require(await self.api.send("POST", "datasets/upload", body=Body(files=parts)), (200, 201))
        return self._entered("dataset", stored, "datasets")

    async def create_detector(
        self,
        dataset_id: str | None = None,
        algorithm: str = "isolation_forest",
        **options: Any,
    ) -> dict[str, Any]:
        """A detector of `algorithm`, meant for that dataset: train_detector(id) then needs no other.

        options: `contamination`, `parameters`, `name`, as of the step `create_detector`.
        """
        detector = await self.act("create_detector", {"algorithm": algorithm, **options})
        if dataset_id is not None:
            self._trained_on[detector["id"]] = dataset_id
        return detector

    async def train_detector(self, detector_id: str, dataset_id: str | None = None) -> dict[str, Any]:
        """Train and wait; afterwards the detector says that it is fitted. Gives `training_time_seconds`."""
        dataset = dataset_id or self._trained_on.get(detector_id)
        if dataset is None:
            raise UsageError(
                f"train_detector({detector_id!r}) doesn't know the dataset",
                hint="name it here, or in create_detector(dataset_id, algorithm)",
            )
        return await self.act("train_detector", {"detector": detector_id, "dataset": dataset})

    async def start_training(self, detector_id: str, dataset_id: str) -> str:
        """Start a training and don't wait; the operation's id, for wait_for_operation."""
        config = {"detector": detector_id, "dataset": dataset_id, "wait": False}
        return str((await self.act("train_detector", config))["operation_id"])

    async def detect(self, detector_id: str, dataset_id: str) -> dict[str, Any]:
        """Score a stored dataset: `anomaly_scores`, `anomaly_labels`, `latency_ms`, `cached`, …"""
        return await self.act("detect", {"detector": detector_id, "dataset": dataset_id})

    async def evaluate(self, detector_id: str, dataset_id: str) -> dict[str, Any]:
        """The platform's own figures of merit on a dataset with a target column."""
        checked()
        wanted = {"detector_id": detector_id, "dataset_id": dataset_id}
        figures = await self.api.call("POST", "detection/evaluate", body=Body(json=wanted))
        if not isinstance(figures, dict):
            raise StepFailed("POST detection/evaluate did not answer with a JSON object")
        return figures

    async def wait_for_operation(
        self, operation_id: str, timeout_s: float | None = None, until: str = "completed"
    ) -> dict[str, Any]:
        """Poll until the operation ends; raises StepFailed where it ends in another way than `until`."""
        config: dict[str, Any] = {"operation": operation_id, "until": until}
        if timeout_s is not None:
            config["timeout_s"] = timeout_s
        return await self.act("wait_for_operation", config)

    async def delete(self, kind: str, id: str) -> Any:  # noqa: A002 - the field's word
        """DELETE a dataset, detector or result; the reply of a GET afterwards, for assert_resource_cleanup."""
        checked()
        path = f"{_FOLDERS[kind]}/{id}"
        await self.api.call("DELETE", path, accept=(200, 202, 204))
        return await self.api.send("GET", path)

    async def cleanup_resources(self) -> None:
        """Remove now what was made so far; at the scenario's end it happens anyway.

        Raises StepFailed where something stays.
        """
        checked()
        left = await self.clean()
        if left:
            raise StepFailed("clean-up left something: " + "; ".join(left[:5]))

    def _entered(self, kind: str, stored: Any, folder: str) -> dict[str, Any]:
        checked()
        if not isinstance(stored, dict) or not isinstance(stored.get("id"), str | int):
            raise StepFailed(f"the platform answered without the {kind}'s id")
        self.ledger.created(kind, str(stored["id"]), f"{folder}/{stored['id']}")
        return stored


_FOLDERS = {"dataset": "datasets", "detector": "detectors", "result": "detection/results"}
