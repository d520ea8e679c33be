"""ML-02: training with a few rows that were put there by an attacker."""

from __future__ import annotations

import random

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import (
    SENT_FOR_TRAINED,
    blob,
    csv_of,
    dataset_of,
    detector_of,
    predicted,
    trained,
)
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES

_TRAIN = "POST /api/v1/detection/train"
_ROWS, _PERCENT, _TESTS, _LEAST = 300, 5, 100, 0.5


@PROBES.register("ML-02")
class PoisonedTraining(Probe):
    id = "ML-02"
    title = "A few poisoned rows do not blind a detector"
    cwe = 349
    references = ("OWASP ML02:2023",)
    severity = Severity.HIGH
    impact = Impact.CHANGES_OWN
    sends = (*SENT_FOR_TRAINED, "POST detection/predict")
    needs = ("user_a",)
    expected = "recall drops by no more than the profile allows"
    why = "Whoever can add rows to the training data teaches the detector to overlook him."
    mend = "Fit robustly, bound what one source may add, and compare each new model with the last."

    async def run(self, ctx: ProbeContext) -> Observation:
        owner = await ctx.actors.get("user_a")
        clean = blob(ctx.seed, _ROWS, far=_ROWS // 50)
        source = random.Random(ctx.seed + 1)  # noqa: S311 - test data
        poison = [
            [source.choice((-1, 1)) * source.uniform(14, 16) for _ in range(3)]
            for _ in range(_ROWS * _PERCENT // 100)
        ]
        recalls = []
        for rows in (clean, [*clean, *poison]):
            dataset, detector = await dataset_of(ctx, owner, csv_of(rows)), await detector_of(ctx, owner)
            await trained(ctx, owner, detector, dataset)
            labels = (await predicted(ctx, owner, detector, blob(ctx.seed + 2, 0, far=_TESTS)))[
                "anomaly_labels"
            ]
            recalls.append(sum(labels) / len(labels))
        ctx.control(
            recalls[0] >= _LEAST, f"already the clean model finds only {recalls[0]:.0%} of plain anomalies"
        )
        seen = f"recall {recalls[0]:.2f} before and {recalls[1]:.2f} after {_PERCENT} % of poisoned rows"
        if recalls[0] - recalls[1] > ctx.demands.max_poison_drop:
            return Observation(seen, _TRAIN, (Hole(_TRAIN, "recall drops", seen),))
        return Observation(seen, _TRAIN)
