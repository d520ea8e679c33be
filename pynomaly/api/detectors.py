"""Routes of detectors and algorithms."""

from __future__ import annotations

from msgspec import UNSET

from pynomaly.api import queries, schemas
from pynomaly.api.bodies import require_free_form
from pynomaly.api.endpoint import Answer, Call, Endpoint, json_answer
from pynomaly.api.off_loop import off_loop
from pynomaly.api.views import detector_view
from pynomaly.detection import algorithms
from pynomaly.domain.errors import InvalidInput
from pynomaly.domain.permissions import Permission
from pynomaly.domain.ports import Page
from pynomaly.usecases.create_detector import DetectorEdit, create_detector, edit_detector
from pynomaly.usecases.delete import delete_detector


async def create(call: Call) -> Answer:
    """Make a detector, as yet untrained."""
    body: schemas.DetectorRequest = call.body
    names = {name for name in (body.algorithm_name, body.algorithm) if name is not UNSET}
    if len(names) != 1:
        raise InvalidInput("Name one algorithm, as algorithm_name.")
    require_free_form(body.parameters, "parameters")
    require_free_form(body.metadata, "metadata")
    edit = DetectorEdit(
        name=None if body.name is UNSET else body.name,
        description=body.description,
        contamination=body.contamination_rate,
        parameters=body.parameters,
        metadata=body.metadata,
    )
    detector = await off_loop(create_detector, call.services.platform, call.caller, str(names.pop()), edit)
    return json_answer(
        detector_view(detector), 201, ((b"location", f"/api/v1/detectors/{detector.id}".encode()),)
    )


async def listing(call: Call) -> Answer:
    """Detectors, newest first."""
    platform = call.services.platform
    scope = platform.scope(call.caller, Permission.DETECTORS_READ)
    found = await off_loop(platform.detectors.list, scope, Page(call.query.limit, call.query.offset))
    views = [detector_view(detector) for detector in found.items]
    return json_answer(views, headers=((b"x-total-count", str(found.total).encode()),))


async def get(call: Call) -> Answer:
    """One detector."""
    platform = call.services.platform
    detector = await off_loop(platform.detector, call.caller, call.path["id"], Permission.DETECTORS_READ)
    return json_answer(detector_view(detector))


async def change(call: Call) -> Answer:
    """Change some of a detector."""
    body: schemas.DetectorChange = call.body
    require_free_form(body.parameters, "parameters")
    require_free_form(body.metadata, "metadata")
    edit = DetectorEdit(body.name, body.description, body.contamination_rate, body.parameters, body.metadata)
    detector = await off_loop(edit_detector, call.services.platform, call.caller, call.path["id"], edit)
    return json_answer(detector_view(detector))


async def delete(call: Call) -> Answer:
    """Delete a detector, its model and its results."""
    await off_loop(delete_detector, call.services.platform, call.caller, call.path["id"])
    return Answer(status=204)


async def catalogue(call: Call) -> Answer:
    """Every algorithm and its parameters."""
    return json_answer([spec.describe() for spec in algorithms()])


ENDPOINTS = [
    Endpoint(
        method="GET", path="/api/v1/detectors/algorithms", handler=catalogue, summary="The algorithms there are",
        tag="detectors", permission=Permission.DETECTORS_READ, reply=list[schemas.AlgorithmInfo],
    ),
    Endpoint(
        method="POST", path="/api/v1/detectors", handler=create, summary="Make a detector", tag="detectors",
        permission=Permission.DETECTORS_WRITE, body=schemas.DetectorRequest, reply=schemas.Detector, status=201,
        problems=(400, 413, 422),
    ),
    Endpoint(
        method="GET", path="/api/v1/detectors", handler=listing, summary="List detectors", tag="detectors",
        permission=Permission.DETECTORS_READ, query=queries.PageQuery, reply=list[schemas.Detector], problems=(422,),
    ),
    Endpoint(
        method="GET", path="/api/v1/detectors/{id}", handler=get, summary="Get a detector", tag="detectors",
        permission=Permission.DETECTORS_READ, reply=schemas.Detector, problems=(404,),
    ),
    Endpoint(
        method="PATCH", path="/api/v1/detectors/{id}", handler=change, summary="Change a detector", tag="detectors",
        permission=Permission.DETECTORS_WRITE, body=schemas.DetectorChange, reply=schemas.Detector,
        problems=(400, 404, 413, 422),
    ),
    Endpoint(
        method="DELETE", path="/api/v1/detectors/{id}", handler=delete, summary="Delete a detector", tag="detectors",
        permission=Permission.DETECTORS_DELETE, status=204, problems=(404,),
    ),
]  # fmt: skip
