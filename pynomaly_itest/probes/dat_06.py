"""DAT-06: canaries in what people write about their data, looked for in every stored file, also after the deletion."""

from __future__ import annotations

import asyncio
import json
import secrets
from pathlib import Path

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import upload
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES


def _found_in(folder: Path, canaries: dict[str, str]) -> set[str]:
    """Which of the canaries are in clear in any file below the folder."""
    found = set()
    for path in folder.rglob("*"):
        try:
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        except OSError:  # a file that went away meanwhile
            continue
        found |= {name for name, canary in canaries.items() if canary.encode() in content}
    return found


@PROBES.register("DAT-06")
class PlainWords(Probe):
    id = "DAT-06"
    title = "What people write about their data is stored encrypted"
    cwe = 311
    references = ("API8:2023", "ASVS 5.0.0 V14.2.4", "WSTG-CRYP-04")
    severity = Severity.MEDIUM
    impact = Impact.CHANGES_OWN
    sends = ("POST datasets/upload", "GET datasets/{id}", "DELETE datasets/{id}")
    needs = ("user_a",)
    expected = "names, descriptions and metadata in no file, neither before nor after the deletion"
    why = (
        "A description says what the rows are about, and a database's journal keeps it after it was deleted."
    )
    mend = "Encrypt the words as the rows are; let the database overwrite what is deleted."

    async def run(self, ctx: ProbeContext) -> Observation:
        folder = ctx.target.data_folder()
        if folder is None:
            raise NotApplicable("the target's files are not ours to read")
        owner = await ctx.actors.get("user_a")
        canaries = {
            name: f"itestcanary{secrets.token_hex(10)}" for name in ("name", "description", "metadata")
        }
        fields = {**canaries, "metadata": json.dumps({"k": canaries["metadata"]})}
        reply = await upload(ctx, owner, b"a,b\n1,2\n2,3\n", fields=fields)
        made = ctx.require_status(reply, (200, 201), "POST datasets/upload")
        ctx.control(
            isinstance(made, dict) and "id" in made, "an upload was answered without the dataset's id"
        )
        shown = await ctx.send("GET", f"datasets/{made['id']}", actor=owner)
        ctx.require_status(shown, (200,), "GET datasets/{id}")
        ctx.control(canaries["description"].encode() in shown.body, "the dataset lacks its description")
        before = await asyncio.to_thread(_found_in, folder, canaries)
        gone = await ctx.send("DELETE", f"datasets/{made['id']}", actor=owner)
        ctx.require_status(gone, (200, 204), "DELETE datasets/{id}")
        after = await asyncio.to_thread(_found_in, folder, canaries)
        where = "the data folder"
        holes = [
            Hole(where, f"the {name} in clear", f"the {name} is stored in clear") for name in sorted(before)
        ]
        holes += [
            Hole(where, f"the {name} after its deletion", f"the {name} is in clear after its deletion")
            for name in sorted(after - before)
        ]
        return Observation(f"{len(canaries)} canaries in no file", where, tuple(holes))
