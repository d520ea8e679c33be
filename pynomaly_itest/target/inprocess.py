"""The bundled platform inside this process, without sockets: for stepping through it with a debugger."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx

from pynomaly_itest.errors import TargetStartFailed
from pynomaly_itest.events import TargetInfo
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.base import Credentials, Target
from pynomaly_itest.transport.client import client_over

_USERNAME = "itest-admin"
START_TIMEOUT_S = 180.0
_POLL_S = 0.05


class InProcessTarget(Target):
    """Calls the platform's ASGI application directly. Its memory is ours too, so it is not measured."""

    def __init__(self, settings: Mapping[str, Any], redactor: Redactor) -> None:
        self.info = TargetInfo(kind="inprocess", url="http://inprocess")
        self.redactor = redactor
        self.credentials = Credentials(username=_USERNAME, password=secrets.token_urlsafe(24))
        for secret in self.credentials.secrets:
            redactor.learn(secret)
        self._settings = settings
        self._folder: Path | None = None
        self._app: Any = None
        self._lifespan: contextlib.AsyncExitStack = contextlib.AsyncExitStack()

    async def start(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pynomaly-itest-"))
        password_file = self._folder / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.credentials.password or "")
        try:
            await self._build(self._folder, password_file)
        except Exception as problem:
            await self.close()
            why = str(problem) or type(problem).__name__
            raise TargetStartFailed(f"the platform did not start in this process: {why}") from problem
        version = import_module("pynomaly").__version__
        self.info = self.info.model_copy(update={"version": version})

    async def _build(self, folder: Path, password_file: Path) -> None:
        """The platform is imported by name, as the tool and the platform know each other over HTTP only."""
        app = import_module("pynomaly.app")
        chosen = {f"PYNOMALY_{name.upper()}": str(value) for name, value in self._settings.items()}
        bootstrap = {
            "PYNOMALY_ACCESS_LOG": "false",
            "PYNOMALY_BOOTSTRAP_USERNAME": _USERNAME,
            "PYNOMALY_BOOTSTRAP_PASSWORD_FILE": str(password_file),
        }
        settings = import_module("pynomaly.settings").read_settings(
            {**chosen, **bootstrap}, data_dir=folder / "data"
        )
        self._app = await asyncio.to_thread(app.create_app, settings)
        await asyncio.to_thread(app.bootstrap, settings, self._app.foundations.security)
        await self._lifespan.enter_async_context(self._app.running())
        async with asyncio.timeout(START_TIMEOUT_S), self.client(timeout_s=5.0) as client:
            while (await client.get("/api/v1/health/ready")).status_code != httpx.codes.OK:  # noqa: ASYNC110
                await asyncio.sleep(_POLL_S)  # its kernels are being compiled or loaded

    def client(self, timeout_s: float) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self._app, raise_app_exceptions=False)
        return client_over(transport, self.info.url, timeout_s)

    async def close(self) -> None:
        await self._lifespan.aclose()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
