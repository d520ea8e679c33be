"""Every probe against an application with the weakness that it looks for, and against one without."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from weak_cases import CASES

from pynomaly_itest.probing.demands import Demands
from pynomaly_itest.probing.engine import Finding
from pynomaly_itest.registry import PROBES
from pynomaly_itest.verdicts import Verdict

Tried = Callable[..., list[Finding]]


def said(tried: Tried, probe: str, *holes: str) -> list[Finding]:
    if probe.startswith("FUZ"):
        pytest.importorskip("schemathesis", reason="the optional extra fuzz is not installed")
    case = CASES[probe]
    demands = Demands.model_validate(case.demands)
    return tried(probe, *holes, demands=demands, asymmetric=case.asymmetric, **case.environment)


def test_every_probe_of_the_catalogue_has_its_case() -> None:
    assert {*CASES, "CFG-06"} == set(PROBES)  # CFG-06 needs servers of its own: test_tls.py


@pytest.mark.parametrize("probe", sorted(CASES))
def test_a_probe_finds_its_hole(tried: Tried, probe: str) -> None:
    findings = said(tried, probe, probe)
    assert {finding.verdict for finding in findings} == {Verdict.FAILED}, findings
    assert all(finding.reason and finding.where for finding in findings)


@pytest.mark.parametrize("probe", sorted(CASES))
def test_a_probe_raises_no_alarm_where_there_is_no_hole(tried: Tried, probe: str) -> None:
    findings = said(tried, probe)
    assert len(findings) == 1, [finding.reason for finding in findings]
    (finding,) = findings
    assert finding.verdict is Verdict.PASSED, finding
    assert finding.observed
