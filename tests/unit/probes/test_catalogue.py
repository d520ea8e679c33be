"""Every probe against an application with the weakness that it looks for, and against one without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from pynomaly_itest.probing.demands import Demands
from pynomaly_itest.probing.engine import Finding
from pynomaly_itest.registry import PROBES
from pynomaly_itest.verdicts import Verdict

Tried = Callable[..., list[Finding]]


@dataclass(frozen=True)
class Case:
    """`demands`: the profile's limits for this probe; `asymmetric`: tokens signed with a published RSA key."""

    demands: dict[str, Any] = field(default_factory=dict)
    asymmetric: bool = False
    environment: dict[str, str] = field(default_factory=dict)


CASES: dict[str, Case] = {
    "JWT-01": Case(),
    "JWT-02": Case(),
    "AUT-01": Case(),
    "SES-01": Case(),
    "AZ-01": Case(),
}


def said(tried: Tried, probe: str, *holes: str) -> list[Finding]:
    case = CASES[probe]
    demands = Demands.model_validate(case.demands)
    return tried(probe, *holes, demands=demands, asymmetric=case.asymmetric, **case.environment)


def test_every_probe_of_the_catalogue_has_its_case() -> None:
    assert set(CASES) == set(PROBES)


@pytest.mark.parametrize("probe", sorted(CASES))
def test_a_probe_finds_its_hole(tried: Tried, probe: str) -> None:
    findings = said(tried, probe, probe)
    assert {finding.verdict for finding in findings} == {Verdict.FAILED}, findings
    assert all(finding.reason and finding.where for finding in findings)


@pytest.mark.parametrize("probe", sorted(CASES))
def test_a_probe_raises_no_alarm_where_there_is_no_hole(tried: Tried, probe: str) -> None:
    (finding,) = said(tried, probe)
    assert finding.verdict is Verdict.PASSED, finding
    assert finding.observed
