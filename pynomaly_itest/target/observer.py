"""Watches the target's memory and CPU beside the run: its process tree where it is ours, else its own /metrics."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil

from pynomaly_itest.measure import Absence, Samples
from pynomaly_itest.target.base import Target

MIB = 1024 * 1024
_PROCESS_PERIOD_S = 0.25
_METRICS_PERIOD_S = 1.0
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Reading:
    """One look at the target: MiB resident (shared pages once), percent of one core, threads, open descriptors."""

    at_s: float
    rss_mb: float
    cpu_percent: float | None = None
    threads: int | None = None
    descriptors: int | None = None


@dataclass
class Observer:
    """Takes a reading every so often and keeps them all; `tell` hears of each.

    `now_s` is the run's clock. Where the target can't be watched, `absence` says why, and every gate on it is
    inconclusive with that reason.
    """

    target: Target
    now_s: Callable[[], float]
    tell: Callable[[Reading], None]
    readings: list[Reading] = field(default_factory=list)
    absence: str | None = None
    _known: dict[int, psutil.Process] = field(default_factory=dict)
    _last_cpu: tuple[float, float] | None = None
    _client: httpx.AsyncClient | None = None

    @contextlib.asynccontextmanager
    async def watching(self) -> Any:
        """Watch for as long as the block runs."""
        async with self.target.client(timeout_s=5.0) as client:
            self._client = client
            task = asyncio.create_task(self._watch())
            try:
                yield self
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _watch(self) -> None:
        period_s = _METRICS_PERIOD_S if self.target.root_pid() is None else _PROCESS_PERIOD_S
        while self.absence is None:  # a reading every so often is what is wanted
            await self.look()
            await asyncio.sleep(period_s)

    async def look(self) -> None:
        """Take a reading now; passes over a target that is down for a moment."""
        root = self.target.root_pid()
        if root is not None:
            with contextlib.suppress(psutil.Error):
                self._take(self._tree(root))
        elif self.target.info.kind == "inprocess":
            self.absence = "the platform runs inside the tool's own process: its memory can't be told apart"
        elif self.absence is None:
            await self._scrape()

    def _tree(self, root: int) -> list[psutil.Process]:
        parent = self._known.setdefault(root, psutil.Process(root))
        children = {child.pid: self._known.get(child.pid, child) for child in parent.children(recursive=True)}
        self._known = {root: parent, **children}
        return list(self._known.values())

    def _take(self, processes: list[psutil.Process]) -> None:
        rss = cpu = 0.0
        threads = descriptors = 0
        for process in processes:
            with contextlib.suppress(psutil.Error), process.oneshot():
                rss += resident_bytes(process)
                times = process.cpu_times()
                cpu += times.user + times.system
                threads += process.num_threads()
                descriptors += process.num_fds()
        if not rss:  # all of them ended while we looked: that is no reading of 0 MB
            return
        self._keep(rss / MIB, cpu, threads, descriptors)

    def _keep(self, rss_mb: float, cpu_s: float | None, threads: int | None, descriptors: int | None) -> None:
        at_s = self.now_s()
        percent = None
        if cpu_s is not None:
            if self._last_cpu is not None and at_s > self._last_cpu[0]:
                percent = max(0.0, 100 * (cpu_s - self._last_cpu[1]) / (at_s - self._last_cpu[0]))
            self._last_cpu = (at_s, cpu_s)
        reading = Reading(at_s, rss_mb, percent, threads, descriptors)
        self.readings.append(reading)
        self.tell(reading)

    async def _scrape(self) -> None:
        """Read /metrics once; where that will not get better, `absence` says so from then on."""
        assert self._client is not None  # noqa: S101 - we are watching
        try:
            async with asyncio.timeout(_PATIENCE_S), self._client.stream("GET", "/metrics") as reply:
                page = await _head(reply)
        except (httpx.HTTPError, TimeoutError):
            return  # it may be down for a while
        if reply.status_code != httpx.codes.OK:
            self.absence = (
                f"the target's /metrics answered {reply.status_code}, and its processes are not ours"
            )
            return
        values = _parse(page.decode(errors="replace"))
        resident = values.get("process_resident_memory_bytes")
        if resident is None:
            self.absence = "the target's /metrics has no process_resident_memory_bytes"
            return
        if not resident > 0:  # an exporter that can't tell says 0: no reason to believe the rest of it
            self.absence = f"the target's /metrics says process_resident_memory_bytes {resident:g}"
            return
        descriptors = values.get("process_open_fds")
        self._keep(
            resident / MIB,
            values.get("process_cpu_seconds_total"),
            None,
            int(descriptors) if descriptors is not None else None,
        )

    def since(self, start_s: float) -> dict[str, Samples | Absence]:
        """What was read from `start_s` on, as the `target` names of a scenario's gates."""
        window = [reading for reading in self.readings if reading.at_s >= start_s]
        return {
            "rss_mb": self._series("rss_mb", "mb", window),
            "cpu_percent": self._series("cpu_percent", "%", window),
            "threads": self._series("threads", "1", window),
            "descriptors": self._series("descriptors", "1", window),
        }

    def _series(self, name: str, unit: str, window: list[Reading]) -> Samples | Absence:
        pairs = [(reading.at_s, getattr(reading, name)) for reading in window]
        seen = [(at_s, float(value)) for at_s, value in pairs if value is not None]
        if not seen:
            return Absence(self.absence or f"the target's {name} was not read while the scenario ran")
        return Samples.of(name, [value for _, value in seen], unit, times_s=[at_s for at_s, _ in seen])


def resident_bytes(process: psutil.Process) -> int:
    """Resident memory, with pages shared between processes split among them (PSS, where the system tells it).

    Summed over a tree, plain resident set sizes would count every shared page once a process. Where the system
    keeps the split from us, the plain size it is: rather too much than nothing.
    """
    try:
        full = process.memory_full_info()
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    return int(getattr(full, "pss", None) or full.rss)


async def _head(reply: httpx.Response) -> bytes:
    """At most the first MiB of a reply: what comes from a target has no size that we trust."""
    head = b""
    async for chunk in reply.aiter_bytes(65_536):
        head += chunk
        if len(head) > MIB:
            break
    return head


def _parse(text: str) -> dict[str, float]:
    """The unlabelled, finite samples of a Prometheus text page (at most 10,000 lines), with or without time stamps."""
    values: dict[str, float] = {}
    for line in text.splitlines()[:10_000]:
        words = line.split()
        if len(words) in (2, 3) and words[0].startswith("process_"):
            with contextlib.suppress(ValueError):
                number = float(words[1])
                if math.isfinite(number):
                    values[words[0]] = number
    return values
