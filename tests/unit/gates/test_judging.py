"""A condition holds, does not hold, or can't be told; at the limit, beyond it, and without data."""

from __future__ import annotations

from typing import Any

import pytest

from pynomaly_itest.gates import judge_condition
from pynomaly_itest.measure import Absence, Samples, exact, proportion
from pynomaly_itest.profile.expression import parse
from pynomaly_itest.verdicts import Verdict

P, F, I = Verdict.PASSED, Verdict.FAILED, Verdict.INCONCLUSIVE  # noqa: E741

FAST = Samples.of("latency_ms", [10.0 + n % 7 for n in range(500)], "ms")
VALUES: dict[str, Any] = {
    "detect": {
        "latency_ms": FAST,
        "error_ratio": lambda confidence: proportion(0, 500, confidence=confidence),
        "hits": lambda confidence: proportion(450, 500, confidence=confidence),
        "drifting": Samples.of("d", [1 + n / 150 for n in range(300)], "ms"),
        "bursty": Samples.of("b", [500.0 if 100 <= n < 110 else 2.0 for n in range(300)], "ms"),
        "slow_tail": Samples.of("t", [500.0 if n % 5 == 0 else 2.0 for n in range(300)], "ms"),
        "few": Samples.of("few", [1.0, 2.0], "ms"),
        "none": Samples.of("none", [], "ms"),
        "slower": Samples.of("slower", [30.0 + n % 7 for n in range(500)], "ms"),
        "slower_few": Samples.of("slower_few", [30.0, 31.0], "ms"),
        "nan": exact(float("nan"), "1", 10),
        "infinite": exact(float("inf"), "1", 10),
    },
    "target": {"rss_mb": Absence("its /metrics answered 404")},
    "benchmarks": {"detection_latency_ms": 100.0, "cache_hit_rate": 0.8},
    "status": 200,
    "odd": {"infinite": float("inf"), "nan": float("nan"), "items": [1] * 50},
    "body": {"name": "x", "nothing": None, "ok": True, "n": 5},
}


VALUES["scores"] = [float(n) for n in range(1000)]
VALUES["others"] = [*VALUES["scores"][:700], 5.5, *VALUES["scores"][701:]]


def test_lists_that_differ_are_told_by_place_not_by_their_first_numbers() -> None:
    found = judged("scores == others")
    assert (found.verdict, found.observed, found.limit) == (F, "[700] 700.0", "[700] 5.5")
    assert found.reason == "1 of 1,000 items differs: first [700], 700.0 against 5.5"
    same = judged("scores != scores")
    assert (same.verdict, same.reason) == (F, "1,000 items != 1,000 items does not hold")
    assert judged("scores == scores").observed == "1,000 items"
    assert judged("scores == odd.items").reason.startswith(
        "1,000 items against 50 items; they differ from [0] on"
    )


def judged(text: str, **options: Any) -> Any:
    return judge_condition(parse(text), VALUES, **options)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("detect.latency_ms.p95 <= benchmarks.detection_latency_ms", P),
        ("detect.latency_ms.p95 <= 0.1s", P),
        ("detect.latency_ms.p95 <= 5", F),
        ("detect.latency_ms.p50 <= 5ms", F),
        ("detect.latency_ms.max <= 16", P),
        ("detect.infinite >= 16", I),
        ("detect.infinite <= 16", F),
        ("detect.latency_ms.max <= odd.infinite", I),
        ("detect.latency_ms.p95 <= odd.infinite", I),
        ("odd.infinite >= 16", I),
        ("odd.infinite <= 16", F),
        ("odd.nan != 16", I),
        ("odd.nan not in [16]", I),
        ("odd.items.count <= 60", I),
        ("odd.items.0 == 1", P),
        ("detect.latency_ms.max < 16", F),
        ("16 >= detect.latency_ms.max", P),
        ("detect.latency_ms.n == 500", P),
        ("detect.error_ratio == 0", P),
        ("detect.hits >= benchmarks.cache_hit_rate", P),
        ("detect.hits >= 90%", I),
        ("detect.hits >= 95%", F),
        ("detect.few.p95 <= 100", I),
        ("detect.drifting.p95 <= 100", P),
        ("detect.drifting.p95 <= 2.5", I),
        ("detect.drifting.p50 >= 0.5", P),
        ("detect.drifting.p95 <= 1", F),
        ("detect.bursty.p95 <= 100", I),
        ("detect.slow_tail.p95 <= 100", F),
        ("detect.none.p95 <= 100", I),
        ("detect.none.max <= 100", I),
        ("detect.nan >= 0", I),
        ("detect.gone <= 1", I),
        ("target.rss_mb.max <= 512", I),
        ("status == 200", P),
        ("status in [201, 204]", F),
        ('body.name matches "^x$"', P),
        ("body.nothing == null", P),
        ("body.ok", P),
        ("not body.ok", F),
        ("status == 200 and detect.none.p95 <= 1", I),
        ("status == 404 and detect.none.p95 <= 1", F),
        ("status == 200 or detect.none.p95 <= 1", P),
        ("status == 404 or detect.none.p95 <= 1", I),
        ("not (detect.none.p95 <= 1)", I),
        ("not (detect.latency_ms.max <= 5)", P),
        ("not (status == 200 and body.ok)", F),
        ("detect.latency_ms.p95 <= detect.slower.p95", P),
        ("detect.latency_ms.p95 < detect.slower.mean", P),
        ("detect.slower.p95 <= detect.latency_ms.p95", F),
        ("detect.slower.p95 >= detect.latency_ms.p95", P),
        ("detect.latency_ms.p95 <= detect.slower_few.p95", I),
        ("detect.latency_ms.p95 <= detect.none.p95", I),
        ("detect.hits >= detect.hits", I),
        ("detect.latency_ms.max <= detect.slower.max", P),
    ],
)
def test_a_gate_is_judged(text: str, verdict: Verdict) -> None:
    assert judged(text).verdict is verdict, judged(text)


def test_a_judgement_tells_observed_limit_interval_and_count() -> None:
    told = judged("detect.hits >= benchmarks.cache_hit_rate")
    assert told.observed == pytest.approx(0.9)
    assert (told.limit, told.op, told.unit, told.n, told.confidence) == (0.8, ">=", "1", 500, 0.95)
    assert told.interval is not None
    assert 0.8 < told.interval[0] < 0.9 < told.interval[1]


def test_the_limit_is_told_in_the_unit_of_what_was_observed() -> None:
    told = judged("detect.latency_ms.p95 <= 0.1s")
    assert (told.limit, told.unit) == (pytest.approx(100.0), "ms")


def test_a_single_values_limit_is_told_in_its_unit_too() -> None:
    judged = judge_condition(parse("anomaly_rate >= 1%"), {"anomaly_rate": 0.1})
    assert (judged.verdict, judged.observed, judged.limit) == (P, 0.1, 0.01)
    assert judged.reason == "0.1 >= 0.01 holds"


def test_what_could_not_be_measured_tells_why() -> None:
    assert judged("target.rss_mb.max <= 512").reason == "its /metrics answered 404"


def test_a_reply_that_lacks_what_is_expected_has_failed() -> None:
    assert judged("body.gone == 1", absent=F).verdict is F
    assert judged("body.name > 1", absent=F).verdict is F


@pytest.mark.parametrize(
    "text",
    [
        "not body.gone",
        "not body.name",
        "not (body.gone == 1 and body.n == 5)",
        "not (body.n == 6 or body.gone == 1)",
        'not (body.gone matches "Traceback")',
        "not (body.n in body.nothing)",
        "not not body.gone",
        "body.ok and not body.gone",
    ],
)
def test_not_makes_no_pass_of_what_is_not_there(text: str) -> None:
    assert judged(text, absent=F).verdict is F, judged(text, absent=F)
    assert judged(text).verdict is I, judged(text)


def test_what_is_not_there_is_not_held_against_a_reply_that_holds_without_it() -> None:
    assert judged("body.ok or not body.gone", absent=F).verdict is P
    assert judged("not (body.gone == 1 and body.n == 6)", absent=F).verdict is P


def test_higher_confidence_asks_for_more() -> None:
    text = "detect.hits >= 0.87"
    assert judged(text, confidence=0.9).verdict is P
    assert judged(text, confidence=0.9999).verdict is I


def test_min_samples_is_asked_for() -> None:
    assert judged("detect.latency_ms.p95 <= 100", min_samples=501).verdict is I
    assert judged("detect.latency_ms.p95 <= 100", min_samples=500).verdict is P


@pytest.mark.parametrize(
    ("text", "measured", "observed", "limit", "op"),
    [
        ("a <= 5 or b <= 2", "a", 4, 5, "<="),
        ("a <= 3 or b <= 2", "b", 1, 2, "<="),
        ("a <= 3 or b <= 0", "a", 4, 3, "<="),
        ("a <= 5 and b <= 0", "b", 1, 0, "<="),
        ("not (a <= 3)", "a", 4, 3, ">"),
        ("a <= 3 or ok", "ok", True, True, "=="),
        ("a <= 5", None, 4, 5, "<="),
        ("5 >= latency_ms.p50", "latency_ms.p50", 1, 5, "<="),
        ("latency_ms.p50 <= 5", None, 1, 5, "<="),
    ],
)
def test_figures_are_named_by_the_comparison_that_decided(
    text: str, measured: str | None, observed: object, limit: object, op: str
) -> None:
    values = {"a": 4, "b": 1, "ok": True, "latency_ms": Samples.of("latency_ms", [1.0] * 500, "ms")}
    judged = judge_condition(parse(text), values)
    assert (judged.measured, judged.observed, judged.limit, judged.op) == (measured, observed, limit, op)


@pytest.mark.parametrize("absent", [F, I])
@pytest.mark.parametrize(
    ("pattern", "length", "verdict"),
    [
        ("needle", 1_000_000, P),
        ("need[a-z]e", 1_000_000, P),
        (r"\* needle", 1_000_000, F),
        ("nee.*dle", 20_000, P),
        ("nee.*dle", 1_000_000, Verdict.ERROR),
        ("n.*d.*e", 20_000, Verdict.ERROR),
    ],
)
def test_a_long_text_is_searched_or_is_an_error_of_ours(
    pattern: str, length: int, verdict: Verdict, absent: Verdict
) -> None:
    values = {"text": "-" * (length - 6) + "needle"}
    judged = judge_condition(parse(f"text matches '{pattern}'"), values, absent=absent)
    assert judged.verdict is verdict, judged.reason
    assert verdict is not Verdict.ERROR or "are searched" in judged.reason
