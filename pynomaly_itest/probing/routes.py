"""The target's routes as its own OpenAPI document declares them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pynomaly_itest.probing.context import ProbeContext

_METHODS = ("get", "post", "put", "patch", "delete")
NOBODY = "itest-no-such-object"


@dataclass(frozen=True)
class Route:
    """One method of one path template."""

    method: str
    path: str
    is_public: bool
    operation: Mapping[str, Any]

    @property
    def name(self) -> str:
        """As policies and findings call it: `GET /api/v1/datasets/{id}`."""
        return f"{self.method} {self.path}"

    def filled(self, id_: str = NOBODY) -> str:
        """The path with every parameter filled in."""
        return re.sub(r"\{[^{}]*\}", id_, self.path)


async def declared_routes(ctx: ProbeContext) -> list[Route]:
    """Every declared route; one is public where it says that it needs no security, or nothing does."""
    document = await ctx.openapi()
    default = document.get("security", [])
    found = []
    for path, operations in document["paths"].items():
        if not isinstance(operations, dict):
            continue
        for method in _METHODS:
            operation = operations.get(method)
            if isinstance(operation, dict):
                needed = operation.get("security", default)
                is_public = not needed or {} in needed
                found.append(Route(method.upper(), path, is_public, operation))
    return found
