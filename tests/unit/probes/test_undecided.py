"""Every probe against targets that show it nothing: what can't be decided is never passed, and says why."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from weak_app import WeakApp
from weak_cases import CASES
from weak_context import context_of
from weak_serving import WeakTarget, serving

from pynomaly_itest.probing.demands import Demands
from pynomaly_itest.probing.engine import Finding, examine
from pynomaly_itest.probing.options import ProbeOptions
from pynomaly_itest.registry import PROBES
from pynomaly_itest.transport.client import open_client
from pynomaly_itest.verdicts import Verdict

OPEN = ("/api/v1/health", "/api/v1/auth/login", "/api/v1/admin/users")
REPLIES = {"blank": (200, b"{}"), "absent": (404, b"{}"), "a list": (200, b"[1]")}
SEEN_ALL_THE_SAME = {*(f"AUT-0{number}" for number in range(2, 7)), "AUT-08", "AUD-02"}
"""What login alone, or the audit log's own file, is enough for."""
SEEN_WHERE_ALL_IS_200 = {"JWT-09", "CFG-02", "DAT-02"}
FAILS_WHERE_ALL_IS_200 = {"DAT-01", "RES-01", "SES-01", "SES-03"}
"""Who answers 200 to whatever is asked does let a closed account in, and does throttle nobody."""


class Veiled:
    """Accounts can be made and logged in; of everything else it shows nothing but one same reply."""

    def __init__(self, app: WeakApp, status: int, body: bytes) -> None:
        self._app, self._status, self._body = app, status, body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self._status, "headers": []})
        await send({"type": "http.response.body", "body": self._body})


def of_veiled(probe: str, folder: Path, veil: str) -> list[Finding]:
    app = WeakApp(folder, asymmetric=CASES[probe].asymmetric)
    with serving(Veiled(app, *REPLIES[veil])) as url:
        target = WeakTarget(url, app)

        async def examined() -> list[Finding]:
            async with open_client(url, 30.0) as client:
                demands = Demands.model_validate(CASES[probe].demands)
                ctx = context_of(target, client, demands, CASES[probe].environment)
                return [one async for one in examine([PROBES[probe]], ctx, ProbeOptions())]

        return asyncio.run(examined())


@pytest.mark.parametrize("veil", REPLIES)
@pytest.mark.parametrize("probe", sorted(CASES))
def test_what_a_target_does_not_show_is_never_passed(tmp_path: Path, probe: str, veil: str) -> None:
    if probe.startswith("FUZ"):
        pytest.importorskip("schemathesis", reason="the optional extra fuzz is not installed")
    findings = of_veiled(probe, tmp_path, veil)
    verdicts = {finding.verdict for finding in findings}
    served = REPLIES[veil][0] == 200
    if probe in SEEN_ALL_THE_SAME or (served and probe in SEEN_WHERE_ALL_IS_200):
        assert verdicts == {Verdict.PASSED}, findings
    elif served and probe in FAILS_WHERE_ALL_IS_200:
        assert verdicts == {Verdict.FAILED}, findings
    else:
        assert verdicts <= {Verdict.INCONCLUSIVE, Verdict.SKIPPED}, findings
        assert all(finding.reason for finding in findings)
