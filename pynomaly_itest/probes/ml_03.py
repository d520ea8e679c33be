"""ML-03: a budget of queries, and a copy of the model made of the answers."""

from __future__ import annotations

import random

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import SENT_FOR_MODEL, model_of, predicted
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body

_PREDICT = "POST /api/v1/detection/predict"
_TESTS, _REACH = 400, 4.0


def _row(source: random.Random) -> list[float]:
    return [source.uniform(-_REACH, _REACH) for _ in range(3)]


def _nearest(row: list[float], known: list[list[float]], labels: list[int]) -> int:
    """The label of the nearest row that was asked about: the plainest copy there is."""
    distances = [sum((a - b) ** 2 for a, b in zip(row, other, strict=True)) for other in known]
    return labels[distances.index(min(distances))]


def _kappa(truth: list[int], guessed: list[int]) -> float:
    """Cohen's kappa: 1 is perfect agreement, 0 what chance gives (Cohen 1960)."""
    n = len(truth)
    agreed = sum(a == b for a, b in zip(truth, guessed, strict=True)) / n
    ones = sum(truth) / n * sum(guessed) / n
    zeros = (1 - sum(truth) / n) * (1 - sum(guessed) / n)
    chance = ones + zeros
    return 1.0 if chance == 1.0 else (agreed - chance) / (1 - chance)


@PROBES.register("ML-03")
class StolenModel(Probe):
    id = "ML-03"
    title = "A model can not be copied with few queries"
    cwe = 770
    references = ("OWASP ML05:2023", "ASVS 5.0.0 V2.4.1")
    severity = Severity.MEDIUM
    impact = Impact.DISRUPTS
    sends = (*SENT_FOR_MODEL, "POST detection/predict")
    needs = ("user_a",)
    expected = "the queries are throttled, or the copy agrees badly"
    why = "Whoever has a copy tries his way around it at home, unseen."
    mend = "Limit queries an account, and give labels or coarse scores rather than exact ones."

    async def run(self, ctx: ProbeContext) -> Observation:
        model = await model_of(ctx, "user_a")
        source = random.Random(ctx.seed + 3)  # noqa: S311 - test data
        asked = [_row(source) for _ in range(ctx.demands.surrogate_queries)]
        answers: list[int] = []
        for row in asked:
            body = Body(json={"detector_id": model.detector, "rows": [row]})
            reply = await ctx.send(
                "POST", "detection/predict", actor=model.owner, body=body, throttled_ok=True
            )
            if reply.status == 429:
                return Observation(f"throttled after {len(answers)} queries", _PREDICT, (), reply.exchange)
            answers.append(ctx.require_status(reply, (200,), "POST detection/predict")["anomaly_labels"][0])
        fresh = [_row(source) for _ in range(_TESTS)]
        truth = (await predicted(ctx, model.owner, model.detector, fresh))["anomaly_labels"]
        ctx.control(0 < sum(truth) < len(truth), "the model gives every row the same label")
        fidelity = _kappa(truth, [_nearest(row, asked, answers) for row in fresh])
        seen = f"after {len(asked)} queries a copy agrees with the model (kappa {fidelity:.2f})"
        if fidelity > ctx.demands.max_surrogate_fidelity:
            return Observation(seen, _PREDICT, (Hole(_PREDICT, "copied", seen),))
        return Observation(seen, _PREDICT)
