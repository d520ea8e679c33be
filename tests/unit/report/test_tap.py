"""results.tap: one point a scenario, and no text that turns a failure into something else."""

from __future__ import annotations

import re

import yaml
from report_builders import FINISHED, INTERRUPTED, ended, one, started

from pynomaly_itest.report.tap import TapReport
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict


def _lines(run: RunResult) -> list[str]:
    return TapReport().render(run).decode().splitlines()


def test_the_sample_run(run: RunResult) -> None:
    lines = _lines(run)
    assert lines[:2] == ["TAP version 14", "1..24"]
    points = [line for line in lines if re.match(r"(not )?ok \d+ - ", line)]
    assert [int(re.findall(r"\d+", point)[0]) for point in points] == list(range(1, 25))
    assert sum(point.startswith("not ok") for point in points) == 6
    assert points[4].endswith("# SKIP requires redis: no server answers at redis://127.0.0.1:6379")


def test_the_diagnostics_are_yaml(run: RunResult) -> None:
    text = "\n".join(_lines(run))
    blocks = re.findall(r"^  ---\n(.*?)^  \.\.\.$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 6
    parsed = [yaml.safe_load(block) for block in blocks]
    assert {block["verdict"] for block in parsed} == {"failed", "error", "inconclusive"}
    assert all(block["reproduce"].startswith("pynomaly-itest run") for block in parsed)


def test_a_name_cannot_make_itself_a_todo() -> None:
    name = "works # TODO later"
    lines = _lines(fold([started(name), *ended(name, Verdict.FAILED), FINISHED]))
    assert lines[2] == r"not ok 1 - works \# TODO later"


def test_a_run_that_did_not_end_bails_out() -> None:
    assert _lines(fold([started("a"), INTERRUPTED]))[-1].startswith("Bail out! Interrupted (SIGINT)")
    assert not any(line.startswith("Bail out!") for line in _lines(one(Verdict.PASSED)))
