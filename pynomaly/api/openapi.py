"""The OpenAPI document, derived from the route table and the bodies' types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec

from pynomaly import __version__
from pynomaly.api import schemas
from pynomaly.api.endpoint import Answer, Call, Endpoint

_REF = "#/components/schemas/{name}"


def openapi_document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """OpenAPI 3.1 of these routes."""
    table = list(endpoints)
    types = _types(table)
    refs, components = msgspec.json.schema_components(types, ref_template=_REF)
    schema_of = dict(zip(map(repr, types), refs, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in table:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pynomaly",
            "version": __version__,
            "description": "Anomaly detection as a service: datasets in, detectors trained, anomalies out.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
        "security": [{"bearer": []}, {"apiKey": []}],
    }


def _types(table: list[Endpoint]) -> list[Any]:
    """Every type that a route names, once."""
    named: list[Any] = [schemas.Problem]
    for endpoint in table:
        bodies = [value for value in endpoint.body_media.values() if isinstance(value, type)]
        named += [kind for kind in (endpoint.body, endpoint.reply, *bodies) if kind is not None]
    return list({repr(kind): kind for kind in named}.values())


def _operation(endpoint: Endpoint, schema_of: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{endpoint.tag}_{endpoint.handler.__name__}_{_slug(endpoint.path)}",
        "summary": endpoint.summary,
        "description": (endpoint.handler.__doc__ or "").strip(),
        "tags": [endpoint.tag],
        "responses": _responses(endpoint, schema_of),
    }
    parameters = _path_parameters(endpoint.path) + _query_parameters(endpoint.query)
    if parameters:
        operation["parameters"] = parameters
    body = _request_body(endpoint, schema_of)
    if body:
        operation["requestBody"] = {"required": True, "content": body}
    if endpoint.is_public:
        operation["security"] = []
    elif endpoint.permission is not None:
        operation["x-permission"] = endpoint.permission.value
    return operation


def _slug(path: str) -> str:
    return re.sub(r"\W+", "_", path.removeprefix("/api/v1")).strip("_")


def _responses(endpoint: Endpoint, schema_of: dict[str, Any]) -> dict[str, Any]:
    done: dict[str, Any] = {"description": HTTPStatus(endpoint.status).phrase}
    if endpoint.status != HTTPStatus.NO_CONTENT:
        schema = {"type": "string"} if endpoint.reply is None else schema_of[repr(endpoint.reply)]
        done["content"] = {endpoint.media: {"schema": schema}}
    responses = {str(endpoint.status): done}
    statuses = set(endpoint.problems) | {429}
    if endpoint.tag != "health":
        statuses.add(503)  # Overloaded
    if not endpoint.is_public:
        statuses |= {401, 403}
    for status in sorted(statuses - {endpoint.status}):
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {"application/problem+json": {"schema": schema_of[repr(schemas.Problem)]}},
        }
    return responses


def _path_parameters(path: str) -> list[dict[str, Any]]:
    schema = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9_-]+$"}
    return [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query_parameters(query: type[msgspec.Struct] | None) -> list[dict[str, Any]]:
    if query is None:
        return []
    schema = msgspec.json.schema(query)["$defs"][query.__name__]
    required = set(schema.get("required", ()))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _without_null(kind)}
        for name, kind in schema["properties"].items()
    ]


def _without_null(kind: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is absent is left out; there is no null in a query string."""
    options = [option for option in kind.get("anyOf", ()) if option != {"type": "null"}]
    return (
        options[0] if len(options) == 1 else {key: value for key, value in kind.items() if value is not None}
    )


def _request_body(endpoint: Endpoint, schema_of: dict[str, Any]) -> dict[str, Any]:
    if endpoint.body is not None:
        return {"application/json": {"schema": schema_of[repr(endpoint.body)]}}
    return {
        media: {"schema": schema_of[repr(value)]} if isinstance(value, type) else value
        for media, value in endpoint.body_media.items()
    }


def document_route(table: Iterable[Endpoint]) -> Endpoint:
    """The route that serves the document of this table, in which it may stand itself: it is read when first asked."""

    @cache
    def rendered() -> bytes:
        return msgspec.json.encode(openapi_document(table))

    async def document(call: Call) -> Answer:
        """This document."""
        return Answer(rendered())

    return Endpoint(
        method="GET", path="/openapi.json", handler=document, summary="This document", tag="about", is_public=True,
    )  # fmt: skip
