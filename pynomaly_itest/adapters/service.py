"""What a run speaks to a service with: its adapter, the client, and who we are. The only place that sends for it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

from pynomaly_itest.adapters.answers import ScoreReply
from pynomaly_itest.adapters.base import Adapter, Capability, ScoreRequest
from pynomaly_itest.adapters.pynomaly import Pynomaly
from pynomaly_itest.datasets.rows import Rows
from pynomaly_itest.errors import CannotMeasure, NotApplicable, StepFailed
from pynomaly_itest.load.answers import search
from pynomaly_itest.target.http import Body, Http, Reply, RequestFailed

_MOST_SHOWN = 100


@dataclass(frozen=True)
class Scored:
    """What was said of the rows, in how many requests, and how long these took, one after the other."""

    reply: ScoreReply
    latency_ms: float
    requests: int
    is_cached: bool = False


@dataclass(frozen=True)
class Service:
    """A service under test in the field's operations; `identify` gives the headers that identify us."""

    adapter: Adapter
    http: Http
    identify: Callable[[], Awaitable[Mapping[str, str]]]

    @property
    def capabilities(self) -> frozenset[Capability]:
        return self.adapter.capabilities()

    def require(self, *needed: Capability) -> None:
        """Raise NotApplicable, with the first thing that the service does not have."""
        reason = lacking(self.adapter, needed)
        if reason is not None:
            raise NotApplicable(reason)

    async def ready(self, timeout_s: float | None = None) -> Reply:
        """The answer that says the service is ready; raises RequestFailed where it says anything else."""
        self.require(Capability.READY)
        where = self.adapter.ready_path
        assert where is not None  # noqa: S101 - it is required just above
        reply = await self.http.send(
            "GET", where.path, headers=dict(await self.identify()), timeout_s=timeout_s
        )
        if reply.status != where.status:
            raise RequestFailed(
                f"GET {where.path} answered {reply.status}, ready is {where.status}", reply.exchange
            )
        if where.at is not None and search(where.at, reply.json()) not in (True, "true", "True"):
            raise RequestFailed(f"GET {where.path}: `{where.at}` is not true", reply.exchange)
        return reply

    async def version(self) -> str | None:
        """What the service says its version is; None where it says nothing that could be one."""
        where = self.adapter.version_path
        if where is None:
            return None
        try:
            reply = await self.http.send("GET", where.path, headers=dict(await self.identify()))
            if reply.status >= 400:
                return None
            said = reply.body.decode().strip() if where.at is None else search(where.at, reply.json())
        except (StepFailed, UnicodeDecodeError):
            return None
        return str(said)[:_MOST_SHOWN] if isinstance(said, str | int | float) and str(said) else None

    async def score(
        self,
        rows: Rows,
        *,
        model: str | None = None,
        compact: bool = False,
        timeout_s: float | None = None,
    ) -> Scored:
        """The scores and labels of the rows, in their order; raises StepFailed where the answer is none.

        More rows than a request may carry go in several, one after the other.
        """
        whole: ScoreReply | None = None
        latency_ms, requests, is_cached = 0.0, 0, False
        for part in self.parts(rows):
            asked = self.adapter.score_request(part, model=model, compact=compact)
            reply = await self.send(asked, timeout_s=timeout_s)
            said = self.read(reply, len(part), model=model)
            whole = said if whole is None else whole + said
            latency_ms, requests = latency_ms + reply.latency_ms, requests + 1
            is_cached = reply.headers.get("x-cache", "").lower() == "hit"
        if whole is None:
            raise CannotMeasure("there is no row to score")
        return Scored(whole, latency_ms, requests, is_cached)

    def parts(self, rows: Rows) -> Iterator[Rows]:
        """The rows in as many parts as requests are needed."""
        most = self.adapter.most_rows or max(1, len(rows))
        for start in range(0, len(rows), most):
            yield rows.part(start, start + most)

    async def send(self, asked: ScoreRequest, *, timeout_s: float | None = None) -> Reply:
        """One score request, identified; any status is a reply."""
        headers = {**asked.headers, **await self.identify()}
        return await self.http.send(
            asked.method, asked.path, headers=headers, body=Body(content=asked.body), timeout_s=timeout_s
        )

    def read(self, reply: Reply, n_rows: int, *, model: str | None = None) -> ScoreReply:
        """The scores in a reply; raises RequestFailed, with the reply as evidence, where they are not there."""
        if not 200 <= reply.status < 300:
            exchange = reply.exchange
            raise RequestFailed(
                f"the score request answered {reply.status}{_said(reply)}, expected 200", exchange
            )
        try:
            document = reply.json()
            self.adapter.check_answer(document, model)
            return self.adapter.answers.read(document, n_rows)
        except RequestFailed:
            raise
        except StepFailed as problem:
            raise RequestFailed(problem.message, reply.exchange, hint=problem.hint) from problem


def platform() -> Adapter:
    """How a service is spoken to where nothing is said of it."""
    return Pynomaly(adapter="pynomaly")


def lacking(adapter: Adapter, needed: tuple[Capability, ...]) -> str | None:
    """Why the service can't do what is needed: the first thing that it does not have; None where it has all."""
    there = adapter.capabilities()
    for capability in needed:
        if capability not in there:
            return f"needs {capability.means}: the service (adapter {adapter.adapter}) has none"
    return None


def _said(reply: Reply) -> str:
    """What a refusal says of itself, in brackets; nothing where it is no short text of a problem."""
    try:
        problem = json.loads(reply.body[:65_536])
    except (ValueError, RecursionError):
        return ""
    if not isinstance(problem, dict):
        return ""
    said = next((problem[key] for key in ("detail", "title", "error", "message") if problem.get(key)), None)
    return f" ({str(said)[:200]})" if said else ""
