"""DAT-03: a canary in a dataset, then looked for in every stored file."""

from __future__ import annotations

import asyncio
import base64
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import dataset_of
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES


@dataclass(frozen=True)
class _Seen:
    n_files: int
    found: frozenset[str]


def _searched(folder: Path, needles: Mapping[str, bytes]) -> _Seen:
    """Which of the needles are in any file below `folder`."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    found: set[str] = set()
    for path in files:
        try:
            content = path.read_bytes()
        except OSError:  # a file that went away meanwhile
            continue
        found |= {name for name, needle in needles.items() if needle in content}
    return _Seen(len(files), frozenset(found))


@PROBES.register("DAT-03")
class PlainStorage(Probe):
    id = "DAT-03"
    title = "The rows of datasets are stored encrypted"
    cwe = 311
    references = ("API8:2023", "ASVS 5.0.0 V14.2.4", "WSTG-CRYP-04")
    severity = Severity.HIGH
    impact = Impact.CHANGES_OWN
    sends = ("POST datasets/upload", "GET datasets/{id}/sample")
    needs = ("user_a",)
    expected = "the canary in no file, in no encoding"
    why = "A lost disk or backup would hold everything in the clear."
    mend = "Encrypt data with an authenticated cipher and keys that are kept elsewhere."

    async def run(self, ctx: ProbeContext) -> Observation:
        folder = ctx.target.data_folder()
        if folder is None:
            raise NotApplicable("the target's files are not ours to read")
        actor = await ctx.actors.get("user_a")
        canary = f"itestcanary{secrets.token_hex(12)}"
        number = 48151.6234217
        content = f"label_text,value\n{canary},{number!r}\nother,2.0\n".encode()
        id_ = await dataset_of(ctx, actor, content)
        sample = await ctx.send("GET", f"datasets/{id_}/sample", actor=actor)
        ctx.require_status(sample, (200,), "GET datasets/{id}/sample")
        ctx.control(canary.encode() in sample.body, "the dataset lacks the canary")
        needles = {
            "as text": canary.encode(),
            "as UTF-16": canary.encode("utf-16-le"),
            "in base64": base64.b64encode(f"{canary}".encode())[4:-4],
            "as a number": struct.pack("<d", number),
        }
        seen = await asyncio.to_thread(_searched, folder, needles)
        ctx.control(seen.n_files > 0, "there is no file in the data folder")
        where = "the data folder"
        holes = [Hole(where, name, f"the canary is stored {name}") for name in sorted(seen.found)]
        return Observation(f"{seen.n_files} files, the canary in none of them", where, tuple(holes))
