"""The bundled platform inside this process, without sockets: for stepping through it with a debugger."""

from __future__ import annotations

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

_USERNAME = "itest-admin"


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
            self._app = import_module("pynomaly.app").create_app_for(
                data_dir=self._folder / "data",
                bootstrap_username=_USERNAME,
                bootstrap_password_file=password_file,
                **self._settings,
            )
            await self._lifespan.enter_async_context(self._app.router.lifespan_context(self._app))
        except Exception as problem:
            await self.close()
            raise TargetStartFailed(f"the platform did not start in this process: {problem}") from problem
        version = import_module("pynomaly").__version__
        self.info = self.info.model_copy(update={"version": version})

    def client(self, timeout_s: float) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self._app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=self.info.url, timeout=timeout_s)

    async def close(self) -> None:
        await self._lifespan.aclose()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
