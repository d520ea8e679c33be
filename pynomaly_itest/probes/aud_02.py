"""AUD-02: a copy of the audit log, with an event edited, deleted or moved."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.audit_copy import Tampering

_HOW: tuple[Tampering, ...] = ("edit", "delete", "reorder")


@PROBES.register("AUD-02")
class EditedHistory(Probe):
    id = "AUD-02"
    title = "The audit log shows when it was changed"
    cwe = 354
    references = ("ASVS 5.0.0 V16.4.2",)
    severity = Severity.HIGH
    impact = Impact.CHANGES_OWN
    sends = ()
    needs = ("user_a",)
    expected = "the verifier fails for each change"
    why = "Whoever breaks in edits the log first."
    mend = "Chain the events, and seal the chain with a key."

    async def run(self, ctx: ProbeContext) -> Observation:
        await ctx.new_session(await ctx.actors.get("user_a"))
        ctx.control(await self._copied(ctx, None), "the verifier finds fault with an untouched copy")
        noticed = {how: not await self._copied(ctx, how) for how in _HOW}
        holes = [
            Hole("the audit log", how, f"the verifier takes a log for whole after: {how}")
            for how in _HOW
            if not noticed[how]
        ]
        return Observation(f"{len(_HOW)} changed copies, each noticed", "the audit log", tuple(holes))

    @staticmethod
    async def _copied(ctx: ProbeContext, how: Tampering | None) -> bool:
        """Whether the verifier takes a copy that was changed so for whole."""
        with tempfile.TemporaryDirectory(prefix="pynomaly-itest-audit-") as folder:
            copy = ctx.target.audit_copy(Path(folder))
            if copy is None:
                raise NotApplicable("the target's audit log is not ours to copy")
            if how is not None:
                copy.tamper(how)
            return await copy.is_whole()
