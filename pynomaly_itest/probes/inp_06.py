"""INP-06: cells that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import dataset_of
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES

_EXPORT = "GET /api/v1/datasets/{id}/export"
_STARTS = ("=", "+", "-", "@", "\t", "\r")
_CELLS = ("=1+1", "@SUM(1)", "\t=1+1", "+1+1")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


@PROBES.register("INP-06")
class FormulaInExport(Probe):
    id = "INP-06"
    title = "Formulas are neutralised in exported CSV"
    cwe = 1236
    references = ("API8:2023", "ASVS 5.0.0 V1.2.10", "WSTG-INPV-21")
    severity = Severity.MEDIUM
    impact = Impact.CHANGES_OWN
    sends = ("POST datasets/upload", "GET datasets/{id}/export")
    needs = ("user_a",)
    expected = "no exported cell begins with =, +, -, @, tab or carriage return"
    why = "Whoever opens the export in a spreadsheet runs what somebody else uploaded."
    mend = "Put an apostrophe before such texts when writing CSV."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        text = io.StringIO()
        rows = [["plain", 1.0], *([cell, 2.0] for cell in _CELLS)]
        csv.writer(text).writerows([["label_text", "value"], *rows])
        id_ = await dataset_of(ctx, actor, text.getvalue().encode())
        reply = await ctx.send("GET", f"datasets/{id_}/export", actor=actor)
        ctx.require_status(reply, (200,), "GET datasets/{id}/export")
        cells = [cell for row in csv.reader(io.StringIO(reply.body.decode(errors="replace"))) for cell in row]
        ctx.control("plain" in cells, "the export lacks what was uploaded")
        ctx.control(any("1+1" in cell for cell in cells), "the export lacks the formulas altogether")
        bad = sorted({cell for cell in cells if cell.startswith(_STARTS) and not _is_number(cell)})
        holes = [
            hole(_EXPORT, f"a cell beginning with {cell[0]!r}", reply, f"an exported cell is {cell!r}")
            for cell in bad
        ]
        return Observation(
            f"{len(_CELLS)} formulas came back neutralised", _EXPORT, tuple(holes), reply.exchange
        )
