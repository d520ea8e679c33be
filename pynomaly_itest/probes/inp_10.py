"""INP-10: .npy arrays whose shapes can't be."""

from __future__ import annotations

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.columnar import NPY_TYPE, npy_file
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import SENT_FOR_MODEL, model_of, upload
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity
from pynomaly_itest.probing.refusals import Wrong
from pynomaly_itest.probing.survival import not_survived
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body

_PREDICT, _UPLOAD = "POST /api/v1/detection/predict", "POST /api/v1/datasets/upload"
_SHAPES = {
    "negative sizes": ("(-2, -3)", 6),
    "a negative number of rows": ("(-1, 3)", 3),
    "booleans as sizes": ("(True, True)", 1),
    "no rows": ("(0, 3)", 0),
    "no columns": ("(3, 0)", 0),
    "more than there is": ("(1000000000, 3)", 3),
    "three dimensions": ("(2, 2, 3)", 12),
}


@PROBES.register("INP-10")
class ImpossibleShapes(Probe):
    id = "INP-10"
    title = "Arrays with impossible shapes are refused"
    cwe = 1284
    references = ("API8:2023", "ASVS 5.0.0 V2.2.1")
    severity = Severity.MEDIUM
    impact = Impact.CHANGES_OWN
    sends = (*SENT_FOR_MODEL, "POST detection/predict")
    needs = ("user_a",)
    expected = "4xx"
    why = "A dataset of -2 x -3 breaks whatever counts with it later, or fails now as if the service were at fault."
    mend = "Read the header strictly: whole numbers from 1, and as many values as they promise."

    async def run(self, ctx: ProbeContext) -> Observation:
        model = await model_of(ctx, "user_a")
        wrong = []
        valid = npy_file("(2, 3)", 6)
        path, headers = f"detection/predict?detector_id={model.detector}", {"Content-Type": NPY_TYPE}
        scored = await ctx.send("POST", path, actor=model.owner, headers=headers, body=Body(content=valid))
        if scored.status == 200:
            wrong += [
                Wrong(f"{name} in a body", "POST", path, _PREDICT, Body(content=npy_file(*shape)), headers)
                for name, shape in _SHAPES.items()
            ]
        if (await upload(ctx, model.owner, npy_file("(20, 3)", 60), "valid.npy")).status in (200, 201):
            wrong += [_upload_of(ctx, name, npy_file(*shape)) for name, shape in _SHAPES.items()]
        if not wrong:
            raise NotApplicable("the target takes no .npy")
        holes = await not_survived(ctx, model, wrong)
        return Observation(f"{len(wrong)} shapes, each refused", _UPLOAD, tuple(holes))


def _upload_of(ctx: ProbeContext, name: str, content: bytes) -> Wrong:
    file = ("shape.npy", content, "application/octet-stream")
    body = Body(files={"name": (None, ctx.label), "file": file})
    return Wrong(f"{name} in a file", "POST", "datasets/upload", _UPLOAD, body, {}, "dataset")
