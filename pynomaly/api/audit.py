"""Routes of the audit log: found, verified, exported; nobody writes to it here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from pynomaly.api import account_schemas as schemas
from pynomaly.api.endpoint import Answer, Call, Endpoint, json_answer
from pynomaly.api.off_loop import each_off_loop, off_loop
from pynomaly.domain.audit import AuditEvent, AuditFilter, Outcome
from pynomaly.domain.permissions import Permission
from pynomaly.usecases.platform import principal_of

_MONTH_S = 30 * 86_400


async def search(call: Call) -> Answer:
    """The tenant's events."""
    query: schemas.AuditQuery = call.query
    wanted = AuditFilter(
        actor=query.actor,
        action=query.action,
        outcome=None if query.outcome is None else Outcome(query.outcome),
        resource=query.resource,
        tenant_id=principal_of(call.caller).tenant_id,
        since=query.since,
        until=query.until,
        after_sequence=query.after_sequence,
        limit=query.limit,
        newest_first=query.newest_first,
        own_numbers=True,
    )
    found = await off_loop(call.services.security.audit.search, wanted)
    return json_answer([_view(event) for event in found])


async def verify(call: Call) -> Answer:
    """Check the whole chain; whoever runs the service is told how long it is, a tenant of its own events."""
    principal, audit = principal_of(call.caller), call.services.security.audit
    if Permission.AUDIT_VERIFY in principal.permissions:
        found = await off_loop(audit.verify)
    else:
        found = await off_loop(audit.verify_for, principal.tenant_id)
    return json_answer(
        schemas.Chain(
            is_intact=found.is_intact,
            n_events=found.n_events,
            first_broken=found.first_broken,
            reason=found.reason,
            anchored_at=found.anchored_at,
            not_known=found.not_known,
        )
    )


async def export(call: Call) -> Answer:
    """The tenant's events as NDJSON, with what it takes to verify them elsewhere."""
    watch = call.services.security.standing.watch(principal_of(call.caller))
    lines = call.services.security.audit.export(principal_of(call.caller).tenant_id)
    call.services.platform.record(call.caller, "audit.exported", "audit")
    return Answer(media_type=b"application/x-ndjson", pieces=each_off_loop(_chunks(lines), watch.principal))


async def report(call: Call) -> Answer:
    """Counts over the last 30 days, and whether the log is whole."""
    now_s = time.time()
    tenant_id = principal_of(call.caller).tenant_id
    audit = call.services.security.audit
    found = await off_loop(
        audit.compliance_report, since=now_s - _MONTH_S, until=now_s + 1, tenant_id=tenant_id
    )
    return json_answer(asdict(found))


def _chunks(lines: Iterator[str], n_lines: int = 500) -> Iterator[bytes]:
    """Several lines at a time: each chunk costs a thread's hand-over."""
    batch: list[str] = []
    for line in lines:
        batch.append(line if line.endswith("\n") else f"{line}\n")
        if len(batch) == n_lines:
            yield "".join(batch).encode()
            batch.clear()
    yield "".join(batch).encode()


def _view(event: AuditEvent) -> schemas.AuditEvent:
    return schemas.AuditEvent(
        sequence=event.sequence,
        occurred_at=event.occurred_at,
        actor=event.actor,
        action=event.action,
        outcome=event.outcome.value,
        resource=event.resource,
        ip_address=event.ip_address,
        user_agent=event.user_agent,
        details=dict(event.details),
        digest=event.seal,
    )


ENDPOINTS = [
    Endpoint(
        method="GET", path="/api/v1/audit", handler=search, summary="Find events", tag="audit",
        permission=Permission.AUDIT_READ, query=schemas.AuditQuery, reply=list[schemas.AuditEvent], problems=(422,),
    ),
    Endpoint(
        method="GET", path="/api/v1/audit/verify", handler=verify, summary="Check the chain", tag="audit",
        permission=Permission.AUDIT_READ, reply=schemas.Chain,
    ),
    Endpoint(
        method="GET", path="/api/v1/audit/export", handler=export, summary="Export the events", tag="audit",
        permission=Permission.AUDIT_READ, media="application/x-ndjson",
    ),
    Endpoint(
        method="GET", path="/api/v1/audit/report", handler=report, summary="Compliance report", tag="audit",
        permission=Permission.AUDIT_READ, reply=dict[str, Any],
    ),
]  # fmt: skip
