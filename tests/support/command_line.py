"""Drives the real command line, and starts real platforms, as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PASSWORD = "correct-horse-battery-1"


@dataclass(frozen=True)
class Finished:
    """A command that ended: its exit code and what it printed."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def run(self) -> dict[str, Any]:
        """run.json of the newest run."""
        loaded = json.loads((self.folder / "reports" / "latest" / "run.json").read_text())
        assert isinstance(loaded, dict)
        return loaded

    @property
    def text(self) -> str:
        return self.out + self.err


def environment(**more: str) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYNOMALY_", "GITHUB_"))
    }
    return {**kept, "NO_COLOR": "1", "COLUMNS": "80", **more}


@dataclass
class Itest:
    """Runs `pynomaly-itest` in a folder of its own."""

    folder: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __call__(self, *arguments: str, timeout_s: float = 120, **variables: str) -> Finished:
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=timeout_s)
        return Finished(process.returncode, out, err, self.folder)

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "pynomaly_itest", *arguments],
            cwd=self.folder,
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def finish(self, process: subprocess.Popen[str], timeout_s: float = 60) -> Finished:
        out, err = process.communicate(timeout=timeout_s)
        return Finished(process.returncode, out, err, self.folder)

    def profile(self, text: str, name: str = "mine") -> str:
        path = self.folder / f"{name}.yaml"
        path.write_text(text)
        return str(path)

    def wait_for_event(self, kind: str, timeout_s: float = 60) -> dict[str, Any]:
        """Follow the newest log until an event of this kind is in it."""
        pause, waited_s = threading.Event(), 0.0
        while waited_s < timeout_s:
            for log in sorted((self.folder / "reports").glob("2*/run.jsonl")):
                for line in log.read_text().splitlines():
                    if f'"event":"{kind}"' in line:
                        loaded = json.loads(line)
                        assert isinstance(loaded, dict)
                        return loaded
            pause.wait(0.02)
            waited_s += 0.02
        raise AssertionError(f"no event {kind} within {timeout_s} s")


@dataclass(frozen=True)
class Platform:
    """A platform that runs for the whole session, as somebody else's service would."""

    url: str
    user: str
    password: str = field(repr=False)

    @property
    def flags(self) -> tuple[str, ...]:
        return ("--target", self.url, "--user", self.user)

    @property
    def variables(self) -> dict[str, str]:
        return {"PYNOMALY_ITEST_PASSWORD": self.password}


def start_platform(
    folder: Path, port: int = 0, program: Sequence[str] = ("-m", "pynomaly"), **variables: str
) -> subprocess.Popen[bytes]:
    """`pynomaly serve`, or what `program` serves instead, in `folder`; its port lands in `folder/port`."""
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    command = [sys.executable, *program, "serve", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [*command, "--data-dir", str(folder / "data"), "--port-file", str(folder / "port")],
            env=environment(
                PYNOMALY_BOOTSTRAP_USERNAME="root-user",
                PYNOMALY_BOOTSTRAP_PASSWORD_FILE=str(secret),
                **variables,
            ),
            stdout=log,
            stderr=log,
        )


@contextmanager
def serving(process: subprocess.Popen[bytes], folder: Path) -> Iterator[Platform]:
    """The platform that was started in `folder`, from when it answers to the end of the block."""
    try:
        port_file = folder / "port"
        wait_for(lambda: process.poll() is not None or port_file.exists(), "the platform's port")
        assert process.poll() is None, (folder / "log").read_text()
        yield Platform(f"http://127.0.0.1:{port_file.read_text().strip()}", "root-user", PASSWORD)
    finally:
        process.terminate()
        process.wait(30)


def wait_for(condition: Callable[[], Any], what: str, timeout_s: float = 60) -> Any:
    """The first true value of `condition`; fails the test where there is none in time."""
    pause, waited_s = threading.Event(), 0.0
    while waited_s < timeout_s:
        if value := condition():
            return value
        pause.wait(0.02)
        waited_s += 0.02
    raise AssertionError(f"{what}: not within {timeout_s} s")
