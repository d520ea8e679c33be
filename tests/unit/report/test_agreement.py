"""No format may show green where the run is not: a false pass is the worst thing that a report can do."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from report_builders import ABORTED, FINISHED, INTERRUPTED, ended, gate, one, started

from pynomaly_itest.errors import ExitCode
from pynomaly_itest.registry import REPORTS
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict

_PASSED = [started("a", "b"), *ended("a", Verdict.PASSED), *ended("b", Verdict.PASSED)]

RUNS = {
    "passed": fold([*_PASSED, FINISHED]),
    "failed": one(Verdict.FAILED),
    "error": one(Verdict.ERROR),
    "inconclusive": one(Verdict.INCONCLUSIVE),
    "killed after all passed": fold(_PASSED),
    "killed before the end": fold(_PASSED[:3]),
    "interrupted": fold([*_PASSED, INTERRUPTED]),
    "given up": fold([*_PASSED, ABORTED]),
}


def _render(name: str, run: RunResult) -> str:
    rendered: bytes = REPORTS[name]().render(run)
    return rendered.decode()


def _junit_is_green(run: RunResult) -> bool:
    suite = ElementTree.fromstring(_render("junit", run))[0]  # noqa: S314 - our own output
    return suite.get("failures") == "0" and suite.get("errors") == "0"


def _ctrf_is_green(run: RunResult) -> bool:
    return bool(json.loads(_render("ctrf", run))["results"]["summary"]["failed"] == 0)


def _tap_is_green(run: RunResult) -> bool:
    lines = _render("tap", run).splitlines()
    return not any(line.startswith(("not ok", "Bail out!")) for line in lines)


def _sarif_is_green(run: RunResult) -> bool:
    log = json.loads(_render("sarif", run))["runs"][0]
    return not any(result["kind"] in {"fail", "review"} for result in log["results"])


def _metrics_are_green(run: RunResult) -> bool:
    text = _render("openmetrics", run)
    return 'verdict="passed"} 1.0' in text.split("_exit_code")[0] and "pynomaly_itest_exit_code 0.0" in text


GREEN = {
    "junit": _junit_is_green,
    "ctrf": _ctrf_is_green,
    "tap": _tap_is_green,
    "sarif": _sarif_is_green,
    "openmetrics": _metrics_are_green,
    "json": lambda run: json.loads(_render("json", run))["verdict"] == "passed",
    "markdown": lambda run: _render("markdown", run).startswith("## ✅ Passed"),
    "html": lambda run: "<title>Passed:" in _render("html", run),
}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("form", GREEN)
def test_green_exactly_where_the_exit_code_is_zero(form: str, name: str) -> None:
    run = RUNS[name]
    assert GREEN[form](run) is (run.exit_code is ExitCode.PASSED)


def test_a_skip_alone_is_no_pass_where_a_format_has_a_verdict() -> None:
    run = one(Verdict.SKIPPED, reason="requires redis")
    for form in ("json", "markdown", "html", "openmetrics"):
        assert not GREEN[form](run), form


@pytest.mark.parametrize("form", sorted(REPORTS))
@pytest.mark.parametrize("events", [[], [FINISHED], [INTERRUPTED], [ABORTED]], ids=len)
def test_every_format_renders_an_empty_plan(form: str, events: list[Any]) -> None:
    assert _render(form, fold([started(), *events]))


@pytest.mark.parametrize("form", sorted(REPORTS))
def test_every_planned_scenario_is_in_every_report(form: str, run: RunResult) -> None:
    text = _render(form, run)
    for scenario in run.scenarios:
        written = scenario.id
        for char in "[]_" if form == "markdown" else "":
            written = written.replace(char, f"&#{ord(char)};")
        if form not in ("sarif", "codequality"):  # these tell of what is wrong only
            assert written in text, scenario.id


_PARSERS: dict[str, Callable[[str], object]] = {
    "json": json.loads,
    "ctrf": json.loads,
    "sarif": json.loads,
    "junit": ElementTree.fromstring,
    "openmetrics": lambda text: list(text_string_to_metric_families(text)),
    "csv": lambda text: list(csv.DictReader(io.StringIO(text, newline=""), strict=True)),
}


@pytest.mark.parametrize("form", sorted(REPORTS))
@pytest.mark.parametrize(
    "text", ["\ud800", "\x1b[2J\x00", "]]>", "\u2028", "#", "\\", "'", '"', "{{ 7*7 }}", "\n"]
)
def test_no_text_breaks_a_format(form: str, text: str) -> None:
    broken = gate("a", Verdict.FAILED, expression=text, observed=text, limit=text, unit=text, reason=text)
    rendered = _render(form, one(Verdict.FAILED, broken, reason=text, profile=f"p{text}"))
    assert "\x1b" not in rendered
    assert "\x00" not in rendered
    if form in _PARSERS:
        _PARSERS[form](rendered)
