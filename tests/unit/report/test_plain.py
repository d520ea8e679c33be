"""The facts of a concern in plain words."""

from __future__ import annotations

import math
from typing import Any

import pytest
from report_builders import finding, gate, one

from pynomaly_itest.report.attention import concerns
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.plain import concern_lines, gate_facts, interval_text, margin_text
from pynomaly_itest.verdicts import Verdict


def _gate(**fields: Any) -> Any:
    return describe(one(Verdict.PASSED, gate("a", **fields))).scenarios[0].gates[0]


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        ((8.1, 8.9), "8.1 to 8.9 ms at 95 % confidence"),
        ((9.0, math.inf), "at least 9 ms at 95 % confidence"),
        ((-math.inf, 4.0), "at most 4 ms at 95 % confidence"),
        ((-math.inf, math.inf), "unbounded at 95 % confidence"),
        (None, "–"),
    ],
)
def test_intervals_in_words(interval: tuple[float, float] | None, text: str) -> None:
    assert interval_text(_gate(interval=interval, unit="ms", confidence=0.95)) == text


def test_an_interval_of_unknown_confidence_claims_none() -> None:
    assert interval_text(_gate(interval=(1.0, 2.0))) == "1 to 2"


def test_margins_in_words() -> None:
    assert margin_text(_gate(op="<=", observed=61.2, limit=50, unit="ms")) == "−11.2 ms (−22.4 %)"
    assert margin_text(_gate(op="==", observed=1, limit=0)) == "−1"
    assert margin_text(_gate(op="<=", observed=None, limit=50)) == "–"


def test_only_what_is_known_is_told() -> None:
    assert gate_facts(_gate(op="<=", observed=None, limit=50)) == ["observed –, limit <= 50"]
    assert gate_facts(_gate(observed="yes", limit="no")) == ["observed yes, limit no"]


def test_a_finding_tells_risk_and_mend_in_order() -> None:
    found = finding(
        "a",
        Verdict.FAILED,
        where="GET /me",
        expected="401",
        observed="200",
        why="theft",
        mend="check",
        reason="r",
    )
    (concern,) = concerns(describe(one(Verdict.FAILED, found)))
    assert concern_lines(concern) == [
        "failed: JWT-01 An unsigned token is refused",
        "  severity: high",
        "  at: GET /me",
        "  expected: 401",
        "  observed: 200",
        "  risk: theft",
        "  mend: check",
        "  why: r",
    ]
