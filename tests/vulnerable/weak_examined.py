"""Probes tried on an application that a test made itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from weak_context import context_of
from weak_serving import WeakTarget, serving

from pynomaly_itest.probing.demands import Demands
from pynomaly_itest.probing.engine import Finding, examine
from pynomaly_itest.probing.options import ProbeOptions
from pynomaly_itest.registry import PROBES
from pynomaly_itest.transport.client import open_client


def examined(
    app: Any, *probes: str, change: Callable[[WeakTarget, Any], None] | None = None, **demands: Any
) -> list[Finding]:
    """These probes against an application, after `change` of target and context."""
    with serving(app) as url:
        target = WeakTarget(url, app)

        async def run() -> list[Finding]:
            async with open_client(url, 30.0) as client:
                ctx = context_of(target, client, Demands.model_validate(demands), {})
                if change is not None:
                    change(target, ctx)
                return [one async for one in examine([PROBES[name] for name in probes], ctx, ProbeOptions())]

        return asyncio.run(run())
