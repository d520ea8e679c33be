"""A long-running piece of work that a client starts, polls and may cancel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pynomaly.domain.permissions import SecurityLevel


class OperationState(StrEnum):
    """Pending and running are live; the other three are final."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the operation will never change again."""
        return self not in (OperationState.PENDING, OperationState.RUNNING)


class OperationKind(StrEnum):
    """What can be asked to run in the background."""

    TRAIN = "train"
    DETECT_BATCH = "detect_batch"


@dataclass(frozen=True, slots=True)
class Operation:
    """`subject` says what was asked for, `result` what came of it, `error` (code, detail) why nothing did."""

    id: str
    owner_id: str
    tenant_id: str
    kind: OperationKind
    state: OperationState
    progress: float
    created_at: datetime
    subject: Mapping[str, Any]
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    level: SecurityLevel = SecurityLevel.PUBLIC
    """That of the data it works on, which its result tells about."""
