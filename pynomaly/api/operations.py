"""Routes of operations."""

from __future__ import annotations

from pynomaly.api import queries, schemas
from pynomaly.api.endpoint import Answer, Call, Endpoint, json_answer
from pynomaly.api.off_loop import off_loop
from pynomaly.api.views import operation_view
from pynomaly.domain.permissions import Permission
from pynomaly.domain.ports import Page
from pynomaly.usecases.operate import cancel_operation, watch_operation


async def listing(call: Call) -> Answer:
    """Operations, newest first."""
    platform = call.services.platform
    scope = platform.scope(call.caller, Permission.OPERATIONS_READ)
    found = await off_loop(platform.operations.list, scope, Page(call.query.limit, call.query.offset))
    views = [operation_view(operation) for operation in found.items]
    return json_answer(views, headers=((b"x-total-count", str(found.total).encode()),))


async def get(call: Call) -> Answer:
    """How far an operation is."""
    return json_answer(
        operation_view(await off_loop(watch_operation, call.services.platform, call.caller, call.path["id"]))
    )


async def cancel(call: Call) -> Answer:
    """Cancel an operation."""
    return json_answer(
        operation_view(await off_loop(cancel_operation, call.services.platform, call.caller, call.path["id"]))
    )


ENDPOINTS = [
    Endpoint(
        method="GET", path="/api/v1/operations", handler=listing, summary="List operations", tag="operations",
        permission=Permission.OPERATIONS_READ, query=queries.PageQuery, reply=list[schemas.Operation], problems=(422,),
    ),
    Endpoint(
        method="GET", path="/api/v1/operations/{id}", handler=get, summary="How far an operation is",
        tag="operations", permission=Permission.OPERATIONS_READ, reply=schemas.Operation, problems=(404,),
    ),
    Endpoint(
        method="DELETE", path="/api/v1/operations/{id}", handler=cancel, summary="Cancel an operation",
        tag="operations", permission=Permission.OPERATIONS_CANCEL, reply=schemas.Operation, problems=(404, 409),
    ),
]  # fmt: skip
