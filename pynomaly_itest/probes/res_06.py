"""RES-06: Arrow streams whose offsets point outside of their buffers."""

from __future__ import annotations

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.columnar import ARROW_TYPE, arrow_stream, numbers_and_text, with_offsets
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import SENT_FOR_MODEL, model_of
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity
from pynomaly_itest.probing.refusals import Wrong
from pynomaly_itest.probing.survival import not_survived
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body

_PREDICT = "POST /api/v1/detection/predict"
_HEADERS = {"Content-Type": ARROW_TYPE}
_OFFSETS = {
    "an offset beyond its buffer": (0, 4, 200),
    "an offset far beyond memory": (0, 2, 1_500_000_000),
    "an offset below 0": (0, -8, 4),
    "offsets that go back": (4, 2, 0),
}


@PROBES.register("RES-06")
class WrongOffsets(Probe):
    id = "RES-06"
    title = "Arrow bodies whose offsets point elsewhere end nothing"
    cwe = 125
    references = ("API8:2023", "ASVS 5.0.0 V1.4.1", "ASVS 5.0.0 V5.2.2")
    severity = Severity.CRITICAL
    impact = Impact.DISRUPTS
    sends = (*SENT_FOR_MODEL, "POST detection/predict")
    needs = ("user_a",)
    expected = "4xx, and the service alive"
    why = "One small request ends the server for everybody, or reads memory that is not its own."
    mend = "Validate Arrow data in full before values are used, and parse it in another process."

    async def run(self, ctx: ProbeContext) -> Observation:
        model = await model_of(ctx, "user_a")
        path, stream = f"detection/predict?detector_id={model.detector}", arrow_stream(numbers_and_text())
        valid = await ctx.send("POST", path, actor=model.owner, headers=_HEADERS, body=Body(content=stream))
        if valid.status in (400, 404, 405, 406, 415, 422):
            raise NotApplicable(f"the target takes no Arrow streams ({valid.status})")
        found = ctx.require_status(valid, (200,), "a valid Arrow stream")
        whole = isinstance(found, dict) and len(found.get("anomaly_scores") or ()) == 2
        ctx.control(whole, "a valid Arrow stream was answered without scores")
        wrong = [
            Wrong(name, "POST", path, _PREDICT, Body(content=with_offsets(stream, *offsets)), _HEADERS)
            for name, offsets in _OFFSETS.items()
        ]
        holes = await not_survived(ctx, model, wrong)
        return Observation(
            f"{len(wrong)} streams, each refused, and the service goes on", _PREDICT, tuple(holes)
        )
