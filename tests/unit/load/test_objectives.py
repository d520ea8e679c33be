"""When a load ends itself: an objective is broken on end, by the target and not by us."""

from __future__ import annotations

import numpy as np

from pynomaly_itest.load import Outcome
from pynomaly_itest.load.ledger import Ledger
from pynomaly_itest.load.objectives import Abort, Objective, Watch, mistake_in

MS = 1_000_000
SLOW = Abort((Objective("latency_ms.p95", 100.0),), after_s=1.0)


def tell(
    ledger: Ledger,
    from_s: float,
    to_s: float,
    latency_ms: float,
    *,
    lag_ms: float = 0.0,
    outcome: Outcome = Outcome.STATUS_2XX,
) -> None:
    """100 requests a second that were due then."""
    rows = []
    for due_ms in np.arange(1000 * from_s, 1000 * to_s, 10):
        due, sent = int(due_ms * MS), int((due_ms + lag_ms) * MS)
        done = int((due_ms + latency_ms) * MS)
        rows.append([outcome << 1 | (outcome is Outcome.STATUS_2XX), due, sent, sent, done, done])
    ledger.add_rows(np.array(rows, dtype=np.int64).tobytes())


def first_break(watch: Watch, ledger: Ledger, seconds: float) -> tuple[float, str] | None:
    """When the watch, looking four times a second, wants the load to end."""
    for at_s in np.arange(0.25, seconds, 0.25):
        why = watch.broken(ledger, float(at_s))
        if why is not None:
            return float(at_s), why
    return None


def test_what_stays_broken_ends_the_load_and_what_recovers_does_not() -> None:
    ledger = Ledger(0.0, 1)
    tell(ledger, 0, 1, 5)
    tell(ledger, 1, 4, 500)
    found = first_break(Watch(SLOW), ledger, 5)
    assert found is not None
    assert "latency_ms.p95 was 500 ms over the last 1 s, at most 100 ms is wanted" in found[1]
    healthy = Ledger(0.0, 1)
    tell(healthy, 0, 4, 5)
    assert first_break(Watch(SLOW), healthy, 5) is None


def test_our_own_lateness_ends_nothing() -> None:
    ledger = Ledger(0.0, 1)
    tell(ledger, 0, 4, 500, lag_ms=495)
    assert first_break(Watch(SLOW), ledger, 5) is None


def test_errors_and_wrong_answers_have_shares_of_their_own() -> None:
    ledger = Ledger(0.0, 1)
    tell(ledger, 0, 4, 5, outcome=Outcome.SWAPPED)
    for name in ("error_ratio", "wrong_ratio"):
        assert first_break(Watch(Abort((Objective(name, 0.5),), after_s=1.0)), ledger, 5) is not None
    shed = Ledger(0.0, 1)
    tell(shed, 0, 4, 5, outcome=Outcome.SHED)
    assert first_break(Watch(Abort((Objective("wrong_ratio", 0.5),))), shed, 5) is None


def test_silence_breaks_nothing_by_itself() -> None:
    """What is not answered ends as timed out, and that counts."""
    silent = Ledger(0.0, 1)
    assert first_break(Watch(SLOW), silent, 5) is None
    tell(silent, 0, 3, 2000, outcome=Outcome.TIMED_OUT)
    assert first_break(Watch(SLOW), silent, 6) is not None


def test_names_of_objectives() -> None:
    assert mistake_in("latency_ms.p99.9") is None
    assert mistake_in("error_ratio") is None
    for wrong in ("latency_ms", "latency_ms.p0", "latency_ms.p100", "throughput"):
        assert "unknown objective" in (mistake_in(wrong) or "")
