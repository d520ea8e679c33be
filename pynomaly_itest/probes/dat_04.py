"""DAT-04: datasets deleted while everything is sealed anew under another key."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import blob, csv_of, dataset_of
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES

_ROTATE = "admin/keys/rotate"
_N_DATASETS = 6


def _files_of(folder: Path, ids: list[str]) -> set[str]:
    """Which of the ids are in the name of a file below the folder."""
    names = [path.name for path in folder.rglob("*") if path.is_file()]
    return {id_ for id_ in ids if any(id_ in name for name in names)}


@PROBES.register("DAT-04")
class DeletedComesBack(Probe):
    id = "DAT-04"
    title = "What is deleted during a change of the encryption key stays deleted"
    cwe = 362
    references = ("ASVS 5.0.0 V14.2.4", "ASVS 5.0.0 V15.4.2", "API8:2023")
    severity = Severity.HIGH
    impact = Impact.DISRUPTS
    sends = ("POST datasets/upload", f"POST {_ROTATE}", "DELETE datasets/{id}")
    needs = ("admin", "user_a")
    expected = "no file of a dataset that was deleted"
    why = "What somebody had the right to have forgotten lies on the disk again, and nothing knows of it."
    mend = "Put the renewed content in place only where the old one still is, under the lock that deletions take."

    async def run(self, ctx: ProbeContext) -> Observation:
        folder = ctx.target.data_folder()
        if folder is None:
            raise NotApplicable("the target's files are not ours to read")
        owner = await ctx.actors.get("user_a")
        ids = [await dataset_of(ctx, owner, csv_of(blob(ctx.seed, count=500))) for _ in range(_N_DATASETS)]
        if await asyncio.to_thread(_files_of, folder, ids) != set(ids):
            raise NotApplicable("stored content is not named after its dataset")
        rotating = asyncio.create_task(ctx.send("POST", _ROTATE, actor="admin"))
        for id_ in ids:
            gone = await ctx.send("DELETE", f"datasets/{id_}", actor=owner)
            ctx.require_status(gone, (200, 204), "DELETE datasets/{id}")
        reply = await rotating
        if reply.status in (403, 404, 405, 409):
            raise NotApplicable(f"the encryption key can't be changed ({reply.status})")
        rotated = ctx.require_status(reply, (200,), f"POST {_ROTATE}")
        ctx.control(isinstance(rotated, dict) and "key_id" in rotated, f"POST {_ROTATE} names no key")
        back = await asyncio.to_thread(_files_of, folder, ids)
        where = "the data folder"
        if back:
            seen = f"{len(back)} of {_N_DATASETS} datasets deleted meanwhile are on the disk again"
            return Observation(seen, where, (Hole(where, "deleted data is back", seen, reply.exchange),))
        return Observation(f"{_N_DATASETS} datasets deleted meanwhile, none is back", where)
