"""Requests that must be refused, sent one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.probing.objects import note_created
from pynomaly_itest.probing.probe import Hole
from pynomaly_itest.target.http import NO_BODY, Body

if TYPE_CHECKING:
    from pynomaly_itest.probing.actors import Actor
    from pynomaly_itest.probing.context import ProbeContext


@dataclass(frozen=True)
class Wrong:
    """One request that no service should take, and what is wrong with it; `route` is where a hole would be."""

    weakness: str
    method: str
    path: str
    route: str
    body: Body = NO_BODY
    headers: dict[str, str] = field(default_factory=dict)
    creates: str | None = None
    """The kind of object that it would make, so that it is taken away again."""


async def not_refused(ctx: ProbeContext, actor: Actor | None, wrong: Sequence[Wrong]) -> list[Hole]:
    """A hole for each that is answered other than with 4xx."""
    holes = []
    for each in wrong:
        reply = await ctx.send(each.method, each.path, actor=actor, headers=each.headers, body=each.body)
        if each.creates is not None:
            note_created(ctx, reply, each.creates, f"{each.creates}s")
        if reply.status == 429:
            raise CannotMeasure("the target throttles these requests")
        if not 400 <= reply.status < 500:
            holes.append(
                Hole(each.route, each.weakness, f"{each.weakness}: answered {reply.status}", reply.exchange)
            )
    return holes


def raw_json(text: str | bytes) -> Body:
    """A body exactly as written, to be sent as JSON with `JSON_HEADERS`."""
    return Body(content=text.encode() if isinstance(text, str) else text)


JSON_HEADERS = {"Content-Type": "application/json"}
