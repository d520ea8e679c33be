"""What every use case works with, and the checks that come before all of them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from pynomaly.domain.audit import AuditLog, Detail, Outcome
from pynomaly.domain.datasets import Dataset
from pynomaly.domain.detections import DetectionResult
from pynomaly.domain.detectors import Detector
from pynomaly.domain.errors import NotFound, PynomalyError, recorded
from pynomaly.domain.limits import DataLimits
from pynomaly.domain.operations import Operation
from pynomaly.domain.permissions import Permission, Principal, SecurityLevel
from pynomaly.domain.ports import ResultCache, Scope
from pynomaly.security.authorization import AuthzService
from pynomaly.security.foundation import Caller
from pynomaly.usecases.stores import Stores
from pynomaly.workers.parser_pool import ParserPool
from pynomaly.workers.pool import WorkerPool

_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class Platform(Stores):
    """Stores and services, put together once by the app. The clock gives aware datetimes.

    `standing` looks a principal up again and raises Unauthenticated where the account was closed.
    """

    cache: ResultCache
    pool: WorkerPool
    parsers: ParserPool
    audit: AuditLog
    authz: AuthzService
    standing: Callable[[Principal], Principal]
    limits: DataLimits
    operation_time_limit_s: float
    clock: Callable[[], datetime]

    def record(
        self,
        caller: Caller,
        action: str,
        resource: str,
        outcome: Outcome = Outcome.SUCCESS,
        details: dict[str, Detail] | None = None,
    ) -> None:
        """Write one act of the caller into the audit."""
        self.audit.log_event(
            actor=caller.actor,
            action=action,
            outcome=outcome,
            resource=resource,
            tenant_id=caller.tenant_id,
            ip_address=caller.ip_address,
            user_agent=caller.user_agent,
            details=details,
        )

    def present(self, caller: Caller) -> Caller:
        """The caller as his account is now; raises Unauthenticated where it was closed. Asked at each unit of work
        that goes on after its request was let in.
        """
        return replace(caller, principal=self.standing(principal_of(caller)))

    def confirm(self, caller: Caller, undo: Callable[[], object]) -> None:
        """After something was kept: where its owner was closed or erased meanwhile it is removed again.

        An erasure closes the account before it looks for what there is. So it finds what was kept, or this finds
        the account closed.
        """
        try:
            self.present(caller)
        except PynomalyError:
            undo()
            raise

    def dataset(self, caller: Caller, dataset_id: str, permission: Permission) -> Dataset:
        """The dataset, if the caller may do that to it; else NotFound or Forbidden."""
        found = _there(self.datasets.get(dataset_id), "dataset")
        self._check(caller, found, permission, found.level)
        return found

    def dataset_to_read(self, caller: Caller, dataset_id: str, use: str) -> Dataset:
        """The dataset, whose rows the caller is going to read; that somebody else's are read is written down."""
        found = self.dataset(caller, dataset_id, Permission.DATA_READ)
        self._record_reading(caller, found, "dataset", use)
        return found

    def result_to_read(self, caller: Caller, result_id: str) -> DetectionResult:
        """The result, whose scores the caller is going to read; the same is written down."""
        found = self.result(caller, result_id, Permission.RESULTS_READ)
        self._record_reading(caller, found, "result", "scores")
        return found

    def _record_reading(self, caller: Caller, found: Dataset | DetectionResult, kind: str, use: str) -> None:
        if found.owner_id != principal_of(caller).user_id:
            self.record(caller, f"{kind}.read", f"{kind}:{found.id}", details={"use": use})

    def detector(self, caller: Caller, detector_id: str, permission: Permission) -> Detector:
        """The detector, if the caller may do that to it; else NotFound or Forbidden."""
        found = _there(self.detectors.get(detector_id), "detector")
        self._check(caller, found, permission, found.level)
        return found

    def result(self, caller: Caller, result_id: str, permission: Permission) -> DetectionResult:
        """The result, if the caller may do that to it; else NotFound or Forbidden."""
        found = _there(self.results.get(result_id), "result")
        self._check(caller, found, permission, found.level)
        return found

    def operation(self, caller: Caller, operation_id: str, permission: Permission) -> Operation:
        """The operation, if the caller may do that to it; else NotFound or Forbidden."""
        found = _there(self.operations.get(operation_id), "operation")
        self._check(caller, found, permission, found.level)
        return found

    def scope(self, caller: Caller, permission: Permission) -> Scope:
        """Which objects the caller may list: those that he may get by id. Raises Forbidden without the permission."""
        principal = principal_of(caller)
        self.authz.require(principal, permission, SecurityLevel.PUBLIC)
        return self.authz.scope(principal)

    def may_use(self, caller: Caller, detector: Detector) -> bool:
        """Whether `detector` would let the caller run it; asks no store."""
        try:
            self.authz.require_access(
                principal_of(caller),
                detector.owner_id,
                detector.tenant_id,
                Permission.DETECTION_RUN,
                detector.level,
            )
        except PynomalyError:
            return False
        return True

    def _check(
        self,
        caller: Caller,
        found: Dataset | Detector | DetectionResult | Operation,
        permission: Permission,
        level: SecurityLevel,
    ) -> None:
        """Refuse, and write the refusal down, unless the rules allow it."""
        try:
            self.authz.require_access(
                principal_of(caller), found.owner_id, found.tenant_id, permission, level
            )
        except PynomalyError as refusal:
            resource = f"{type(found).__name__.lower()}:{found.id}"
            self.record(caller, f"access.{permission}", resource, Outcome.DENIED)
            recorded(refusal)
            raise


def principal_of(caller: Caller) -> Principal:
    """Who calls; a use case that works on owned objects is never called by the system itself."""
    if caller.principal is None:
        raise NotFound("There is no such object.")
    return caller.principal


def new_id(prefix: str) -> str:
    """An id that can't be guessed, and tells what it is of."""
    return f"{prefix}_{secrets.token_hex(16)}"


def _there(found: _Thing | None, what: str) -> _Thing:
    if found is None:
        raise NotFound(f"There is no such {what}.")
    return found
