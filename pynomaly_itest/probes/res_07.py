"""RES-07: Parquet files and .npy arrays that are damaged where they tell sizes."""

from __future__ import annotations

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.columnar import damaged, npy_file, numbers_and_text, parquet_file
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import SENT_FOR_MODEL, model_of, upload
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity
from pynomaly_itest.probing.refusals import Wrong
from pynomaly_itest.probing.survival import not_survived
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body

_UPLOAD = "POST /api/v1/datasets/upload"
_VARIANTS = 12


def _files() -> dict[str, bytes]:
    table = numbers_and_text()
    return {
        "plain.parquet": parquet_file(table, compression="none", use_dictionary=False),
        "packed.parquet": parquet_file(table, compression="zstd"),
        "array.npy": npy_file("(4, 3)", 12),
    }


@PROBES.register("RES-07")
class DamagedFiles(Probe):
    id = "RES-07"
    title = "Damaged Parquet and .npy files end nothing"
    cwe = 119
    references = ("API8:2023", "ASVS 5.0.0 V1.4.1", "ASVS 5.0.0 V5.2.2")
    severity = Severity.CRITICAL
    impact = Impact.DISRUPTS
    sends = (*SENT_FOR_MODEL, "POST detection/predict")
    needs = ("user_a",)
    expected = "an answer below 500, and the service alive"
    why = "One small file ends the server for everybody, or reads memory that is not its own."
    mend = "Parse files in another process, and answer 422 where it ends."

    async def run(self, ctx: ProbeContext) -> Observation:
        model = await model_of(ctx, "user_a")
        wrong = []
        for name, content in _files().items():
            valid = await upload(ctx, model.owner, content, name)
            ctx.control(valid.status < 500, f"a valid {name} was answered {valid.status}")
            if valid.status in (200, 201):
                wrong += [_damaged_upload(ctx, name, content, number) for number in range(_VARIANTS)]
        if not wrong:
            raise NotApplicable("the target takes neither Parquet nor .npy")
        holes = await not_survived(ctx, model, wrong, may_be_taken=True)
        return Observation(
            f"{len(wrong)} damaged files, each answered, and the service goes on", _UPLOAD, tuple(holes)
        )


def _damaged_upload(ctx: ProbeContext, name: str, content: bytes, number: int) -> Wrong:
    file = (name, damaged(content, ctx.seed + number), "application/octet-stream")
    body = Body(files={"name": (None, ctx.label), "file": file})
    weakness = f"{name} damaged, variant {number}"
    return Wrong(weakness, "POST", "datasets/upload", _UPLOAD, body, {}, "dataset")
