"""What is not a weakness: answers that vary by themselves, and a policy that is about another service."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from weak_app import WeakApp
from weak_cases import POLICY
from weak_examined import examined

from pynomaly_itest.probes.aut_05 import _differing, _is_time
from pynomaly_itest.verdicts import Verdict

VARYING = {
    "a clock that turns at every answer": lambda n: {"date": f"Sat, 28 Nov 2026 08:00:{n % 60:02d} GMT"},
    "a clock that turns once in a while": lambda n: {"date": f"Sat, 28 Nov 2026 08:00:{n // 5:02d} GMT"},
    "seconds since 1970": lambda n: {"x-now": str(1_795_000_000 + n // 3)},
    "an instant": lambda n: {"x-at": f"2026-11-28T08:00:{n // 4:02d}Z"},
    "an id": lambda n: {"x-request-id": f"{n * 7919:x}"},
    "a duration": lambda n: {"server-timing": f"app;dur={n / 7:.3f}"},
    "one of two servers": lambda n: {"x-served-by": f"node-{n * 7 // 3 % 2}"},
    "a budget that is spent": lambda n: {"x-remaining": str(1000 - n)},
}


@pytest.mark.parametrize("name", VARYING)
def test_what_varies_by_itself_does_not_tell_who_exists(tmp_path: Path, name: str) -> None:
    app, numbers = WeakApp(tmp_path), itertools.count()
    app.varying = lambda: VARYING[name](next(numbers))
    (finding,) = examined(app, "AUT-05")
    assert finding.verdict is Verdict.PASSED, finding.reason


@pytest.mark.parametrize("name", VARYING)
def test_what_tells_is_found_beside_what_varies(tmp_path: Path, name: str) -> None:
    app, numbers = WeakApp(tmp_path, "AUT-05"), itertools.count()
    app.varying = lambda: VARYING[name](next(numbers))
    (finding,) = examined(app, "AUT-05")
    assert (finding.verdict, finding.reason) == (
        Verdict.FAILED,
        "the answers for a known and an unknown name differ in body detail",
    )


def test_parts_tell_by_what_they_are_and_by_being_there() -> None:
    same = {"status": "401", "body detail": "no"}
    assert _differing([same] * 3, [same] * 3) == set()
    assert _differing([{**same, "header x": "1"}] * 3, [same] * 3) == {"header x"}
    assert _differing([{**same, "header x": str(n)} for n in range(3)], [same] * 3) == {"header x"}
    assert _differing([{**same, "header x": "1"}, same], [same] * 2) == set(), "it may come and go by itself"
    assert (
        _differing([{**same, "x": str(n)} for n in range(3)], [{**same, "x": str(n)} for n in range(3, 6)])
        == set()
    )


@pytest.mark.parametrize(
    ("text", "is_time"),
    [
        ("Sat, 28 Nov 2026 08:00:00 GMT", True),
        ("2026-11-28T08:00:00.123456+00:00", True),
        ("1795000000", True),
        ("1795000000123", True),
        ("1795000000.5", True),
        ("401", False),
        ("no such user", False),
        ("", False),
    ],
)
def test_a_time_is_known_by_its_look(text: str, is_time: bool) -> None:
    assert _is_time(text) is is_time


def test_a_policy_of_another_service_is_no_finding(tmp_path: Path) -> None:
    foreign = {f"GET /elsewhere/{number}": ["admin"] for number in range(30)}
    policy = {**foreign, "GET /api/v1/health": POLICY["GET /api/v1/health"]}
    (finding,) = examined(WeakApp(tmp_path), "AZ-03", policy=policy)
    assert finding.verdict is Verdict.SKIPPED
    assert "another service's" in str(finding.reason)


def test_a_short_policy_of_this_service_is_held_against_all_of_it(tmp_path: Path) -> None:
    name = "GET /api/v1/datasets"
    findings = examined(WeakApp(tmp_path), "AZ-03", policy={name: POLICY[name]})
    assert {finding.verdict for finding in findings} == {Verdict.FAILED}
    assert all("does not mention" in str(finding.reason) for finding in findings)
