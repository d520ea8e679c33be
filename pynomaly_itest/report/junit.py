"""junit.xml: what Jenkins, GitLab and most CI servers read. A scenario is a test case.

Kept to what the Ant schema and the Jenkins schema both allow: they differ in the attributes and in how many
outcomes a test case may have. JUnit knows no "inconclusive": it is an error there, never a pass.
"""

from __future__ import annotations

import re
from collections import Counter
from xml.etree.ElementTree import Element, SubElement, tostring

from pynomaly_itest.registry import REPORTS
from pynomaly_itest.report.attention import Concern, by_scenario
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.document import RunDocument, ScenarioDocument
from pynomaly_itest.report.plain import concern_lines
from pynomaly_itest.results import RunResult
from pynomaly_itest.verdicts import Verdict

_ELEMENT = {
    Verdict.FAILED: "failure",
    Verdict.ERROR: "error",
    Verdict.INCONCLUSIVE: "error",
    Verdict.SKIPPED: "skipped",
}


@REPORTS.register("junit")
class JunitReport:
    summary = "test cases for CI servers (Ant and Jenkins schema)"
    filename = "junit.xml"
    media = "application/xml"

    def render(self, run: RunResult) -> bytes:
        root = Element("testsuites")
        _suite(root, describe(run))
        return bytes(tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _suite(root: Element, run: RunDocument) -> None:
    outcomes = Counter(_ELEMENT.get(scenario.verdict, "passed") for scenario in run.scenarios)
    unfinished = 0 if run.complete else 1
    suite = SubElement(
        root,
        "testsuite",
        id="0",
        package="pynomaly_itest",
        name=run.profile,
        timestamp=_timestamp(run.started_at),
        hostname=run.environment.get("hostname") or "localhost",
        tests=str(len(run.scenarios) + unfinished),
        failures=str(outcomes["failure"]),
        errors=str(outcomes["error"] + unfinished),
        skipped=str(outcomes["skipped"]),
        time=f"{run.duration_s:.3f}",
    )
    _properties(suite, run)
    found = by_scenario(run)
    for scenario in run.scenarios:
        _case(suite, run, scenario, found.get(scenario.id, []))
    if unfinished:
        _run_case(suite, run)
    SubElement(suite, "system-out").text = run.why
    SubElement(suite, "system-err").text = "\n".join(run.warnings)


def _properties(suite: Element, run: RunDocument) -> None:
    facts = {
        "verdict": run.verdict.value,
        "exit_code": str(run.exit_code),
        "run_id": run.run_id,
        "target": f"{run.target.kind} {run.target.url} {run.target.version or ''}".strip(),
        "seed": str(run.seed),
        **{f"environment.{key}": value for key, value in run.environment.items()},
    }
    block = SubElement(suite, "properties")
    for name, value in facts.items():
        SubElement(block, "property", name=name, value=value)


def _case(suite: Element, run: RunDocument, scenario: ScenarioDocument, found: list[Concern]) -> None:
    case = SubElement(
        suite, "testcase", name=scenario.id, classname=_class_name(run), time=f"{scenario.duration_s:.3f}"
    )
    element = _ELEMENT.get(scenario.verdict)
    if element is None:
        return
    reason = scenario.reason or f"the scenario is {scenario.verdict.value}"
    if element == "skipped":
        SubElement(case, "skipped", message=reason)
        return
    outcome = SubElement(case, element, message=_first_line(reason), type=scenario.verdict.value)
    outcome.text = "\n\n".join([reason, *_texts(found), f"Reproduce: {scenario.reproduce}"])


def _texts(found: list[Concern]) -> list[str]:
    """What is wrong in the scenario; that it is wrong as a whole is said by its reason."""
    parts = [
        concern for concern in found if concern.gate or concern.step or concern.finding or concern.comparison
    ]
    return ["\n".join(concern_lines(concern)) for concern in parts]


def _run_case(suite: Element, run: RunDocument) -> None:
    """An unfinished run has a case of its own, so that no server can show it green."""
    case = SubElement(suite, "testcase", name="the run itself", classname=_class_name(run), time="0.000")
    SubElement(case, "error", message=run.why, type="error").text = run.why


def _class_name(run: RunDocument) -> str:
    return "pynomaly_itest." + re.sub(r"[^\w-]+", "_", run.profile)


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0]


def _timestamp(started_at: str) -> str:
    """ISO 8601 without fraction and zone, as the Ant schema has it."""
    match = re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", started_at)
    return match.group() if match else "1970-01-01T00:00:00"
