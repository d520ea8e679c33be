"""RES-09: inputs of twice the size that take four times the work."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from itertools import pairwise

from pynomaly_itest.probing.actors import Actor
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import dataset_of, detector_of, note_created, upload
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.probing.refusals import JSON_HEADERS, raw_json
from pynomaly_itest.probing.resident import cpu_s
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Reply, RequestFailed

_UPLOAD, _CREATE = "POST /api/v1/datasets/upload", "POST /api/v1/detectors"
_SIZES = (10_000, 20_000, 40_000)
_LEAST_RATIO = 2.8
"""Of the work for twice the size: 2 where it is linear, 4 where it is quadratic."""
_TRIES = 3
_SLOWER = 3
"""Times as long as work in proportion, without an answer, is out of all proportion."""

Ask = Callable[[int], Awaitable[Reply]]


@PROBES.register("RES-09")
class QuadraticWork(Probe):
    id = "RES-09"
    title = "Work grows with the input, not with its square"
    cwe = 407
    references = ("API4:2023", "ASVS 5.0.0 V15.2.2", "WSTG-BUSL-09")
    severity = Severity.HIGH
    impact = Impact.DISRUPTS
    sends = ("POST datasets/upload", "POST detectors")
    needs = ("user_a",)
    expected = "an answer whose time is no matter of the square of the input's size"
    why = "A request of a few hundred kilobytes keeps the service busy for minutes."
    mend = "Limit the number of columns and keys before any work, and look names up in sets."

    async def run(self, ctx: ProbeContext) -> Observation:
        owner = await ctx.actors.get("user_a")
        await dataset_of(ctx, owner, b"a,b\n1,2\n3,4\n5,6\n")
        await detector_of(ctx, owner)
        asked: dict[str, tuple[str, Ask]] = {
            "names in a header": (_UPLOAD, lambda n: _wide_header(ctx, owner, n)),
            "keys of a JSON object": (_CREATE, lambda n: _many_keys(ctx, owner, n)),
        }
        holes = []
        for name, (route, ask) in asked.items():
            found = await self._hole_of(ctx, name, route, ask)
            if found is not None:
                holes.append(found)
        return Observation(
            f"{len(asked)} kinds of input of up to {_SIZES[-1]} parts, each with work in proportion",
            _UPLOAD,
            tuple(holes),
        )

    async def _hole_of(self, ctx: ProbeContext, name: str, route: str, ask: Ask) -> Hole | None:
        """Quadratic only if it is so each time: the least work of several tries is the work itself."""
        least_s = [float("inf")] * len(_SIZES)
        for _ in range(_TRIES):
            for index, size in enumerate(_SIZES):
                try:
                    reply, took_s = await _worked(ctx, ask, size, _SLOWER * least_s[0] * size / _SIZES[0])
                except _NoAnswer as endless:
                    return Hole(route, name, f"{size} {name}: {endless}", endless.exchange)
                if reply.status >= 500:
                    return hole(route, name, reply, f"{size} {name}: answered {reply.status}")
                least_s[index] = min(least_s[index], took_s)
            if not _is_quadratic(least_s, ctx.demands.noticeable_ms / 1e3):
                return None
        told = ", ".join(f"{size}: {took:.2f} s" for size, took in zip(_SIZES, least_s, strict=True))
        return hole(route, name, reply, f"the work for {name} grows with their square ({told})")


class _NoAnswer(Exception):
    """Asked twice, the target gave no answer in a time in which work in proportion would long have been done."""

    def __init__(self, problem: RequestFailed) -> None:
        super().__init__("no answer, twice, where a smaller one was answered at once")
        self.exchange = problem.exchange


async def _worked(ctx: ProbeContext, ask: Ask, size: int, too_long_s: float) -> tuple[Reply, float]:
    """The reply, and the seconds of work for it: of the target's processors, or as it was waited for."""
    lost: RequestFailed | None = None
    for _ in range(2):
        before_s, started_s = cpu_s(ctx), ctx.clock()
        try:
            reply = await ask(size)
        except RequestFailed as problem:
            if ctx.clock() - started_s < too_long_s:
                raise  # refused or broken off, or slow from the smallest one on: that tells nothing of growth
            lost = problem
            continue
        after_s = cpu_s(ctx)
        if before_s is None or after_s is None:
            return reply, reply.latency_ms / 1e3
        return reply, after_s - before_s
    assert lost is not None  # noqa: S101 - the loop ends with a reply otherwise
    raise _NoAnswer(lost)


def _is_quadratic(least_s: list[float], noticeable_s: float) -> bool:
    grows = all(after >= _LEAST_RATIO * before for before, after in pairwise(least_s))
    return grows and least_s[-1] >= noticeable_s


async def _wide_header(ctx: ProbeContext, owner: Actor, count: int) -> Reply:
    names = ",".join(f"c{min(i, count - 2)}" for i in range(count))  # the last one twice: it is looked for
    return await upload(ctx, owner, f"{names}\n{'1,' * (count - 1)}1\n".encode(), "wide.csv")


async def _many_keys(ctx: ProbeContext, owner: Actor, count: int) -> Reply:
    metadata = {f"k{i}": i for i in range(count)}
    body = json.dumps({"name": ctx.label, "algorithm_name": "hbos", "metadata": metadata})
    reply = await ctx.send("POST", "detectors", actor=owner, headers=JSON_HEADERS, body=raw_json(body))
    note_created(ctx, reply, "detector", "detectors")
    return reply
