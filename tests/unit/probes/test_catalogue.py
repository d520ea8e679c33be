"""Every probe against an application with the weakness that it looks for, and against one without."""

from __future__ import annotations

import re
from typing import Protocol

import pytest
from weak_cases import CASES

from pynomaly_itest.probing.demands import Demands
from pynomaly_itest.probing.engine import Finding
from pynomaly_itest.probing.probe import EACH_OPERATION, SENT_FOR_ALL
from pynomaly_itest.registry import PROBES
from pynomaly_itest.verdicts import Verdict


class Tried(Protocol):
    """The fixture: gives the findings, and keeps what the application was asked for."""

    asked: set[str]

    def __call__(self, probe: str, *holes: str, **more: object) -> list[Finding]: ...


def said(tried: Tried, probe: str, *holes: str) -> list[Finding]:
    if probe.startswith("FUZ"):
        pytest.importorskip("schemathesis", reason="the optional extra fuzz is not installed")
    case = CASES[probe]
    demands = Demands.model_validate(case.demands)
    return tried(probe, *holes, demands=demands, asymmetric=case.asymmetric, **case.environment)


def compared(probe: str, asked: set[str]) -> tuple[list[str], list[str]]:
    """What the probe says that it sends and did not, and what it sent and does not say."""
    said = {each: pattern(each) for each in (*PROBES[probe].sends, *SENT_FOR_ALL)}
    unused = [
        each
        for each in PROBES[probe].sends
        if each != EACH_OPERATION and not any(said[each].fullmatch(one) for one in asked)
    ]
    if EACH_OPERATION in PROBES[probe].sends:
        return unused, []
    return unused, [each for each in asked if not any(one.fullmatch(each) for one in said.values())]


def pattern(said: str) -> re.Pattern[str]:
    method, _, path = said.partition(" ")
    whole = f"{method} {path if path.startswith('/') else f'/api/v1/{path}'}"
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]*", re.escape(whole)))


def test_every_probe_of_the_catalogue_has_its_case() -> None:
    assert {*CASES, "CFG-06"} == set(PROBES)  # CFG-06 needs servers of its own: test_tls.py


@pytest.mark.parametrize("probe", sorted(CASES))
def test_a_probe_finds_its_hole(tried: Tried, probe: str) -> None:
    findings = said(tried, probe, probe)
    assert {finding.verdict for finding in findings} == {Verdict.FAILED}, findings
    assert all(finding.reason and finding.where for finding in findings)
    assert not compared(probe, tried.asked)[1]


@pytest.mark.parametrize("probe", sorted(CASES))
def test_a_probe_raises_no_alarm_where_there_is_no_hole(tried: Tried, probe: str) -> None:
    findings = said(tried, probe)
    assert len(findings) == 1, [finding.reason for finding in findings]
    (finding,) = findings
    assert finding.verdict is Verdict.PASSED, finding
    assert finding.observed
    unused, unsaid = compared(probe, tried.asked)
    assert not unused
    assert not unsaid
