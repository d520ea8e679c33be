"""RES-04: small bodies that unpack to very much."""

from __future__ import annotations

import asyncio
import gzip
import io
import zipfile

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import SENT_FOR_MODEL, model_of, predicted, upload
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.probing.resident import rss_mb
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body

_PREDICT, _UPLOAD = "POST /api/v1/detection/predict", "POST /api/v1/datasets/upload"
_SIZE = 128 << 20
_ROWS = 20_000_000


def _bomb(valid: bytes) -> bytes:
    """Very much white space before a valid body: whoever unpacks it answers 200."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as archive:
        for _ in range(_SIZE >> 20):
            archive.write(b" " * (1 << 20))
        archive.write(valid)
    return packed.getvalue()


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.csv", b"1,2\n" * (4 << 20))
    return packed.getvalue()


def _parquet() -> bytes:
    """Twenty million equal rows in a few kilobytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    schema = pa.schema([("a", pa.float64()), ("b", pa.float64())])
    part = pa.table({"a": pa.repeat(1.0, 1_000_000), "b": pa.repeat(2.0, 1_000_000)}, schema=schema)
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for _ in range(_ROWS // 1_000_000):
            writer.write_table(part)
    return sink.getvalue()


@PROBES.register("RES-04")
class Bombs(Probe):
    id = "RES-04"
    title = "Compressed bodies do not unpack without limit"
    cwe = 409
    references = ("API4:2023", "ASVS 5.0.0 V5.2.3", "WSTG-BUSL-09")
    severity = Severity.HIGH
    impact = Impact.DISRUPTS
    sends = (*SENT_FOR_MODEL, "POST detection/predict")
    needs = ("user_a",)
    expected = "4xx, and memory that stays bounded"
    why = "A few kilobytes fill all of the memory."
    mend = "Refuse compressed bodies, or stop unpacking at the limit for plain ones."

    async def run(self, ctx: ProbeContext) -> Observation:
        model = await model_of(ctx, "user_a")
        await predicted(ctx, model.owner, model.detector, [[0.1, 0.2, 0.3]])
        before_mb = rss_mb(ctx)
        valid = f'{{"detector_id": "{model.detector}", "rows": [[0.1, 0.2, 0.3]]}}'.encode()
        packed = await asyncio.to_thread(_bomb, valid)
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        replies = {
            "a gzip body": (
                _PREDICT,
                await ctx.send(
                    "POST", "detection/predict", actor=model.owner, headers=headers, body=Body(content=packed)
                ),
            ),
            "a parquet of equal rows": (
                _UPLOAD,
                await upload(ctx, model.owner, await asyncio.to_thread(_parquet), "bomb.parquet"),
            ),
            "a zip as csv": (
                _UPLOAD,
                await upload(ctx, model.owner, await asyncio.to_thread(_zip), "bomb.csv"),
            ),
        }
        holes = [
            hole(route, name, reply, f"{name} was answered {reply.status}")
            for name, (route, reply) in replies.items()
            if not 400 <= reply.status < 500
        ]
        grown_mb = 0.0 if before_mb is None else (rss_mb(ctx) or before_mb) - before_mb
        if grown_mb > ctx.demands.max_rss_growth_mb:
            holes.append(Hole(_UPLOAD, "memory", f"the target's memory grew by {grown_mb:.0f} MB"))
        note = "" if before_mb is None else f", memory grew by {grown_mb:.0f} MB"
        return Observation(f"{len(replies)} bombs refused{note}", _PREDICT, tuple(holes))
