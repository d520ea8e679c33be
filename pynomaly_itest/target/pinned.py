"""One address for the whole run: a name is resolved once, and every request goes there."""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import urlsplit

from pynomaly_itest.errors import TargetUnreachable

_PATIENCE_S = 10.0


async def resolve_once(url: str) -> str:
    """A numeric address of the URL's host: of several (localhost is often two) the first that lets us in.

    Raises TargetUnreachable where the name has no address.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=1)  # 1: a stream
    except TimeoutError as problem:
        raise TargetUnreachable(
            f"no address for {parts.hostname} within {_PATIENCE_S:g} s", hint="does the name server answer?"
        ) from problem
    except OSError as problem:
        raise TargetUnreachable(
            f"no address for {parts.hostname}: {problem.strerror or problem}", hint="is the name right?"
        ) from problem
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if len(addresses) > 1:
        for address in addresses:
            with contextlib.suppress(OSError, TimeoutError):
                _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), _PATIENCE_S)
                writer.close()
                return address
    return addresses[0]
