"""The one route table: what is served, documented and checked is what stands here."""

from __future__ import annotations

from collections import defaultdict

from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from pynomaly.api import (
    admin,
    audit,
    auth,
    datasets,
    detection,
    detectors,
    health,
    operations,
    stream,
)
from pynomaly.api.endpoint import Endpoint, PathApp
from pynomaly.api.openapi import document_route
from pynomaly.api.services import Services
from pynomaly.domain.errors import NotFound

ENDPOINTS: list[Endpoint] = [
    *detection.ENDPOINTS,  # the hot paths first: they are looked for in this order
    *operations.ENDPOINTS,
    *datasets.ENDPOINTS,
    *detectors.ENDPOINTS,
    *stream.ENDPOINTS,
    *auth.ENDPOINTS,
    *admin.ENDPOINTS,
    *audit.ENDPOINTS,
    *health.ENDPOINTS,
]
ENDPOINTS.append(document_route(ENDPOINTS))


_ALWAYS_ANSWERED = frozenset(endpoint.path for endpoint in ENDPOINTS if endpoint.tag == "health")


def is_exempt(scope: Scope) -> bool:
    """Whether a request is answered however much there is to do: health, and figures."""
    return scope["path"] in _ALWAYS_ANSWERED


def build_router(services: Services) -> ASGIApp:
    """All routes over these services; a path that isn't in the table raises NotFound."""
    by_path: dict[str, list[Endpoint]] = defaultdict(list)
    for endpoint in ENDPOINTS:
        by_path[endpoint.path].append(endpoint)
    routes = [Route(path, PathApp(endpoints, services)) for path, endpoints in by_path.items()]
    router = Router(routes, redirect_slashes=False)
    router.default = _nowhere
    return router


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    raise NotFound("There is nothing at this path.")
