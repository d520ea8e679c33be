"""AZ-10: many trainings of one account, and then one of another."""

from __future__ import annotations

from pynomaly_itest.probing.actors import Actor
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import blob, csv_of, dataset_of, detector_of, trained
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body, Reply

_ROUTE = "POST /api/v1/detection/train"
_FULL = (429, 503)
_AT_ONCE = 10


@PROBES.register("AZ-10")
class QueueForOne(Probe):
    id = "AZ-10"
    title = "One account does not fill the queue of trainings for everybody"
    cwe = 770
    references = ("API4:2023", "ASVS 5.0.0 V2.4.1", "WSTG-BUSL-05")
    severity = Severity.MEDIUM
    impact = Impact.DISRUPTS
    sends = (
        "POST datasets/upload",
        "POST detectors",
        "POST detection/train",
        "GET operations/{id}",
        "DELETE operations/{id}",
    )
    needs = ("admin",)
    expected = "a training of another account is taken, however many the first has asked for"
    why = "One customer's script stops the work of all the others."
    mend = "Give each account and tenant a share of the queue, and let them take turns."

    async def run(self, ctx: ProbeContext) -> Observation:
        greedy, other = [await self._ready(ctx) for _ in range(2)]
        asked: list[tuple[Actor, Reply]] = []
        limit = ctx.demands.queued_trainings
        while len(asked) < limit and not any(reply.status in _FULL for _, reply in asked):
            replies = await ctx.side_by_side([self._train(ctx, *greedy) for _ in range(_AT_ONCE)])
            asked += [(greedy[0], reply) for reply in replies]
        last = await self._train(ctx, *other)
        asked.append((other[0], last))
        for actor, reply in asked:
            made = reply.json() if reply.status in (200, 201, 202) else None
            if isinstance(made, dict) and "id" in made:
                await ctx.send("DELETE", f"operations/{made['id']}", actor=actor)
        n_taken = sum(reply.status not in _FULL for _, reply in asked[:-1])
        said = (
            f"of one account {n_taken} of {len(asked) - 1} were taken, another's was answered {last.status}"
        )
        if last.status in _FULL:
            return Observation(
                said, _ROUTE, (Hole(_ROUTE, "one account fills the queue", said, last.exchange),)
            )
        ctx.control(last.status < 400, f"another's training was answered {last.status}")
        return Observation(said, _ROUTE, (), last.exchange)

    @staticmethod
    async def _ready(ctx: ProbeContext) -> tuple[Actor, str, str]:
        actor = await ctx.actors.canary("data_scientist")
        dataset = await dataset_of(ctx, actor, csv_of(blob(ctx.seed, count=2_000)))
        detector = await detector_of(ctx, actor)
        await trained(ctx, actor, detector, dataset)
        return actor, detector, dataset

    @staticmethod
    async def _train(ctx: ProbeContext, actor: Actor, detector: str, dataset: str) -> Reply:
        body = Body(json={"detector_id": detector, "dataset_id": dataset})
        return await ctx.send("POST", "detection/train", actor=actor, body=body, throttled_ok=True)
