"""What a load says about overload and about wrong answers, in figures that gates can ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pynomaly_itest.load.answers import distinct
from pynomaly_itest.load.frames import End
from pynomaly_itest.load.ledger import Batch, Ledger
from pynomaly_itest.load.outcomes import UNANSWERED, Outcome
from pynomaly_itest.load.plan import LoadPlan
from pynomaly_itest.load.result import Metric
from pynomaly_itest.measure.correlation import inflation
from pynomaly_itest.measure.estimate import Absence, Estimate, exact, no_data
from pynomaly_itest.measure.proportions import proportion


def overload_figures(
    ledger: Ledger, outcomes: Counter[Outcome], raw: Batch | None, wait_s: float, confidence: float
) -> dict[str, Metric]:
    """What was refused politely, what hung, what was taken and never answered, and how long the rest took.

    shed_with_retry_after: the share of refusals that say when to come back; of no refusal there is none.
    """
    judged = ledger.requests - outcomes[Outcome.UNFINISHED]
    polite, shed = outcomes[Outcome.SHED], outcomes[Outcome.SHED] + outcomes[Outcome.SHED_UNTOLD]
    said = exact(polite / shed, "1", shed) if shed else no_data("1")
    return {
        "goodput_ratio": _good_share(ledger, raw, judged, confidence),
        "shed": count_of(shed, judged),
        "shed_with_retry_after": said,
        "refused": count_of(outcomes[Outcome.REFUSED], judged),
        "reset": count_of(outcomes[Outcome.RESET], judged),
        "hung": count_of(outcomes[Outcome.TIMED_OUT], judged),
        "unanswered": count_of(sum(outcomes[outcome] for outcome in UNANSWERED), judged),
        "drain_seconds": exact(wait_s, "s", judged) if judged else no_data("s"),
    }


def _good_share(ledger: Ledger, raw: Batch | None, judged: int, confidence: float) -> Estimate:
    """Right and timely answers among all requests; late ones come together, so they count as fewer than they are."""
    good = sum(ledger.good_bins.values())
    effective: float | None = None
    if raw is not None and 0 < good < judged:
        in_time = raw.succeeded & (raw.latency_ms <= ledger.objective_ms)
        effective = judged / inflation(in_time.astype(float), confidence=confidence)
    return proportion(good, judged, confidence=confidence, n_effective=effective)


def answer_figures(
    plan: LoadPlan, outcomes: Counter[Outcome], ends: Sequence[End], confidence: float
) -> dict[str, Metric]:
    """How many answers were compared with what they must be, and what came of it.

    Where all bodies have one and the same answer, replies that were swapped could not be told: that is no pass.
    """
    verified = sum(end.verified for end in ends)
    wrong, swapped = outcomes[Outcome.WRONG_ANSWER] + outcomes[Outcome.BAD_BODY], outcomes[Outcome.SWAPPED]
    answers = [answer for endpoint in plan.endpoints for answer in endpoint.answers]
    told = count_of(swapped, verified)
    untold = Absence("all bodies have the same answer: a reply to another one could not be told")
    return {
        "verified": exact(verified, "1", max(1, verified)),
        "wrong": count_of(wrong + swapped, verified),
        "swapped": told if swapped or distinct(answers) > 1 else untold,
        "wrong_ratio": proportion(min(verified, wrong + swapped), verified, confidence=confidence),
    }


def count_of(count: int, n: int) -> Estimate:
    """A count among n: of none at all, it says nothing."""
    return exact(count, "1", n) if n else no_data("1")
