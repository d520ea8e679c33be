"""The bundled platform as a child process: free loopback port, private data folder, gone when we are gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil

from pynomaly_itest.errors import NotApplicable, TargetStartFailed
from pynomaly_itest.events import TargetInfo
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.audit_copy import AuditCopy
from pynomaly_itest.target.backing import Backing
from pynomaly_itest.target.base import Credentials, Target
from pynomaly_itest.target.build import Build
from pynomaly_itest.target.bundled_admin import add_administrator
from pynomaly_itest.target.bundled_key import access_token_key
from pynomaly_itest.target.bundled_log import PlatformLog
from pynomaly_itest.target.instruments import Instruments
from pynomaly_itest.target.launch import Launch, move_clock, moved_clock
from pynomaly_itest.target.links import Links
from pynomaly_itest.target.proxy import TcpProxy

START_TIMEOUT_S = 180.0  # the very first start compiles the platform's kernels
STOP_TIMEOUT_S = 10.0
_POLL_S = 0.02
_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_USERNAME = "itest-admin"
_DISK_MB = 48


_NO_INSTRUMENTS = Instruments()
_INSTALLED = Build()
_USUAL = Launch()


class BundledTarget(Target):
    """Starts `pynomaly serve` under a supervisor that cleans up even where this process is killed.

    `settings` become the platform's environment (`database_url` -> PYNOMALY_DATABASE_URL). Settings of the
    same prefix in our own environment are kept from it: they may belong to a production deployment.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        redactor: Redactor,
        instruments: Instruments = _NO_INSTRUMENTS,
        launch: Launch = _USUAL,
        *,
        build: Build = _INSTALLED,
        credentials: Credentials | None = None,
    ) -> None:
        self._instruments = instruments
        self._build = build
        self._launch = launch
        self._links = Links(launch.needs, launch.seed)
        self.info = TargetInfo(kind="bundled", url="http://127.0.0.1")
        self.redactor = redactor
        self.credentials = credentials or new_credentials()
        for secret in self.credentials.secrets:
            redactor.learn(secret)
        self._backing = Backing(settings)
        self._settings = self._backing.settings
        self._left: str | None = None
        self._profile_missing: str | None = None
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._root_pid: int | None = None
        self._log: PlatformLog | None = None

    async def start(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pynomaly-itest-"))
        try:
            if self._build.data is not None:
                await asyncio.to_thread(shutil.copytree, self._build.data, self._folder / "data")
            await self._backing.prepare()
            self._settings = await self._links.start(self._backing.settings)
            self._spawn(self._folder)
            code = await asyncio.to_thread(self._build.description)
            port = await self._wait_for_port(self._folder / "port")
            self.info = TargetInfo(kind="bundled", url=f"http://127.0.0.1:{port}", build=code)
            await self._wait_until_ready()
            self._find_root()
            if self._instruments.profiler is not None and self._root_pid is not None:
                self._instruments.profiler.start(self._root_pid)
        except BaseException:
            await self.close()
            raise
        finally:
            with contextlib.suppress(FileNotFoundError):
                (self._folder / "password").unlink()

    def _spawn(self, folder: Path) -> None:
        password_file = folder / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.credentials.password or "")
        coverage = self._instruments.coverage
        interpreter = [self._build.python, *(coverage.command() if coverage is not None else ())]
        serve = [*interpreter, *self._launch.serve, "--host", "127.0.0.1", "--port", "0"]
        disk = ("--disk-mb", str(_DISK_MB)) if "disk" in self._launch.needs else ()
        serve += ["--data-dir", str(folder / "data"), "--port-file", str(folder / "port")]
        self._log = PlatformLog(folder / "platform.log", self.redactor)
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and package
            [sys.executable, "-I", "-S", str(_SUPERVISOR), str(folder), *disk, "--", *serve],
            stdin=subprocess.PIPE,
            stdout=self._log.file,
            stderr=self._log.file,
            cwd=folder,
            env=self._environment(password_file),
        )

    def _environment(self, password_file: Path | None) -> dict[str, str]:
        """The platform's environment; without a password file for its command line, which makes no first admin."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("PYNOMALY_")}
        chosen = {f"PYNOMALY_{name.upper()}": str(value) for name, value in self._settings.items()}
        environment = {**self._build.environment(ours), **chosen}
        if password_file is None:
            return environment
        if "clock" in self._launch.needs:
            environment = moved_clock(password_file.with_name("clock"), environment)
        return {
            **environment,
            "PYNOMALY_BOOTSTRAP_USERNAME": _USERNAME,
            "PYNOMALY_BOOTSTRAP_PASSWORD_FILE": str(password_file),
        }

    async def _wait_for_port(self, port_file: Path) -> int:
        async with self._patience():
            while True:
                with contextlib.suppress(FileNotFoundError, ValueError):
                    return int(port_file.read_text())  # noqa: ASYNC240 - a few bytes of a local file
                self._check_alive()
                await asyncio.sleep(_POLL_S)

    async def _wait_until_ready(self) -> None:
        async with self._patience(), self.client(timeout_s=5.0) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get("/api/v1/health/ready")).status_code == httpx.codes.OK:
                        break
                self._check_alive()
                await asyncio.sleep(_POLL_S)
            health = (await client.get("/api/v1/health")).json()
        self.info = self.info.model_copy(update={"version": str(health.get("version"))})

    @contextlib.asynccontextmanager
    async def _patience(self) -> Any:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                yield
        except TimeoutError as problem:
            raise TargetStartFailed(
                f"the bundled platform was not ready within {START_TIMEOUT_S:g} s", hint=self._last_words()
            ) from problem

    def _check_alive(self) -> None:
        if self._process is None or self._process.poll() is not None:
            status = None if self._process is None else self._process.returncode
            raise TargetStartFailed(
                f"the bundled platform ended while starting (exit status {status})", hint=self._last_words()
            )

    def _last_words(self) -> str:
        lines = self.log_lines(5)
        return "its last words:\n" + "\n".join(lines) if lines else "it said nothing"

    def _find_root(self) -> None:
        """The platform is the supervisor's only child; its tree is what memory and CPU are counted over."""
        assert self._process is not None  # noqa: S101 - start() spawned it
        children = psutil.Process(self._process.pid).children()
        self._root_pid = children[0].pid if children else None

    async def restart(self, *, kill: bool = False, until_ready: bool = True) -> None:
        """End the platform (gracefully, or with SIGKILL) and start it again on its port and data."""
        assert self._process is not None  # noqa: S101 - it was started
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe
        assert self._folder is not None  # noqa: S101 - it was started
        before = self._root_pid
        order = "kill" if kill else "restart"
        self._process.stdin.write(f"{order} {self.info.url.rpartition(':')[2]}\n".encode())
        self._process.stdin.flush()
        async with self._patience():
            while True:  # until the one that was there is gone, and another has taken its place
                with contextlib.suppress(psutil.Error):
                    self._find_root()
                if self._root_pid is not None and self._root_pid != before:
                    break
                self._check_alive()
                await asyncio.sleep(_POLL_S)
        if until_ready:
            await self._wait_until_ready()

    def link(self, name: str) -> TcpProxy:
        return self._links.get(name)

    def move_clock(self, by_s: float) -> None:
        if self._folder is None or "clock" not in self._launch.needs:
            raise NotApplicable("the platform was not started with a clock that can be moved")
        move_clock(self._folder / "clock", by_s)

    def small_disk(self) -> Path:
        data = self.data_folder()
        said = "the platform has no disk of its own"
        if self._folder is not None and (self._folder / "disk").exists():
            said = (self._folder / "disk").read_text()
        if said != "ok" or data is None:
            raise NotApplicable(said)
        return data

    async def tenant_administrator(self, tenant: str) -> Credentials:
        assert self._folder is not None  # noqa: S101 - it was started
        data, environment = self._folder / "data", self._environment(None)
        return await add_administrator(tenant, self._build.python, data, environment, self.redactor)

    def ended(self) -> str | None:
        if self._process is None or (self._process.poll() is None and self._root_runs()):
            return None
        return "the bundled platform ended by itself: its last words are with the scenario before"

    def _root_runs(self) -> bool:
        """Whether the server's process is there; the supervisor, whose child it is, ends a little later."""
        try:
            return psutil.Process(self._root_pid).status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def root_pid(self) -> int | None:
        return self._root_pid

    def data_folder(self) -> Path | None:
        if self._folder is None:
            return None
        # a disk of its own is mounted where only its processes see it
        if "disk" in self._launch.needs and self._process is not None:
            return Path(f"/proc/{self._process.pid}/root{self._folder}/data")
        return self._folder / "data"

    def audit_copy(self, folder: Path) -> AuditCopy | None:
        data = self.data_folder()
        if data is None or not (data / "pynomaly.db").exists():  # another database is not a file to copy
            return None
        from pynomaly_itest.target.bundled_audit import BundledAuditCopy

        return BundledAuditCopy(data, folder, self._environment(None))

    def signing_key(self) -> bytes | None:
        data = self.data_folder()
        return None if data is None else access_token_key(data, self.redactor)

    def raw_log(self) -> bytes | None:
        return None if self._log is None else self._log.read()

    def log_lines(self, count: int) -> Sequence[str]:
        return () if self._log is None else self._log.last_lines(count)

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await self._end(process)
            self._left = await self._backing.remove()
        await self._links.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._log is not None:
            self._log.close()
            self._log = None

    async def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Let go of the supervisor, which ends the platform and removes the folder."""
        assert process.stdin is not None  # noqa: S101 - opened as a pipe
        if self._instruments.profiler is not None:
            self._profile_missing = await asyncio.to_thread(self._instruments.profiler.stop)
        process.stdin.close()
        try:
            await asyncio.wait_for(asyncio.to_thread(process.wait), STOP_TIMEOUT_S)
        except TimeoutError:
            process.kill()
            await asyncio.to_thread(process.wait)

    def left_behind(self) -> str | None:
        if self._folder is not None and self._folder.exists():
            return f"the platform's data folder could not be removed: {self._folder}"
        return self._left or self._profile_missing


def new_credentials() -> Credentials:
    """An administrator whom nobody else knows, for one platform or for several on copies of one data folder."""
    return Credentials(username=_USERNAME, password=secrets.token_urlsafe(24))
