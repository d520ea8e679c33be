"""What the doctor looks at. Each examination is a function that takes nothing for granted and mends nothing itself."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

_SHOWN = ("httpx", "numpy", "scikit-learn", "pyod")
_COMPILED = "numpy, scipy, sklearn, numba, pyarrow, httptools, uvloop, msgspec, argon2, cryptography, psycopg"
_IMPORT_S = 120
_EXTRAS = {"coverage": "--coverage", "py-spy": "--profiler", "schemathesis": "fuzzing"}
_LEAST_FREE_BYTES = 2 << 30
_NOISY_RATIO = 0.15
_ROUNDS = 60


class Health(Enum):
    """`BAD`: a run can't go. `DOUBTFUL`: it can, with a part left out or its figures less sure."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was seen, and how to mend it."""

    subject: str
    health: Health
    observed: str
    mend: str = ""


def examine(environment: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """Every examination, in the order in which a newcomer meets these things."""
    env = os.environ if environment is None else environment
    yield _python()
    yield _packages()
    yield _extras()
    yield _port()
    yield asyncio.run(_service("Redis", "redis", "PYNOMALY_TEST_REDIS_URL", env))
    yield asyncio.run(_service("PostgreSQL", "database", "PYNOMALY_TEST_DATABASE_URL", env))
    yield _disk()
    yield _memory()
    yield _clock()
    yield cpu_noise()


def _python() -> Finding:
    said = f"{sys.version.split()[0]} at {sys.executable}"
    if sys.prefix != sys.base_prefix:
        return Finding("Python", Health.GOOD, said)
    mend = "python3 -m venv .venv, and install the tool there: its packages then disturb no others"
    return Finding("Python", Health.DOUBTFUL, f"{said}, in no virtual environment", mend)


def _packages() -> Finding:
    mend = "pip install --force-reinstall pynomaly-itest"
    missing = [name for name in _needed() if _version(name) is None]
    if missing:
        return Finding("packages", Health.BAD, f"missing: {', '.join(missing)}", mend)
    broken = _import_problem(_COMPILED)
    if broken is not None:
        return Finding("packages", Health.BAD, f"installed, but can't be used: {broken}", mend)
    return Finding("packages", Health.GOOD, ", ".join(f"{name} {_version(name)}" for name in _SHOWN) + ", …")


def _needed() -> list[str]:
    """The packages that the tool and the platform can't do without, as their own metadata tell."""
    lines = [line for line in requires("pynomaly-itest") or () if "extra ==" not in line]
    return [found[0] for line in lines if (found := re.match(r"[A-Za-z0-9_.-]+", line))]


def _import_problem(modules: str) -> str | None:
    """Why these compiled modules can't be imported in a process of their own; None where they can."""
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-P", "-c", f"import {modules}"],
            capture_output=True,
            text=True,
            timeout=_IMPORT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return str(problem)
    said = done.stderr.strip().splitlines()
    return None if done.returncode == 0 else (said[-1] if said else f"exit status {done.returncode}")[:200]


def _extras() -> Finding:
    missing = {name: what for name, what in _EXTRAS.items() if _version(name) is None}
    if not missing:
        return Finding("extras", Health.GOOD, ", ".join(_EXTRAS))
    said = ", ".join(f"no {name} ({what})" for name, what in missing.items())
    return Finding("extras", Health.DOUBTFUL, said, f"pip install {' '.join(missing)}, where you want them")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _port() -> Finding:
    """Whether a server on loopback can be reached: the bundled platform is one."""
    try:
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            socket.create_connection(listener.getsockname(), timeout=2),
        ):
            return Finding(
                "ports", Health.GOOD, f"127.0.0.1:{listener.getsockname()[1]} could be listened on"
            )
    except OSError as problem:
        mend = "allow listening and connecting on 127.0.0.1 (firewall, sandbox, exhausted ports)"
        return Finding("ports", Health.BAD, f"no port on 127.0.0.1: {problem.strerror or problem}", mend)


async def _service(subject: str, requirement: str, variable: str, environment: Mapping[str, str]) -> Finding:
    from pynomaly_itest.target.requirements import CHECKS

    check: Callable[[Any, Mapping[str, str]], Any] = CHECKS[requirement]
    reason = await check(None, environment)
    place = "where $" + variable + " says" if environment.get(variable) else "at its usual place"
    if reason is None:
        return Finding(subject, Health.GOOD, f"answers {place}")
    mends = {
        "redis": "start it (redis-server), or go without: -m 'not requires_redis'; the cache is in memory then",
        "database": "start it (pg_ctl start), or go without: SQLite is used then, in the run's own folder",
    }
    return Finding(subject, Health.DOUBTFUL, reason, f"{mends[requirement]}; ${variable} says where it is")


def _disk() -> Finding:
    worst = min((tempfile.gettempdir(), os.getcwd()), key=lambda folder: shutil.disk_usage(folder).free)
    free = shutil.disk_usage(worst).free
    said = f"{free / 2**30:.1f} GiB free at {worst}"
    closed = [
        folder for folder in (tempfile.gettempdir(), os.getcwd()) if not os.access(folder, os.W_OK | os.X_OK)
    ]
    if closed:
        said = f"nothing can be written in {closed[0]}"
        return Finding("disk", Health.BAD, said, "name another place with $TMPDIR and --out")
    if free >= _LEAST_FREE_BYTES:
        return Finding("disk", Health.GOOD, said)
    health = Health.DOUBTFUL if free >= _LEAST_FREE_BYTES // 8 else Health.BAD
    return Finding("disk", health, said, "make room, or name another place with $TMPDIR and --out")


def _memory() -> Finding:
    import psutil

    available = psutil.virtual_memory().available
    said = f"{available / 2**30:.1f} GiB available"
    if available >= 1 << 30:
        return Finding("memory", Health.GOOD, said)
    return Finding(
        "memory", Health.DOUBTFUL, said, "end other programs; the platform and the load need about 1 GiB"
    )


def _clock() -> Finding:
    """Tokens and certificates hang on the time of day, latencies on a clock that does not jump."""
    resolution_s = time.get_clock_info("perf_counter").resolution
    began_s, wall_s = time.perf_counter(), time.time()
    time.sleep(0.05)
    drift_s = abs((time.time() - wall_s) - (time.perf_counter() - began_s))
    said = (
        f"steps of {resolution_s * 1e9:.0f} ns; wall and steady clock part by {drift_s * 1e3:.2f} ms in 50 ms"
    )
    if time.time() < 1_700_000_000:
        return Finding(
            "clock", Health.BAD, "the time of day is before 2024", "set the clock (timedatectl set-ntp on)"
        )
    if resolution_s > 1e-4 or drift_s > 0.005:
        return Finding(
            "clock", Health.DOUBTFUL, said, "let NTP keep the clock; in a virtual machine see its host"
        )
    return Finding("clock", Health.GOOD, said)


def cpu_noise(clock: Callable[[], float] = time.perf_counter) -> Finding:
    """How unlike each other are rounds of the same work: what timings on this machine can tell."""
    rounds = []
    for _ in range(_ROUNDS):
        start = clock()
        sum(number * number for number in range(20_000))
        rounds.append(clock() - start)
    usual = statistics.median(rounds)
    spread = statistics.median(abs(each - usual) for each in rounds) / usual if usual > 0 else float("inf")
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    said = f"equal work differs by {spread:.1%} (median), load {load:.1f} a core"
    if spread <= _NOISY_RATIO and load <= 1.0:
        return Finding("CPU noise", Health.GOOD, said)
    mend = "end other work while timing; `noise` tells what differences can still be seen here"
    return Finding("CPU noise", Health.DOUBTFUL, said, mend)
