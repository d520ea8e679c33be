"""A service that the tool starts by its command, and ends: its processes are ours to watch and to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from pynomaly_itest.errors import TargetStartFailed, UsageError
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.base import Credentials
from pynomaly_itest.target.bundled_log import PlatformLog
from pynomaly_itest.target.remote import Greeting, RemoteTarget

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_POLL_S = 0.1
_STOP_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class StartCommand:
    """How a service is started: the command, with `{port}` where the port goes, and when it is ready.

    `folder`: where it runs. `ready_path` None: it is ready as soon as it answers at all.
    """

    command: str
    folder: Path
    ready_within_s: float
    ready_path: str | None = None
    ready_status: int = 200
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def words(self, port: int) -> list[str]:
        """The command's words; raises UsageError where it is none, or has no place for the port."""
        if "{port}" not in self.command:
            raise UsageError(
                "service.start.command has no {port}", hint='such as "uvicorn app:app --port {port}"'
            )
        try:
            return [word.replace("{port}", str(port)) for word in shlex.split(self.command)]
        except ValueError as problem:
            raise UsageError(f"service.start.command can't be read: {problem}") from problem


class StartedTarget(RemoteTarget):
    """Starts the service on a free port of the loopback, under a supervisor that ends it even where we are killed."""

    def __init__(
        self,
        start: StartCommand,
        credentials: Credentials,
        redactor: Redactor,
        *,
        greeting: Greeting | None = None,
    ) -> None:
        self._port = _free_port()
        self._words = start.words(self._port)
        super().__init__(f"http://127.0.0.1:{self._port}", credentials, redactor, greeting=greeting)
        self.info = self.info.model_copy(update={"kind": "started"})
        self._start = start
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._root_pid: int | None = None
        self._log: PlatformLog | None = None

    async def start(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pynomaly-itest-"))
        try:
            self._spawn(self._folder)
            await self._until_ready()
            await super().start()
        except BaseException:
            await self.close()
            raise

    def _spawn(self, folder: Path) -> None:
        self._log = PlatformLog(folder / "service.log", self.redactor)
        self._process = subprocess.Popen(  # noqa: S603 - the user's own command
            [sys.executable, "-I", "-S", str(_SUPERVISOR), str(folder), "--", *self._words],
            stdin=subprocess.PIPE,
            stdout=self._log.file,
            stderr=self._log.file,
            cwd=self._start.folder,
            env={**os.environ, **self._start.environment},
        )

    async def _until_ready(self) -> None:
        """Raises TargetStartFailed, with the service's last words, where it ends or is not ready in time."""
        limit_s = self._start.ready_within_s
        try:
            async with asyncio.timeout(limit_s), self.client(timeout_s=5.0) as client:
                while True:
                    self._check_alive()
                    with contextlib.suppress(httpx.HTTPError, TimeoutError):
                        reply = await client.get(
                            self._start.ready_path or "/", headers=dict(self.credentials.headers)
                        )
                        if self._start.ready_path is None or reply.status_code == self._start.ready_status:
                            self._find_root()
                            return
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as problem:
            raise TargetStartFailed(
                f"the service was not ready within {limit_s:g} s (`start.ready_within`)",
                hint=self._last_words(),
            ) from problem

    def _check_alive(self) -> None:
        if self._process is None or self._process.poll() is not None:
            status = None if self._process is None else self._process.returncode
            raise TargetStartFailed(
                f"the service ended while starting (exit status {status}): {self._start.command}",
                hint=self._last_words(),
            )

    def _last_words(self) -> str:
        lines = self.log_lines(5)
        return "its last words:\n" + "\n".join(lines) if lines else "it said nothing"

    def _find_root(self) -> None:
        assert self._process is not None  # noqa: S101 - it was spawned
        children = psutil.Process(self._process.pid).children()
        self._root_pid = children[0].pid if children else None

    async def restart(self, *, kill: bool = False, until_ready: bool = True) -> None:
        """End the service (gracefully, or with SIGKILL) and start it again on its port."""
        assert self._process is not None  # noqa: S101 - it was started
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe
        before = self._root_pid
        self._process.stdin.write(f"{'kill' if kill else 'restart'} {self._port}\n".encode())
        self._process.stdin.flush()
        while self._root_pid in (None, before):
            with contextlib.suppress(psutil.Error):
                self._find_root()
            self._check_alive()
            await asyncio.sleep(_POLL_S)
        if until_ready:
            await self._until_ready()

    def root_pid(self) -> int | None:
        return self._root_pid

    def raw_log(self) -> bytes | None:
        return None if self._log is None else self._log.read()

    def log_lines(self, count: int) -> Sequence[str]:
        return () if self._log is None else self._log.last_lines(count)

    def ended(self) -> str | None:
        if self._process is None or self._process.poll() is None:
            return None
        return "the service ended by itself: its last words are with the scenario before"

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()  # the supervisor ends the service, and removes the folder
            try:
                await asyncio.wait_for(asyncio.to_thread(process.wait), _STOP_TIMEOUT_S)
            except TimeoutError:
                process.kill()
                await asyncio.to_thread(process.wait)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._log is not None:
            self._log.close()
            self._log = None


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
