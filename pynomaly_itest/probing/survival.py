"""Requests that may end the service that reads them: each must be answered, and the service must go on as before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.probing.objects import Model, note_created, predicted
from pynomaly_itest.probing.probe import Hole
from pynomaly_itest.target.http import RequestFailed

if TYPE_CHECKING:
    from pynomaly_itest.probing.context import ProbeContext
    from pynomaly_itest.probing.refusals import Wrong
    from pynomaly_itest.target.http import Reply

_ROWS = [[0.1, 0.2, 0.3], [-1.0, 0.5, 2.0]]


async def not_survived(
    ctx: ProbeContext, model: Model, wrong: Sequence[Wrong], *, may_be_taken: bool = False
) -> list[Hole]:
    """A hole for each that is answered 5xx or, twice, not at all; and for a service that is not itself afterwards.

    `may_be_taken`: what was damaged at random may be valid all the same, so that 2xx is no hole.
    Control: the same prediction before and after.
    """
    before = await predicted(ctx, model.owner, model.detector, _ROWS)
    holes = []
    for each in wrong:
        found = await _hole_of(ctx, model, each, may_be_taken=may_be_taken)
        if found is not None:
            holes.append(found)
            if not await _answers(ctx, model):
                return holes  # the engine says that it is gone
    if not holes:
        after = await predicted(ctx, model.owner, model.detector, _ROWS)
        ctx.control(
            after["anomaly_scores"] == before["anomaly_scores"], "the same rows were scored differently"
        )
    return holes


async def _hole_of(ctx: ProbeContext, model: Model, each: Wrong, *, may_be_taken: bool) -> Hole | None:
    reply: Reply | None = None
    lost: RequestFailed | None = None
    for _ in range(2):
        try:
            reply = await ctx.send(
                each.method, each.path, actor=model.owner, headers=each.headers, body=each.body
            )
            break
        except RequestFailed as problem:
            lost = problem
            await ctx.sleep(0.5)
    if reply is None:
        exchange = None if lost is None else lost.exchange
        return Hole(each.route, each.weakness, f"{each.weakness}: the service gave no answer", exchange)
    if each.creates is not None:
        note_created(ctx, reply, each.creates, f"{each.creates}s")
    if reply.status == 429:
        raise CannotMeasure("the target throttles these requests")
    if reply.status >= 500 or (reply.status < 400 and not may_be_taken):
        return Hole(each.route, each.weakness, f"{each.weakness}: answered {reply.status}", reply.exchange)
    return None


async def _answers(ctx: ProbeContext, model: Model) -> bool:
    try:
        await predicted(ctx, model.owner, model.detector, _ROWS)
    except (RequestFailed, CannotMeasure):
        return False
    return True
