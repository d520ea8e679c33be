"""Holds a `service:` block against the service itself: each operation is asked, and told as it was understood."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pynomaly_itest.adapters.answers import ScoreReply
from pynomaly_itest.adapters.base import Capability
from pynomaly_itest.adapters.service import Service
from pynomaly_itest.datasets.rows import Rows
from pynomaly_itest.errors import ItestError, StepFailed
from pynomaly_itest.target.http import RequestFailed

if TYPE_CHECKING:
    from pynomaly_itest.datasets.base import Dataset

_MOST_CHARS = 160
_FEW_ROWS = 3


@dataclass(frozen=True)
class Line:
    """One thing that was looked at: ✓ understood, ✗ not, – not said in the block."""

    mark: str
    subject: str
    said: str
    more: tuple[str, ...] = ()


async def examine(service: Service, table: Dataset | None) -> list[Line]:
    """What the block says, one thing after the other; nothing of it raises for what the service does."""
    return [line async for line in _lines(service, table)]


async def _lines(service: Service, table: Dataset | None) -> AsyncIterator[Line]:
    yield Line("✓", "adapter", service.adapter.adapter)
    yield await _ready(service)
    yield await _version(service)
    if service.adapter.trains:
        yield Line("–", "score", "models are trained first: `run -p smoke` does it")
        return
    if table is None:
        yield Line(
            "✗", "score", "no rows to ask with: `data: {labelled: FILE:COLUMN}`, or --dataset FILE:COLUMN"
        )
        return
    yield await _few_rows(service, table)
    yield await _all_rows(service, table)
    yield await _anonymous(service, table)


async def _ready(service: Service) -> Line:
    where = service.adapter.ready_path
    if where is None:
        return Line("–", "ready", "not said: `ready: {path: /healthz}`")
    try:
        reply = await service.ready(10.0)
    except ItestError as problem:
        return Line("✗", "ready", problem.message)
    return Line("✓", "ready", f"GET {where.path} answered {reply.status}")


async def _version(service: Service) -> Line:
    where = service.adapter.version_path
    if where is None:
        return Line("–", "version", "not said: `version: {path: /version, at: build}`")
    said = await service.version()
    return Line("✓" if said else "–", "version", said or f"GET {where.path} tells none")


async def _few_rows(service: Service, table: Dataset) -> Line:
    """A few rows, with the request and the answer as they are."""
    rows = Rows.of(table, range(min(_FEW_ROWS, len(table.X), service.adapter.most_rows or _FEW_ROWS)))
    try:
        asked = service.adapter.score_request(rows)
        reply = await service.send(asked)
    except ItestError as problem:
        return Line("✗", "score", problem.message)
    shown = (f"sent     {_cut(asked.body)}", f"answered {_cut(reply.body)}")
    head = f"{asked.method} {asked.path} answered {reply.status}"
    try:
        said = service.read(reply, len(rows))
    except StepFailed as problem:
        hint = (f"hint     {problem.hint}",) if problem.hint else ()
        return Line("✗", "score", f"{head}: {problem.message}", (*shown, *hint))
    return Line("✓", "score", head, (*shown, f"read as  {_understood(said)}"))


async def _all_rows(service: Service, table: Dataset) -> Line:
    """All rows: what detection quality they come to, and whether scores and labels point the same way as the truth."""
    from pynomaly_itest.measure.detection import quality

    try:
        scored = await service.score(Rows.of(table))
    except ItestError as problem:
        return Line("✗", "all rows", problem.message)
    requests = "1 request" if scored.requests == 1 else f"{scored.requests} requests"
    head = f"{len(table.X)} rows in {requests}"
    if table.labels is None:
        return Line("–", "all rows", f"{head}; their true labels are not known")
    figures = quality(table.labels, scored.reply.labels, scored.reply.scores)
    values = {name: figure(0.95).value for name, figure in figures.items()}
    told = ", ".join(
        f"{name} {values[name]:.3g}" for name in ("roc_auc", "precision", "recall") if name in values
    )
    if values.get("roc_auc", 1.0) < 0.5:
        hint = "worse than chance: is `higher_is` the other way round?"
        return Line("✗", "all rows", f"{head}: {told}", (hint,))
    return Line("✓", "all rows", f"{head}: {told}")


async def _anonymous(service: Service, table: Dataset) -> Line:
    """Whether who says nothing of himself is refused, where the block says how to identify."""
    if Capability.AUTHENTICATION not in service.capabilities:
        return Line("–", "auth", "not said: requests go without credentials")

    async def nobody() -> dict[str, str]:
        return {}

    try:
        reply = await replace(service, identify=nobody).send(
            service.adapter.score_request(Rows.of(table, [0]))
        )
    except RequestFailed as problem:
        return Line("✗", "auth", problem.message)
    refused = reply.status in (401, 403)
    return Line("✓" if refused else "✗", "auth", f"without credentials it answered {reply.status}")


def _understood(said: ScoreReply) -> str:
    scores = "no scores" if said.scores is None else f"scores {[round(score, 6) for score in said.scores]}"
    labels = "no labels" if said.labels is None else f"labels {list(said.labels)}"
    return f"{scores} (higher is more anomalous), {labels} (1 is an anomaly)"


def _cut(body: bytes) -> str:
    text = " ".join(body[: 4 * _MOST_CHARS].decode("utf-8", "replace").split())
    return text if len(text) <= _MOST_CHARS else text[: _MOST_CHARS - 1] + "…"
