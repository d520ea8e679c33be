"""Judges a limit on a quantile by how many samples lie beyond it: that is what the limit is about.

"p95 <= 100 ms" says that at most 5 % of the requests take longer. So the requests beyond the limit are counted,
and what their count tells depends on how *they* cluster, not on how latencies near the quantile do: 300
requests of 2 ms certify a p95 of 100 ms, even if their latencies drift between 1 and 3.
"""

from __future__ import annotations

import math
from typing import Any, Literal

from pynomaly_itest.measure.correlation import inflation_beyond, inflation_of_windows
from pynomaly_itest.measure.judge import COMPARE, WORTH_TELLING, Judgement, to_settle
from pynomaly_itest.measure.proportions import proportion
from pynomaly_itest.measure.quantiles import CERTAIN_ENOUGH, samples_needed
from pynomaly_itest.measure.samples import Samples
from pynomaly_itest.verdicts import Verdict


def judge_quantile(
    samples: Samples,
    p: float,
    op: Literal["<", "<=", ">", ">="],
    limit: float,
    *,
    confidence: float = 0.95,
    min_samples: int = 1,
) -> Judgement:
    """Judge "the p-quantile of the samples op limit" (0 < p < 1, limit in the samples' unit).

    Passed if, at `confidence`, no larger share lies beyond the limit than the quantile allows, from at least as
    many samples as certify it at 99 %; failed if a larger share does; inconclusive otherwise, and without data.
    """
    n, allowed = samples.n, (1 - p if op in ("<", "<=") else p)
    if n == 0:
        return Judgement(Verdict.INCONCLUSIVE, "no samples: nothing was measured", max(1, min_samples))
    if not math.isfinite(limit) or not _all_finite(samples):
        return Judgement(Verdict.INCONCLUSIVE, "a measured value or the limit is not a finite number")
    beyond = _share_beyond(samples, op, limit, allowed, confidence)
    seen = f"{beyond.count} of {n} samples are not {op} {limit:.6g} ({100 * beyond.count / n:.3g} %"
    if beyond.low > allowed:
        told = f"{seen}, surely over {100 * beyond.low:.3g} %); {100 * allowed:.3g} % are allowed"
        return Judgement(Verdict.FAILED, told)
    told = f"{seen}, at most {100 * beyond.high:.3g} % at {100 * confidence:.4g} %); {100 * allowed:.3g} % are allowed"
    needed = max(min_samples, samples_needed(1 - allowed, max(confidence, CERTAIN_ENOUGH)))
    if n < needed:
        why = (
            ""
            if needed == min_samples
            else f" to certify a pass at {100 * max(confidence, CERTAIN_ENOUGH):.4g} %"
        )
        return Judgement(
            Verdict.INCONCLUSIVE, f"{n} samples are too few: {needed} are needed{why}. {told}", needed
        )
    if beyond.high <= allowed:
        return Judgement(Verdict.PASSED, told)
    needed_in_all = beyond.needed(allowed, confidence)
    between = f"{100 * beyond.low:.3g} to {100 * beyond.high:.3g} % at {100 * confidence:.4g} %"
    told = f"{seen}, truly {between}); {100 * allowed:.3g} % are allowed"
    return Judgement(Verdict.INCONCLUSIVE, f"{told}: {to_settle(needed_in_all, n)}", needed_in_all)


class _Beyond:
    """How many samples lie beyond the limit, and between which shares the true share lies."""

    def __init__(self, count: int, n: int, inflated: float, confidence: float) -> None:
        share = proportion(count, n, confidence=confidence, n_effective=n / inflated)
        self.count, self.n, self.inflated = count, n, inflated
        self.low = share.low if share.low is not None else 0.0
        self.high = share.high if share.high is not None else 1.0
        if count == 0:  # nothing can be lower: all of the error may lie above (so 90 certify a p95 at 99 %)
            self.high = 1 - (1 - confidence) ** (inflated / n)

    def needed(self, allowed: float, confidence: float) -> int | None:
        """How many samples would decide it if the share stayed what it is; None if too many to be worth telling."""
        from scipy.special import ndtri

        share = self.count / self.n
        apart = abs(share - allowed)
        variance = self.inflated * max(allowed * (1 - allowed), share * (1 - share))
        spread = 1.1 * float(ndtri((1 + confidence) / 2)) * math.sqrt(variance)
        if not spread < apart * math.sqrt(self.n * WORTH_TELLING):
            return None
        return max(math.ceil(1.2 * self.n), math.ceil((spread / apart) ** 2))


def _share_beyond(samples: Samples, op: str, limit: float, allowed: float, confidence: float) -> _Beyond:
    if samples.is_folded:
        used = [window for window in samples.windows if window.n]  # a stall leaves stretches without any
        within = [_share_within(window.fraction_at_most(limit), op) for window in used]
        sizes = [window.n for window in used]
        count = round(sum((1 - share) * size for share, size in zip(within, sizes, strict=True)))
        variance = allowed * (1 - allowed)
        return _Beyond(
            count, samples.n, inflation_of_windows(within, sizes, variance, confidence=confidence), confidence
        )
    holds: Any = COMPARE[op]  # the operators do arrays as they do numbers
    beyond = ~holds(samples.values, limit)
    count = int(beyond.sum())
    inflated = inflation_beyond(samples.values, beyond, allowed, limit, confidence=confidence)
    return _Beyond(count, samples.n, inflated, confidence)


def _share_within(at_most: float, op: str) -> float:
    return at_most if op in ("<", "<=") else 1 - at_most


def _all_finite(samples: Samples) -> bool:
    import numpy as np

    return samples.is_folded or bool(np.isfinite(samples.values).all())
