"""RES-08: small columnar files and bodies that unpack to a gigabyte."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.columnar import (
    ARROW_TYPE,
    arrow_stream,
    numbers_and_text,
    parquet_file,
    repeated_text,
    zeros_stream,
)
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import SENT_FOR_MODEL, Model, model_of, predicted, upload
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.probing.resident import Peak
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body, Reply, RequestFailed

_PREDICT, _UPLOAD = "POST /api/v1/detection/predict", "POST /api/v1/datasets/upload"
_ROWS = 40_000_000
_TEXT_ROWS, _CELL_BYTES = 4_096, 256 << 10


@PROBES.register("RES-08")
class ColumnarBombs(Probe):
    id = "RES-08"
    title = "Columnar files and bodies do not unpack without limit"
    cwe = 409
    references = ("API4:2023", "ASVS 5.0.0 V5.2.3", "WSTG-BUSL-09")
    severity = Severity.HIGH
    impact = Impact.DISRUPTS
    sends = (*SENT_FOR_MODEL, "POST detection/predict")
    needs = ("user_a",)
    expected = "4xx, and memory that stays bounded while it is refused"
    why = "A few kilobytes, compressed or written once for all rows, fill all of the memory."
    mend = "Take sizes from the metadata before anything is decoded, and count what is written out."

    async def run(self, ctx: ProbeContext) -> Observation:
        model = await model_of(ctx, "user_a")
        await predicted(ctx, model.owner, model.detector, [[0.1, 0.2, 0.3]])
        path = f"detection/predict?detector_id={model.detector}"

        async def score(content: bytes) -> Reply:
            headers, body = {"Content-Type": ARROW_TYPE}, Body(content=content)
            return await ctx.send("POST", path, actor=model.owner, headers=headers, body=body)

        takes_arrow = (await score(arrow_stream(numbers_and_text(), "zstd"))).status == 200
        small = await upload(ctx, model.owner, parquet_file(numbers_and_text()), "small.parquet")
        takes_parquet = small.status in (200, 201)
        if not takes_arrow and not takes_parquet:
            raise NotApplicable("the target takes neither compressed Arrow streams nor Parquet")
        holes: list[Hole] = []
        n_tried = 0
        async with Peak(ctx) as peak:
            for name, route, bomb in _bombs(takes_arrow=takes_arrow, takes_parquet=takes_parquet):
                packed = await asyncio.to_thread(bomb)
                n_tried += 1
                try:
                    reply = await (score(packed) if route == _PREDICT else _uploaded(ctx, model, packed))
                except RequestFailed as lost:  # where the small one was answered
                    seen = f"{name} of {len(packed)} bytes: the service gave no answer in time"
                    holes.append(Hole(route, name, seen, lost.exchange))
                    break
                if not 400 <= reply.status < 500:
                    holes.append(hole(route, name, reply, f"{name} was answered {reply.status}"))
        grown_mb = peak.grown_mb
        if grown_mb is not None and grown_mb > ctx.demands.max_rss_growth_mb:
            seen = f"the target's memory grew by {grown_mb:.0f} MB while they were refused"
            holes.append(Hole(_UPLOAD, "memory", seen))
        note = "" if grown_mb is None else f", memory grew by {grown_mb:.0f} MB at most"
        return Observation(f"{n_tried} bombs refused{note}", _PREDICT, tuple(holes))


def _bombs(*, takes_arrow: bool, takes_parquet: bool) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """Each with its name, where it is sent, and how it is made: a gigabyte once unpacked."""
    if takes_arrow:
        yield "a compressed Arrow stream", _PREDICT, lambda: zeros_stream(_ROWS)
    for as_dictionary in (False, True) if takes_parquet else ():
        name = "a Parquet file with a dictionary column" if as_dictionary else "a Parquet file of one text"
        text = partial(repeated_text, _TEXT_ROWS, _CELL_BYTES, as_dictionary=as_dictionary)
        yield name, _UPLOAD, text


async def _uploaded(ctx: ProbeContext, model: Model, content: bytes) -> Reply:
    return await upload(ctx, model.owner, content, "bomb.parquet")
