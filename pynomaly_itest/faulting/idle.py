"""Connections that say nothing, or as good as nothing, and stay."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pynomaly_itest.errors import NotEnoughEvidence

if TYPE_CHECKING:
    from pynomaly_itest.faulting.fault import Site

Connect = Callable[[str, int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
_PATIENCE_S = 2.0


async def idle_connections(site: Site, count: int, connect: Connect) -> list[asyncio.StreamWriter]:
    """Open up to `count` connections to the target, which are closed with the fault; those that it takes.

    Raises NotEnoughEvidence where it takes none: then nothing is broken.
    """
    parts = urlsplit(site.target.info.url)
    host = site.target.address or parts.hostname or "127.0.0.1"
    port = parts.port or (443 if parts.scheme == "https" else 80)
    opened: list[asyncio.StreamWriter] = []
    for _ in range(count):
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                _, writer = await connect(host, port)
            site.undo.callback(writer.transport.abort)
            opened.append(writer)
    if not opened:
        raise NotEnoughEvidence("the target took none of the idle connections: nothing was broken", {})
    site.notes.append(f"{len(opened)} idle connection{'' if len(opened) == 1 else 's'}")
    return opened
