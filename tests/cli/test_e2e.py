"""The e2e profile: green on a healthy platform, of which it uses every route; red where a use case is taken out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Itest, Platform, serving, start_platform

from pynomaly_itest import target

MOVED_CLOCK = Path(target.__path__[0]) / "moved_clock"
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
ABOUT_THE_DATA = (
    "workflow[algorithm=knn]",
    "upload-format[format=npy]",
    "parameters",
    "streaming",
    "streaming-bad-line",
    "batch-detection",
    "predict-forms",
    "retraining[algorithm=ecod]",
    "operation-progress",
    "wrong-width",
    "no-labels",
)
"""Scenarios that once knew the rows and columns of the generated set."""


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


def test_times_that_are_an_hour_off_turn_red(itest: Itest, tmp_path: Path) -> None:
    (tmp_path / "offset").write_text("3600")
    clock = {"ITEST_CLOCK_FILE": str(tmp_path / "offset"), "PYTHONPATH": str(MOVED_CLOCK)}
    with serving(start_platform(tmp_path, **clock), tmp_path) as platform:
        done = itest("run", "-p", "e2e", "--scenario", "times", *platform.flags, **platform.variables)
    assert done.code == 1, done.text
    assert re.search(r"created_at = '[^']+' is 3[56]\d\d\.\d s\s+after the request", done.out), done.out


def test_data_of_ones_own_in_place_of_the_profiles_raises_no_alarm(itest: Itest, tmp_path: Path) -> None:
    rows = "\n".join(
        f"{n % 97},{n % 89},{n % 7},{3 * n},{n % 2},{n % 41},{int(n % 40 == 7)}" for n in range(400)
    )
    (tmp_path / "mine.csv").write_text(f"a,b,c,d,e,f,bad\n{rows}\n")
    flags = ("--dataset", "anomalous=mine.csv:bad", "--set", "vars.roc_auc_at_least=0", "--jobs", "2")
    chosen = [word for scenario in ABOUT_THE_DATA for word in ("--scenario", scenario)]
    done = itest("run", "-p", "e2e", *flags, *chosen)
    assert done.code == 0, done.out
    fixed = itest("run", "-p", "e2e", "--dataset", "large=mine.csv:bad")
    assert fixed.code == 2
    assert "dataset 'large' is fixed" in fixed.err


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
