"""A platform in memory that keeps what it acknowledges, with a clock of its own; tests spoil it while it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from pynomaly_itest.events import TargetInfo
from pynomaly_itest.faulting.course import Course
from pynomaly_itest.faulting.fault import Fault, Site
from pynomaly_itest.faulting.stage import Stage
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.base import Credentials, Target
from pynomaly_itest.target.http import Http
from pynomaly_itest.target.platform import PlatformApi

SCORES = [0.25, 0.5]
_TICK_S = 0.02


class Clock:
    """Goes on when somebody sleeps, or as far as it is put on."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        ends_s = self.now_s + seconds
        while self.now_s < ends_s:
            self.now_s += min(seconds, _TICK_S)
            await asyncio.sleep(0)


@dataclass
class Promising(httpx.AsyncBaseTransport):
    """`spoil`: asked before each answer, as `METHOD path`; gives another answer, or None for the usual one."""

    clock: Clock = field(default_factory=Clock)
    spoil: Callable[[str], httpx.Response | None] = lambda asked: None
    stored: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    _made: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        what = f"{request.method} {request.url.path.removeprefix('/api/v1/')}"
        self.asked.append(what)
        return self.spoil(what) or self._usual(what, await request.aread())

    def _usual(self, what: str, body: bytes) -> httpx.Response:
        self._made += 1
        made = {"id": f"i{self._made}"}
        match what.split(" ", 1)[1].split("/"):
            case ["health", "ready"]:
                return httpx.Response(200, json={"checks": {"database": "ok"}})
            case ["datasets", "upload"]:
                self.stored[made["id"]] = body[body.index(b"\x93NUMPY") : body.rindex(b"\r\n--")]
                return httpx.Response(201, json=made)
            case ["datasets", id_, "export"]:
                return httpx.Response(200, content=self.stored[id_])
            case ["datasets"]:
                return httpx.Response(200, json={"items": []})
            case ["operations", _]:
                return httpx.Response(200, json={"status": "completed"})
            case ["detectors"]:
                return httpx.Response(201, json=made)
            case ["detection", "train"]:
                return httpx.Response(202, json=made)
            case ["detection", "predict"]:
                return httpx.Response(200, json={"anomaly_scores": SCORES})
            case ["detection", *_]:
                return httpx.Response(200, json={"id": "result", "anomaly_scores": SCORES})
            case _:
                return httpx.Response(200, json={})


class Here(Target):
    """A target that only has an address."""

    info = TargetInfo(kind="bundled", url="http://itest")
    credentials = Credentials()
    redactor = Redactor()

    async def start(self) -> None: ...

    async def close(self) -> None: ...


class Break(Fault):
    """Calls what it is given, and says so."""

    do: Callable[[], None] = lambda: None
    lasts: float = 0.0

    def check(self, site: Site) -> None: ...

    @property
    def lasts_s(self) -> float:
        return self.lasts

    async def begin(self, site: Site) -> None:
        site.notes.append("broken")
        self.do()


@dataclass
class Run:
    """What a course gave: its figures, or the error that ended it, and its complaints."""

    values: dict[str, Any]
    complaints: list[str]


def run_course(
    platform: Promising, fault: Fault, *, amid: str = "anything", within_s: float = 30.0, after_s: float = 0.3
) -> Run:
    """One fault on this platform, from before it to after it; raises what the course raises."""

    async def run() -> Run:
        async with httpx.AsyncClient(transport=platform, base_url="http://itest") as client:
            target = Here()
            http = Http(client, target.redactor, "run", clock=platform.clock)
            api = PlatformApi(http, target.credentials, target.redactor, platform.clock)
            stage = Stage(
                target,
                http,
                api,
                _Ledger(),
                "label",
                1,
                platform.clock,
                platform.clock.sleep,
                _nothing,
                _nothing,
            )
            course = Course("broken", fault, stage, amid, 2, after_s, 5.0, within_s)
            values = await course.run()
            return Run(values, course.complaints())

    return asyncio.run(run())


class _Ledger:
    def created(self, kind: str, id: str, path: str) -> None: ...  # noqa: A002 - the field's word


def _nothing(*_: Any) -> None: ...
