"""Annotations: the ten worst, in their place, and no text of a target that could end a command or begin one."""

from __future__ import annotations

from report_builders import FINISHED, ended, finding, gate, one, started
from report_samples import HOSTILE

from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.github import workflow_commands
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict


def lines(run: RunResult, folder: str = "") -> list[str]:
    return workflow_commands(describe(run), folder)


def test_a_gate_is_annotated_on_its_line() -> None:
    broken = gate("a", Verdict.FAILED, where="profiles/mine.yaml:31:17", observed=61, limit=50, op="<=")
    (line,) = lines(one(Verdict.FAILED, broken), "services/api")
    assert line.startswith(
        "::error file=services/api/profiles/mine.yaml,line=31,title=failed in a%3A x <= 50::"
    )
    assert "observed 61, limit <= 50" in line


def test_a_pass_has_nothing_to_tell() -> None:
    assert lines(one(Verdict.PASSED, gate("a"))) == []


def test_inconclusive_is_a_warning_and_never_silent() -> None:
    (line,) = lines(one(Verdict.INCONCLUSIVE, reason="too few samples"))
    assert line.startswith("::warning title=")
    assert "too few samples" in line


def test_no_text_can_break_out(run: RunResult) -> None:
    hostile = gate(
        "a", Verdict.FAILED, expression=f"x <= 50 {HOSTILE}", reason=f"no\n::set-env name=A::b\r\n{HOSTILE}"
    )
    for line in (
        *lines(run),
        *lines(one(Verdict.FAILED, hostile, finding("a", Verdict.FAILED, title=HOSTILE))),
    ):
        assert "\n" not in line
        assert "\r" not in line
        assert "\x1b" not in line
        assert line.startswith(("::error ", "::warning "))
        properties = line.split("::", 2)[1].split(" ", 1)[1]
        assert all(part.split("=", 1)[0] in {"file", "line", "title"} for part in properties.split(","))


def test_only_the_ten_worst() -> None:
    names = list("abcdefghijklmn")  # fourteen causes: sentences that differ in more than numbers
    events = [event for name in names for event in ended(name, Verdict.ERROR, f"because of {name}")]
    failed = ended("worst", Verdict.FAILED, "it misbehaved")
    found = lines(fold([started(*names, "worst"), *events, *failed, FINISHED]))
    assert len(found) == 10
    assert "worst" in found[0]


def test_a_profile_outside_the_checkout_has_no_place() -> None:
    for where in ("/etc/passwd:1:1", "../../other.yaml:3"):
        (line,) = lines(one(Verdict.FAILED, gate("a", Verdict.FAILED, where=where)))
        assert "file=" not in line
