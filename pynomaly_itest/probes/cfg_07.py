"""CFG-07: a readiness that says yes while no work is done."""

from __future__ import annotations

from typing import Any

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.actors import Actor
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import SENT_FOR_TRAINED, blob, csv_of, dataset_of, detector_of
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body, Reply

_READY = "health/ready"
_TRIES = 2
_TRAINING_S, _POLL_S = 30.0, 0.1


@PROBES.register("CFG-07")
class LyingReadiness(Probe):
    id = "CFG-07"
    title = "Readiness says whether work can be done"
    cwe = 754
    references = ("API8:2023", "ASVS 5.0.0 V16.5.2")
    severity = Severity.HIGH
    impact = Impact.CHANGES_OWN
    sends = ("GET health/ready", *SENT_FOR_TRAINED)
    needs = ("user_a",)
    expected = "a training that ends well, or a readiness that says no"
    why = (
        "A release whose workers are all dead is let into production, and takes requests that nobody serves."
    )
    mend = "Have readiness fail while no worker is alive, for whatever reason."

    async def run(self, ctx: ProbeContext) -> Observation:
        owner = await ctx.actors.get("user_a")
        ready = await ctx.send("GET", _READY)
        if ready.status in (401, 403, 404, 405):
            raise NotApplicable(f"the target tells no readiness ({_READY}: {ready.status})")
        dataset = await dataset_of(ctx, owner, csv_of(blob(ctx.seed, far=3)))
        ended: list[str] = []
        for _ in range(_TRIES):  # one failure may have its reasons; all of them have one
            ended.append(await self._trained(ctx, owner, dataset))
            if ended[-1] == "completed":
                return Observation("a training ended well while readiness was asked", f"GET /api/v1/{_READY}")
        ready = await ctx.send("GET", _READY)
        seen = f"{len(ended)} trainings ended as {', '.join(ended)}, readiness answered {ready.status}"
        if _says_yes(ready):
            return Observation(
                seen, "", (Hole(f"GET /api/v1/{_READY}", "ready without work", seen, ready.exchange),)
            )
        return Observation(seen, f"GET /api/v1/{_READY}")

    async def _trained(self, ctx: ProbeContext, owner: Actor, dataset: str) -> str:
        """How the training of a new detector ended, 'pending' or 'running' where it did not within the time."""
        detector = await detector_of(ctx, owner)
        body = Body(json={"detector_id": detector, "dataset_id": dataset})
        started = await ctx.send("POST", "detection/train", actor=owner, body=body)
        operation = ctx.require_status(started, (200, 201, 202), "POST detection/train")
        ctx.control(isinstance(operation, dict) and "id" in operation, "a training has no operation")
        until = ctx.clock() + _TRAINING_S
        while _status(operation) in ("pending", "running") and ctx.clock() < until:
            polled = await ctx.send("GET", f"operations/{operation['id']}", actor=owner)
            operation = ctx.require_status(polled, (200,), "GET operations/{id}")
            ctx.control(_status(operation) != "", "an operation has no status")
            await ctx.sleep(_POLL_S)
        return _status(operation)


def _status(operation: Any) -> str:
    status = operation.get("status") if isinstance(operation, dict) else None
    return status if isinstance(status, str) else ""


def _says_yes(reply: Reply) -> bool:
    return reply.status < 300
