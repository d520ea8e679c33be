"""INP-08: XML and XLSX with an entity at an address of ours."""

from __future__ import annotations

import io
import zipfile

from pynomaly_itest.probing.callback import Listener, listening
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import blob, csv_of, dataset_of, upload
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES

_UPLOAD = "POST /api/v1/datasets/upload"


def _xml(url: str) -> bytes:
    return f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "{url}">]><d>&x;</d>'.encode()


def _documents(listener: Listener) -> dict[str, tuple[str, bytes]]:
    """XML by itself, and as the sheet of a workbook; each with an address of its own."""
    workbook = io.BytesIO()
    with zipfile.ZipFile(workbook, "w") as archive:
        for part in ("[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml"):
            archive.writestr(part, _xml(listener.url("xlsx")))
    return {"xml": ("data.xml", _xml(listener.url("xml"))), "xlsx": ("data.xlsx", workbook.getvalue())}


@PROBES.register("INP-08")
class ExternalEntity(Probe):
    id = "INP-08"
    title = "External entities are not resolved"
    cwe = 611
    references = ("API8:2023", "ASVS 5.0.0 V1.5.1", "WSTG-INPV-07")
    severity = Severity.HIGH
    impact = Impact.READS
    sends = ("POST datasets/upload",)
    needs = ("user_a",)
    expected = "4xx, and no request to the address"
    why = "An entity reads files of the service, or calls addresses that only it can reach."
    mend = "Refuse XML where it is not needed; else parse without DTDs."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        await dataset_of(ctx, actor, csv_of(blob(ctx.seed)))
        holes: list[Hole] = []
        async with listening(ctx) as listener:
            for name, (filename, content) in _documents(listener).items():
                reply = await upload(ctx, actor, content, filename)
                if not 400 <= reply.status < 500:
                    holes.append(hole(_UPLOAD, f"{name} taken", reply))
            called = await listener.calls(ctx)
        holes += [
            Hole(_UPLOAD, f"an entity in {name}", f"the entity in {name} was fetched")
            for name in sorted(called)
        ]
        return Observation("XML and XLSX refused, no entity resolved", _UPLOAD, tuple(holes))
