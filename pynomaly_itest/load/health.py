"""The generator judges itself: where it could not keep up, its figures are about itself, not about the target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pynomaly_itest.load.executors import ConstantArrivalRate, RampingArrivalRate
from pynomaly_itest.load.frames import End
from pynomaly_itest.load.ledger import Ledger
from pynomaly_itest.load.pacers import pacer_of
from pynomaly_itest.load.plan import LoadPlan
from pynomaly_itest.load.result import Calibration, GeneratorHealth

MOST_CPU_SHARE = 0.8
LAG_SHARE = 0.1
TOLERABLE_LAG_MS = 1.0
"""Below this, lag is what the system's scheduler costs anyone; response times include it, so none is flattered."""
_SHORTEST_S = 0.5  # below, a share of the CPU is mostly the start


@dataclass(frozen=True)
class Symptoms:
    """What the generator's state is judged by, in ms."""

    latency_p50_ms: float
    lag_p50_ms: float
    lag_p99_ms: float


def judged_health(
    plan: LoadPlan,
    ledger: Ledger,
    ends: Sequence[End],
    complaints: Sequence[str],
    symptoms: Symptoms,
    calibration: Calibration | None,
    part: LoadPlan | None,
) -> GeneratorHealth:
    """Whether the generator kept up: lag within a tenth of the median latency, CPU at most 80 % of a core.

    part: what was to be sent since `ledger.before`, all of it by now; None of a load that goes on.
    """
    requests = ledger.requests + ledger.warm_up_requests
    cpu_share = max((end.cpu_s / end.wall_s for end in ends if end.wall_s >= _SHORTEST_S), default=0.0)
    late = _late(plan, symptoms)
    reasons = [*complaints, *late]
    if cpu_share > MOST_CPU_SHARE:
        reasons.append(
            f"a load worker was busy {cpu_share * 100:.0f} % of the time: lower the load or set workers to "
            f"{plan.workers + 1} or more"
        )
    starved = sum(end.starved for end in ends)
    if starved:
        reasons.append(
            f"{starved} connections failed for want of sockets here: lower max_in_flight, or raise ulimit -n"
        )
    unsent = _unsent(part, ledger) if part is not None and not complaints else []
    reasons += unsent
    return GeneratorHealth(
        kept_up=not reasons,
        reasons=tuple(reasons),
        cpu_share=cpu_share,
        cost_us=sum(end.cpu_s for end in ends) / requests * 1e6 if requests else math.nan,
        lag_p99_ms=symptoms.lag_p99_ms,
        retried=sum(end.retried for end in ends),
        workers=plan.workers,
        is_late_only=bool(late) and reasons == late,
        is_usable=not complaints and not unsent,
        is_open=plan.executor.is_open,
        starved=starved,
        calibration=calibration,
    )


def _late(plan: LoadPlan, symptoms: Symptoms) -> list[str]:
    """Lag of arrivals is judged by its 99th percentile. In a closed model nothing is due at a time: there it is
    a heartbeat's, one in a hundred of which meets another process, and judged by its median.
    """
    lag_ms = symptoms.lag_p99_ms if plan.executor.is_open else symptoms.lag_p50_ms
    if not lag_ms > max(TOLERABLE_LAG_MS, LAG_SHARE * symptoms.latency_p50_ms):
        return []
    which = "99th percentile" if plan.executor.is_open else "median"
    late = f"the generator was late by {lag_ms:.3g} ms ({which})"
    against = f"where the target's median latency is {symptoms.latency_p50_ms:.3g} ms"
    return [f"{late} {against}: lower the rate, add workers, or take load off this machine"]


def _unsent(plan: LoadPlan, ledger: Ledger) -> list[str]:
    """Every planned arrival must have an end of some kind; that one is missing would be our own fault."""
    if not isinstance(plan.executor, ConstantArrivalRate | RampingArrivalRate) or ledger.stopped:
        return []
    pacer = pacer_of(plan.executor, plan.seed)
    total = ledger.requests + ledger.warm_up_requests - ledger.before
    planned = total + pacer.arrivals(total, 1_000_000).size
    return [] if planned == total else [f"{planned - total} of {planned} arrivals have no result"]
