"""Workflows in Python on the real platform: the worked example, and what a failure of each kind looks like."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command_line import Finished, Itest, Platform

ROOT = Path(__file__).resolve().parents[2]

PROFILE = """
version: 1
name: mine
scenarios:
  - python: flows.py
"""
HEAD = "from pynomaly_itest.testing import scenario\n\n@scenario%s\nasync def flow(%s):\n    '''A flow.'''\n"


def run_flow(itest: Itest, platform: Platform, body: str, given: str = "", said: str = "") -> Finished:
    (itest.folder / "flows.py").write_text(HEAD % (said, given) + body)
    return itest("run", "-p", itest.profile(PROFILE), *platform.flags, **platform.variables)


def test_the_worked_example_passes_and_leaves_nothing(itest: Itest, platform: Platform) -> None:
    shutil.copytree(ROOT / "examples" / "python-scenarios", itest.folder / "example")
    flags = ("-m", "not performance", "--jobs", "2")
    done = itest("run", "-p", "example/profile.yaml", *flags, *platform.flags, **platform.variables)
    assert done.code == 0, done.text
    by_id = {scenario["id"]: scenario for scenario in done.run["scenarios"]}
    assert set(by_id) == {
        "main_path",
        "removed_means_gone[algorithm=hbos]",
        "removed_means_gone[algorithm=ecod]",
        "the_cache_is_used",
        "mixed",
    }
    gates = {gate["expression"]: gate for gate in by_id["main_path"]["gates"]}
    assert gates["result.accuracy >= benchmarks.accuracy_threshold"]["verdict"] == "passed"
    assert gates["resource_cleanup"]["verdict"] == "passed"
    expected = {gate["expression"] for gate in by_id["the_cache_is_used"]["gates"]}
    assert "new_hits >= 1" in expected


def test_a_failed_assert_is_red_with_line_and_values(itest: Itest, platform: Platform) -> None:
    done = run_flow(itest, platform, "    found = {'accuracy': 0.61}\n    assert found['accuracy'] >= 0.9\n")
    assert done.code == 1, done.text
    reason = done.run["scenarios"][0]["reason"]
    assert "flows.py:7: assert found['accuracy'] >= 0.9" in reason
    assert "found['accuracy'] = 0.61" in reason


def test_a_failed_expect_is_red_as_a_gate(itest: Itest, platform: Platform) -> None:
    done = run_flow(itest, platform, "    expect('latency_ms <= 50', latency_ms=80.0)\n", "expect")
    assert done.code == 1, done.text
    (gate,) = done.run["scenarios"][0]["gates"]
    assert (gate["expression"], gate["verdict"], gate["observed"], gate["limit"]) == (
        "latency_ms <= 50",
        "failed",
        80.0,
        50,
    )


def test_an_exception_of_the_files_own_is_an_error_not_a_failure(itest: Itest, platform: Platform) -> None:
    done = run_flow(itest, platform, "    return {}['absent']\n")
    assert done.code == 4, done.text
    assert done.run["scenarios"][0]["verdict"] == "error"
    assert "flows.py:6" in done.run["scenarios"][0]["reason"]
    assert "KeyError" in done.run["scenarios"][0]["reason"]


def test_a_file_may_have_dataclasses_of_its_own(itest: Itest, platform: Platform) -> None:
    """They ask for the module that they stand in, by its name."""
    (itest.folder / "flows.py").write_text(
        "from __future__ import annotations\n\nfrom dataclasses import dataclass\nfrom typing import ClassVar\n\n"
        "from pynomaly_itest.testing import scenario\n\n\n@dataclass\nclass Point:\n    x: int\n"
        "    least: ClassVar[int] = 1\n\n\n@scenario\nasync def flow():\n    assert Point(2).x > Point.least\n"
    )
    done = itest("run", "-p", itest.profile(PROFILE), *platform.flags, **platform.variables)
    assert done.code == 0, done.text


def test_an_unknown_parameter_is_told_with_the_nearest(itest: Itest, platform: Platform) -> None:
    done = run_flow(itest, platform, "    pass\n", "integration_helpr")
    assert done.code == 4, done.text
    assert "did you mean 'integration_helper'?" in done.run["scenarios"][0]["reason"]


def test_what_a_failed_flow_made_is_removed(itest: Itest, platform: Platform) -> None:
    body = (
        "    await integration_helper.create_detector(algorithm='knn', name='left-over')\n    assert False\n"
    )
    done = run_flow(itest, platform, body, "integration_helper")
    assert done.code == 1, done.text
    cleanup = [gate for gate in done.run["scenarios"][0]["gates"] if gate["expression"] == "resource_cleanup"]
    assert [(gate["verdict"], gate["n"]) for gate in cleanup] == [("passed", 1)]


@pytest.mark.parametrize("observed", [[10.0] * 100, [500.0] * 100])
def test_measurements_are_series_for_gates(itest: Itest, platform: Platform, observed: list[float]) -> None:
    body = f"    for value in {observed}:\n        measurements.add('latency_ms', value)\n"
    said = "(gates=['result.latency_ms.p95 <= 100'])"
    done = run_flow(itest, platform, body, "measurements", said)
    assert done.code == (0 if observed[0] < 100 else 1), done.text


@pytest.mark.parametrize(
    ("body", "given", "said", "code"),
    [
        ("    pass\n", "", "", 4),
        ("    reply = await test_container.http.send('GET', '/api/v1/health')\n", "test_container", "", 4),
        ("    for one in []:\n        assert one\n", "", "", 4),
        ("    await test_container.api.call('GET', 'auth/me')\n", "test_container", "", 0),
        ("    await integration_helper.create_detector(algorithm='knn')\n", "integration_helper", "", 0),
        ("    return {'n': 3}\n", "", "(gates=['result.n >= 3'])", 0),
    ],
)
def test_a_flow_that_asserts_nothing_is_no_pass(
    itest: Itest, platform: Platform, body: str, given: str, said: str, code: int
) -> None:
    done = run_flow(itest, platform, body, given, said)
    assert done.code == code, done.text
    (scenario,) = done.run["scenarios"]
    assert scenario["verdict"] == ("passed" if code == 0 else "inconclusive")
    assert ("asserted nothing" in (scenario["reason"] or "")) is (code == 4)


def test_validate_reads_the_file_without_running_it(itest: Itest) -> None:
    (itest.folder / "flows.py").write_text(HEAD % ("", "") + "    pass\n\nraise SystemExit(3)\n")
    assert itest("validate", itest.profile(PROFILE)).code == 0
    (itest.folder / "flows.py").write_text("x = 1\n")
    refused = itest("validate", itest.profile(PROFILE))
    assert refused.code == 2
    assert "has no @scenario" in refused.text
    assert not Path(itest.folder / "reports").exists()
