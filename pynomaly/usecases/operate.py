"""Operations from start to end: entered, run by a worker, and finished in exactly one way."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pynomaly.domain.audit import Outcome
from pynomaly.domain.errors import Conflict, PynomalyError
from pynomaly.domain.operations import Operation, OperationKind, OperationState
from pynomaly.domain.permissions import Permission, SecurityLevel
from pynomaly.domain.ports import OperationRepository
from pynomaly.security.foundation import Caller
from pynomaly.usecases.platform import Platform, new_id, principal_of
from pynomaly.workers.pool import Job
from pynomaly.workers.process import WorkerProcess

logger = logging.getLogger(__name__)

_INSIST_S = 600.0
_INSIST_EVERY_S = 0.5

Work = Callable[[WorkerProcess, Job], Mapping[str, Any]]
"""Does the operation and returns its result."""


def start_operation(
    platform: Platform,
    caller: Caller,
    kind: OperationKind,
    subject: Mapping[str, Any],
    work: Work,
    level: SecurityLevel,
) -> Operation:
    """Queue the work on data of that level; raises RateLimited when too much waits already, and then nothing is
    entered.
    """
    principal = principal_of(caller)
    operation = Operation(
        id=new_id("op"),
        owner_id=principal.user_id,
        tenant_id=principal.tenant_id,
        kind=kind,
        state=OperationState.PENDING,
        progress=0.0,
        created_at=platform.clock(),
        subject=subject,
        level=level,
    )

    def run(process: WorkerProcess, job: Job) -> None:
        _run(platform, caller, operation, work, process, job)

    def withdraw() -> None:
        platform.operations.delete(operation.id)
        platform.pool.cancel(operation.id)

    job = Job(
        operation.id,
        run,
        operation.owner_id,
        operation.tenant_id,
        require_wanted=lambda: platform.present(caller),
    )
    platform.pool.submit(job, enter=lambda: platform.operations.add(operation))
    platform.confirm(caller, withdraw)
    return operation


def end_disowned(platform: Platform) -> int:
    """Fail what waits or runs for accounts that were closed or erased; returns how many operations that were."""
    n_ended = 0
    for job in platform.pool.jobs():
        try:
            job.require_wanted()
        except PynomalyError as refusal:
            error = {"code": refusal.code, "detail": refusal.detail, "hint": None}
            platform.operations.finish(job.id, OperationState.FAILED, error=error)
            platform.pool.cancel(job.id)
            n_ended += 1
    return n_ended


def watch_operation(platform: Platform, caller: Caller, operation_id: str) -> Operation:
    """The operation as it stands, with the progress of this moment."""
    operation = platform.operation(caller, operation_id, Permission.OPERATIONS_READ)
    progress = platform.pool.progress(operation_id)
    return (
        operation if progress is None or operation.state.is_final else replace(operation, progress=progress)
    )


def cancel_operation(platform: Platform, caller: Caller, operation_id: str) -> Operation:
    """Stop it, whether it waits or runs; raises Conflict if it has ended already."""
    platform.operation(caller, operation_id, Permission.OPERATIONS_CANCEL)
    if not platform.operations.finish(operation_id, OperationState.CANCELLED):
        raise Conflict("The operation has ended already.")
    platform.pool.cancel(operation_id)
    platform.record(caller, "operation.cancelled", f"operation:{operation_id}")
    return platform.operation(caller, operation_id, Permission.OPERATIONS_CANCEL)


def _run(
    platform: Platform, caller: Caller, operation: Operation, work: Work, process: WorkerProcess, job: Job
) -> None:
    if not _insist(lambda: _is_begun(platform.operations, operation.id)):
        return  # cancelled while it waited
    try:
        job.require_wanted()
        result = work(process, job)
    except PynomalyError as error:
        _fail(platform, caller, operation, error.code, error.detail, error.hint)
    except MemoryError:
        _fail(platform, caller, operation, "out-of-memory", "The data is too large for this server.", None)
    except Exception:
        logger.exception("operation %s broke", operation.id)
        _fail(platform, caller, operation, "internal-error", "Something went wrong on our side.", None)
    else:
        _insist(lambda: platform.operations.finish(operation.id, OperationState.COMPLETED, result=result))


def _fail(
    platform: Platform, caller: Caller, operation: Operation, code: str, detail: str, hint: str | None
) -> None:
    error = {"code": code, "detail": detail, "hint": hint}
    if _insist(lambda: platform.operations.finish(operation.id, OperationState.FAILED, error=error)):
        resource = f"operation:{operation.id}"
        platform.record(caller, f"{operation.kind}.failed", resource, Outcome.FAILURE, {"code": code})


def _is_begun(operations: OperationRepository, operation_id: str) -> bool:
    """Enter that it runs; False where it has ended already.

    Where the database was lost in the midst of a first try, that may have been entered all the same: then it runs
    already, by nobody's doing but ours, and must not be taken for one that was cancelled.
    """
    if operations.start(operation_id):
        return True
    operation = operations.get(operation_id)
    return operation is not None and operation.state is OperationState.RUNNING


def _insist(enter: Callable[[], bool]) -> bool:
    """Enter a state, also where the database is away for a while: what was accepted must not be left hanging."""
    ends_at_s = time.monotonic() + _INSIST_S
    while True:
        try:
            return enter()
        except Exception:
            if time.monotonic() >= ends_at_s:
                raise
            logger.warning("the state of an operation can't be entered yet", exc_info=True)
            time.sleep(_INSIST_EVERY_S)
