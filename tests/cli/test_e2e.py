"""The e2e profile: green on a healthy platform, of which it uses every route; red where a use case is taken out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Itest, Platform, serving, start_platform

SUPPORT = Path(__file__).resolve().parents[1] / "support"

TAKEN_OUT = {
    "POST /api/v1/detection/stream": "streaming",
    "POST /api/v1/detection/detect/batch": "batch-detection",
    "POST /api/v1/detection/evaluate": "comparison",
    "GET /api/v1/detection/results/{id}": "retraining[algorithm=ecod]",
    "PATCH /api/v1/detectors/{id}": "parameters",
    "GET /api/v1/detectors/algorithms": "algorithms",
    "DELETE /api/v1/operations/{id}": "operation-cancel",
    "POST /api/v1/datasets/{id}/split": "split-and-export",
    "GET /api/v1/datasets/{id}/quality": "preprocessing",
    "GET /api/v1/auth/sessions": "sessions",
    "POST /api/v1/auth/totp": "second_factor",
    "DELETE /api/v1/auth/api-keys/{id}": "api-keys",
    "GET /api/v1/admin/users/{id}/personal-data": "administration",
    "POST /api/v1/admin/users/{id}/unlock": "lock_out",
    "GET /api/v1/audit/verify": "audit",
    "GET /api/v1/health/ready": "describes-itself",
}
"""A route, and a scenario that must turn red without it."""


@pytest.fixture(scope="module")
def crippled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("crippled")
    program = (str(SUPPORT / "platform_without.py"), ",".join(TAKEN_OUT))
    process = start_platform(folder, program=program, PYNOMALY_RATE_LIMIT_LOGIN_PER_MINUTE="6000")
    with serving(process, folder) as platform:
        yield platform


def test_a_use_case_that_is_taken_out_turns_a_gate_red(itest: Itest, crippled: Platform) -> None:
    chosen = [word for scenario in TAKEN_OUT.values() for word in ("--scenario", scenario)]
    done = itest("run", "-p", "e2e", *chosen, "--jobs", "2", *crippled.flags, **crippled.variables)
    assert done.code == 1, done.text
    verdicts = {scenario["id"]: scenario["verdict"] for scenario in done.run["scenarios"]}
    assert verdicts == dict.fromkeys(TAKEN_OUT.values(), "failed")


def test_every_use_case_passes_and_every_route_is_used(itest: Itest) -> None:
    flags = ("--jobs", "2", "--log-level", "DEBUG", "--log-format", "json", "--report", "json")
    done = itest("run", "-p", "e2e", *flags, timeout_s=600)
    bad = [each for each in done.run["scenarios"] if each["verdict"] != "passed"]
    assert (done.code, bad) == (0, []), done.out
    exchanges = [
        entry["details"]
        for line in done.err.splitlines()
        if line.startswith("{") and (entry := json.loads(line))["logger"] == "pynomaly_itest.target.http"
    ]
    used = {(each["method"], each["url"].split("?")[0].split("/", 3)[3]) for each in exchanges}
    assert unused(used) == []


def unused(used: set[tuple[str, str]]) -> list[str]:
    """The routes of the platform that no request went to."""
    from pynomaly.api.routes import ENDPOINTS

    left = []
    for endpoint in ENDPOINTS:
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", endpoint.path.lstrip("/")))
        if not any(method == endpoint.method and pattern.fullmatch(path) for method, path in used):
            left.append(f"{endpoint.method} {endpoint.path}")
    return left
