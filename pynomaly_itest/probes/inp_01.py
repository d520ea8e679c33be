"""INP-01: values that are no numbers where numbers belong."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import SENT_FOR_MODEL, model_of, predicted
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity
from pynomaly_itest.probing.refusals import JSON_HEADERS, Wrong, not_refused, raw_json
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body

_PREDICT, _CREATE = "POST /api/v1/detection/predict", "POST /api/v1/detectors"
_VALUES = {
    "NaN": "NaN", "Infinity": "Infinity", "-Infinity": "-Infinity", "1e400": "1e400", "true": "true", "a list": "[1]",
}  # fmt: skip


def _row(detector: str, value: str) -> Body:
    return raw_json(f'{{"detector_id": "{detector}", "rows": [[0.1, {value}, 0.3]]}}')


def _rate(value: str) -> Body:
    return raw_json(f'{{"name": "itest", "algorithm_name": "hbos", "contamination_rate": {value}}}')


@PROBES.register("INP-01")
class NotANumber(Probe):
    id = "INP-01"
    title = "NaN, infinities and booleans are refused as numbers"
    cwe = 20
    references = ("API8:2023", "ASVS 5.0.0 V2.2.1", "WSTG-BUSL-09")
    severity = Severity.MEDIUM
    impact = Impact.READS
    sends = (*SENT_FOR_MODEL, "POST detection/predict")
    needs = ("user_a",)
    expected = "4xx, never 500 and never a result"
    why = "A NaN in a row makes every score of a batch meaningless, or the service fall over."
    mend = "Parse strictly, check that every number is finite, and do not take true for 1."

    async def run(self, ctx: ProbeContext) -> Observation:
        model = await model_of(ctx, "user_a")
        await predicted(ctx, model.owner, model.detector, [[0.1, 0.2, 0.3]])
        wrong = [
            Wrong(
                f"{name} in a row",
                "POST",
                "detection/predict",
                _PREDICT,
                _row(model.detector, text),
                JSON_HEADERS,
            )
            for name, text in _VALUES.items()
        ]
        wrong += [
            Wrong(
                f"{name} as contamination",
                "POST",
                "detectors",
                _CREATE,
                _rate(text),
                JSON_HEADERS,
                "detector",
            )
            for name, text in _VALUES.items()
        ]
        holes = await not_refused(ctx, model.owner, wrong)
        await predicted(ctx, model.owner, model.detector, [[0.1, 0.2, 0.3]])
        return Observation(f"{len(wrong)} requests, each refused", _PREDICT, tuple(holes))
