"""Whether the service is there, alive and ready; and what it measures of itself."""

from __future__ import annotations

from pynomaly import __version__
from pynomaly.api import schemas
from pynomaly.api.endpoint import Answer, Call, Endpoint, json_answer
from pynomaly.api.off_loop import RESERVED
from pynomaly.domain.errors import Unauthenticated

_HEALTHY = schemas.Health(status="ok", service="pynomaly", version=__version__)


async def health(call: Call) -> Answer:
    """The service answers."""
    return json_answer(_HEALTHY)


async def ready(call: Call) -> Answer:
    """Whether everything that requests need is there: 200, or 503 saying what isn't."""
    checks = {name: await RESERVED.call(check) for name, check in call.services.checks.items()}
    is_ready = all(found == "ok" or found.startswith("degraded") for found in checks.values())
    readiness = schemas.Readiness(status="ok" if is_ready else "unready", checks=checks)
    return json_answer(readiness, 200 if is_ready else 503)


async def metrics(call: Call) -> Answer:
    """Prometheus' text format."""
    if call.services.settings.metrics_require_login and call.services.identify(call.scope) is None:
        raise Unauthenticated("Log in first, or send an API key.")
    body = await RESERVED.call(call.services.metrics.rendered)
    return Answer(body, media_type=b"text/plain; version=0.0.4; charset=utf-8")


ENDPOINTS = [
    Endpoint(
        method="GET", path="/api/v1/health", handler=health, summary="The service answers",
        tag="health", is_public=True, reply=schemas.Health,
    ),
    Endpoint(
        method="GET", path="/api/v1/health/live", handler=health, summary="The process is alive",
        tag="health", is_public=True, reply=schemas.Health,
    ),
    Endpoint(
        method="GET", path="/api/v1/health/ready", handler=ready, summary="Requests can be served",
        tag="health", is_public=True, reply=schemas.Readiness, problems=(503,),
    ),
    Endpoint(
        method="GET", path="/metrics", handler=metrics, summary="Figures for Prometheus",
        tag="health", is_public=True, media="text/plain",
    ),
]  # fmt: skip
