"""ML-04: scores of rows from the training data, and of rows like them."""

from __future__ import annotations

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

_PREDICT = "POST /api/v1/detection/predict"
_ROWS, _PLAIN = 300, 0.9


def _auc(low: list[float], high: list[float]) -> float:
    """How often a value of `high` is above one of `low`, ties counted half (Mann and Whitney 1947)."""
    wins = sum((b > a) + 0.5 * (b == a) for a in low for b in high)
    return wins / (len(low) * len(high))


@PROBES.register("ML-04")
class MembershipTold(Probe):
    id = "ML-04"
    title = "Scores do not tell which rows were trained on"
    cwe = 203
    references = ("OWASP ML04:2023",)
    severity = Severity.MEDIUM
    impact = Impact.READS
    sends = (*SENT_FOR_TRAINED, "POST detection/predict")
    needs = ("user_a",)
    expected = "the scores of both kinds are alike (AUC near 0.5)"
    why = "Whoever learns that a row was in the data may learn who was a patient."
    mend = "Regularise, and give no more digits of a score than are needed."

    async def run(self, ctx: ProbeContext) -> Observation:
        owner = await ctx.actors.get("user_a")
        members = [[round(value, 6) for value in row] for row in blob(ctx.seed + 4, _ROWS)]
        others = [[round(value, 6) for value in row] for row in blob(ctx.seed + 5, _ROWS)]
        dataset, detector = await dataset_of(ctx, owner, csv_of(members)), await detector_of(ctx, owner)
        await trained(ctx, owner, detector, dataset)
        inside = (await predicted(ctx, owner, detector, members))["anomaly_scores"]
        outside = (await predicted(ctx, owner, detector, others))["anomaly_scores"]
        far = (await predicted(ctx, owner, detector, blob(ctx.seed, 0, far=20)))["anomaly_scores"]
        ctx.control(_auc(inside, far) > _PLAIN, "the scores do not even tell plain anomalies")
        auc = max(_auc(inside, outside), 1 - _auc(inside, outside))
        seen = f"the AUC between {_ROWS} trained and {_ROWS} like rows is {auc:.2f}"
        if auc > ctx.demands.max_membership_auc:
            return Observation(seen, _PREDICT, (Hole(_PREDICT, "membership", seen),))
        return Observation(seen, _PREDICT)
