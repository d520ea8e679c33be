"""junit.xml keeps to what the Ant and the Jenkins schema both allow."""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from report_builders import INTERRUPTED, ended, one, started

from pynomaly_itest.report.junit import JunitReport
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict

_SUITE_ATTRIBUTES = {
    "id": r"\d+",
    "package": r"\S+",
    "name": r"\S.*",
    "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
    "hostname": r"\S.*",
    "tests": r"\d+",
    "failures": r"\d+",
    "errors": r"\d+",
    "skipped": r"\d+",
    "time": r"\d+\.\d+",
}
_OUTCOMES = {"failure", "error", "skipped"}


def _suite(run: RunResult) -> Element:
    root = ElementTree.fromstring(JunitReport().render(run))  # noqa: S314 - our own output
    assert root.tag == "testsuites"
    assert root.attrib == {}
    assert len(root) == 1
    return root[0]


def _check_against_both_schemas(suite: Element) -> None:
    """The rules of the Ant schema, narrowed by those of the Jenkins one."""
    assert set(suite.attrib) == set(_SUITE_ATTRIBUTES)
    for name, pattern in _SUITE_ATTRIBUTES.items():
        assert re.fullmatch(pattern, suite.attrib[name]), name
    tags = [child.tag for child in suite]
    cases = len(tags) - 3
    assert tags == ["properties", *["testcase"] * cases, "system-out", "system-err"]
    for item in suite[0]:
        assert item.tag == "property"
        assert set(item.attrib) == {"name", "value"}
        assert item.attrib["name"]
    for case in suite.iter("testcase"):
        _check_case(case)
    found = [child.tag for case in suite.iter("testcase") for child in case]
    assert int(suite.attrib["tests"]) == cases
    assert int(suite.attrib["failures"]) == found.count("failure")
    assert int(suite.attrib["errors"]) == found.count("error")
    assert int(suite.attrib["skipped"]) == found.count("skipped")


def _check_case(case: Element) -> None:
    assert set(case.attrib) == {"name", "classname", "time"}
    assert re.fullmatch(r"\d+\.\d+", case.attrib["time"])
    assert len(case) <= 1
    for outcome in case:
        assert outcome.tag in _OUTCOMES
        wanted = {"message"} if outcome.tag == "skipped" else {"message", "type"}
        assert set(outcome.attrib) == wanted
        assert len(outcome) == 0


def test_the_sample_run_is_valid(run: RunResult) -> None:
    suite = _suite(run)
    _check_against_both_schemas(suite)
    assert len(list(suite.iter("testcase"))) == len(run.scenarios)


def test_the_mapping_of_verdicts() -> None:
    plan = {verdict.value: verdict for verdict in Verdict}
    events = [event for name, verdict in plan.items() for event in ended(name, verdict, f"why {name}")]
    suite = _suite(fold([started(*plan), *events]))
    outcome = {case.attrib["name"]: [child.tag for child in case] for case in suite.iter("testcase")}
    assert outcome == {
        "passed": [],
        "failed": ["failure"],
        "inconclusive": ["error"],
        "error": ["error"],
        "skipped": ["skipped"],
        "the run itself": ["error"],
    }


def test_a_skip_carries_its_reason() -> None:
    skipped = _suite(one(Verdict.SKIPPED, reason="requires redis: no server")).find(".//skipped")
    assert skipped is not None
    assert skipped.attrib["message"] == "requires redis: no server"


def test_a_failure_says_all_that_one_needs(run: RunResult) -> None:
    failure = _suite(run).find(".//failure")
    assert failure is not None
    text = failure.text or ""
    for part in (
        "observed 61.2 ms, limit <= 50 ms",
        "−11.2 ms",
        "n 1,000",
        "yaml:40",
        "Reproduce: pynomaly-itest",
    ):
        assert part in text


def test_an_interrupted_run_is_valid_and_red() -> None:
    suite = _suite(fold([started("a", started_at="no time"), INTERRUPTED]))
    _check_against_both_schemas(suite)
    assert suite.attrib["errors"] == "2"
    assert suite.attrib["timestamp"] == "1970-01-01T00:00:00"
