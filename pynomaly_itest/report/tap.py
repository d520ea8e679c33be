"""results.tap: the Test Anything Protocol, version 14. A scenario is a test point.

TAP knows ok and not ok: error and inconclusive are not ok, with the word in the diagnostics.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from pynomaly_itest.registry import REPORTS
from pynomaly_itest.report.attention import Concern, by_scenario
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.document import RunDocument, ScenarioDocument
from pynomaly_itest.report.plain import concern_lines
from pynomaly_itest.report.untrusted import one_line
from pynomaly_itest.results import RunResult
from pynomaly_itest.verdicts import Verdict


@REPORTS.register("tap")
class TapReport:
    summary = "Test Anything Protocol, version 14"
    filename = "results.tap"
    media = "text/plain"

    def render(self, run: RunResult) -> bytes:
        return ("\n".join(_lines(describe(run))) + "\n").encode()


def _lines(run: RunDocument) -> Iterator[str]:
    yield "TAP version 14"
    yield f"1..{len(run.scenarios)}"
    found = by_scenario(run)
    for number, scenario in enumerate(run.scenarios, start=1):
        yield from _point(number, scenario, found.get(scenario.id, []))
    yield f"# {one_line(run.why, 1000)}"
    if not run.complete:
        yield f"Bail out! {one_line(run.why)}"


def _point(number: int, scenario: ScenarioDocument, found: list[Concern]) -> Iterator[str]:
    ok = "ok" if scenario.verdict in {Verdict.PASSED, Verdict.SKIPPED} else "not ok"
    point = f"{ok} {number} - {_description(scenario.id)}"
    if scenario.verdict is Verdict.SKIPPED:
        yield f"{point} # SKIP {one_line(scenario.reason or 'skipped')}"
        return
    yield point
    if scenario.verdict is Verdict.PASSED:
        return
    details = [line for concern in found for line in concern_lines(concern)]
    yield "  ---"
    # JSON is YAML: quoted this way, no text can end the block.
    yield f"  verdict: {json.dumps(scenario.verdict.value)}"
    yield f"  message: {json.dumps(scenario.reason or '')}"
    yield f"  details: {json.dumps(details)}"
    yield f"  reproduce: {json.dumps(scenario.reproduce)}"
    yield "  ..."


def _description(text: str) -> str:
    """A hash would begin a directive, such as one that turns a failure into a skip."""
    return text.replace("\\", "\\\\").replace("#", "\\#")
