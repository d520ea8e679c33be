"""ML-01: anomalies moved by a little."""

from __future__ import annotations

import random

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import SENT_FOR_MODEL, model_of, predicted
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES

_PREDICT = "POST /api/v1/detection/predict"
_ROWS, _TIMES, _NOISE = 60, 5, 0.01


@PROBES.register("ML-01")
class FragileLabels(Probe):
    id = "ML-01"
    title = "Small changes do not turn anomalies into normal rows"
    cwe = 1039
    references = ("OWASP ML01:2023",)
    severity = Severity.MEDIUM
    impact = Impact.READS
    sends = (*SENT_FOR_MODEL, "POST detection/predict")
    needs = ("user_a",)
    expected = "few of the anomalies become normal"
    why = "Whoever adds a little noise passes unseen."
    mend = "Choose detectors whose scores change slowly, and train on what noise does."

    async def run(self, ctx: ProbeContext) -> Observation:
        model = await model_of(ctx, "user_a")
        source = random.Random(ctx.seed)  # noqa: S311 - test data
        anomalies = [[source.choice((-1, 1)) * source.uniform(9, 11) for _ in range(3)] for _ in range(_ROWS)]
        labels = (await predicted(ctx, model.owner, model.detector, anomalies))["anomaly_labels"]
        normal = (await predicted(ctx, model.owner, model.detector, [[0.0, 0.0, 0.0]] * 2))["anomaly_labels"]
        found = [row for row, label in zip(anomalies, labels, strict=True) if label == 1]
        ctx.control(len(found) >= _ROWS // 4, f"the model finds only {len(found)} of {_ROWS} plain anomalies")
        ctx.control(normal[0] == normal[1], "the same row twice has two labels")
        moved = [
            [value * (1 + source.uniform(-_NOISE, _NOISE)) for value in row]
            for row in found
            for _ in range(_TIMES)
        ]
        again = (await predicted(ctx, model.owner, model.detector, moved))["anomaly_labels"]
        flipped = sum(1 for label in again if label != 1) / len(again)
        seen = f"{flipped:.1%} of {len(again)} anomalies moved by at most {_NOISE:.0%} became normal"
        if flipped > ctx.demands.max_flip_ratio:
            return Observation(seen, _PREDICT, (Hole(_PREDICT, "labels flip", seen),))
        return Observation(seen, _PREDICT)
