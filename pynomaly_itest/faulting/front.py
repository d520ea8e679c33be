"""The target as it is reached through a network of ours."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pynomaly_itest.faulting.stage import Stage
from pynomaly_itest.target.base import Target
from pynomaly_itest.target.platform import PlatformApi
from pynomaly_itest.target.proxy import TcpProxy

if TYPE_CHECKING:
    import httpx


class FrontedTarget(Target):
    """Another target, asked at the address of a proxy before it; it is not ours to start or end."""

    def __init__(self, inner: Target, port: int) -> None:
        self._inner = inner
        self._host = urlsplit(inner.info.url).netloc
        self.info = inner.info.model_copy(update={"url": f"http://127.0.0.1:{port}"})
        self.credentials = inner.credentials
        self.redactor = inner.redactor

    async def start(self) -> None:
        """It runs already."""

    async def close(self) -> None:
        """Whoever started it ends it."""

    def client(self, timeout_s: float) -> httpx.AsyncClient:
        """A client of the proxy that asks for the target by its own name."""
        from pynomaly_itest.transport.client import open_client

        return open_client(self.info.url, timeout_s, host=self._host, departures=self._inner.departures)

    def root_pid(self) -> int | None:
        return self._inner.root_pid()

    def log_lines(self, count: int) -> Sequence[str]:
        return self._inner.log_lines(count)


@contextlib.asynccontextmanager
async def fronted(stage: Stage) -> AsyncIterator[tuple[Stage, TcpProxy]]:
    """The stage with all requests going through a proxy, and that proxy."""
    parts = urlsplit(stage.target.info.url)
    host = stage.target.address or parts.hostname or "127.0.0.1"
    proxy = TcpProxy(host, parts.port or 80, stage.seed)
    await proxy.start()
    try:
        target = FrontedTarget(stage.target, proxy.port)
        async with target.client(stage.http.timeout_s) as client:
            http = replace(stage.http, client=client)
            api = PlatformApi(http, stage.api.credentials, stage.api.redactor)
            yield replace(stage, target=target, http=http, api=api), proxy
    finally:
        await proxy.close()
