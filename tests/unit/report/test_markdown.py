"""summary.md fits where it goes and can't be taken over by what a target sent."""

from __future__ import annotations

import html
import re

from report_builders import ended, gate, one, started
from report_samples import HOSTILE

from pynomaly_itest.report.markdown import MarkdownReport, escaped
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict


def _text(run: RunResult) -> str:
    return MarkdownReport().render(run).decode()


def test_verdict_first_then_why(run: RunResult) -> None:
    lines = _text(run).splitlines()
    assert lines[0] == "## ❌ Failed: performance"
    assert (
        lines[2] == "**3 of 24 scenarios failed. First of all: SES-01 The token still works after logout. "
        "4 of 5 checks made; not made: 1 medium.**"
    )
    assert "exit code 1" in lines[4]


def test_every_row_of_a_table_has_its_columns(run: RunResult) -> None:
    tables = [block for block in _text(run).split("\n\n") if block.startswith("|")]
    assert len(tables) == 2
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_the_worst_gates_stand_first(run: RunResult) -> None:
    rows = [line for line in _text(run).splitlines() if line.startswith(("| ✅", "| ❌", "| ❔", "| ⚠️"))]
    assert rows[0].startswith("| ❌ failed")
    assert "−11.2 ms (−22.4 %)" in rows[0]


def test_hostile_text_has_no_meaning() -> None:
    shown = escaped(HOSTILE + " @someone #12 [link](http://evil) www.evil.com `code` **bold** $x$ ~~s~~")
    assert not re.search(r"[<>`*_\[\]|~@$]|://|www\.", shown)
    assert "<script>alert(1)</script>" in html.unescape(shown)


def test_a_run_of_thousands_fits_a_pull_request_comment() -> None:
    names = [f"scenario-{i:04d}-{'x' * 60}" for i in range(2000)]
    events = [event for name in names for event in (*ended(name, Verdict.FAILED), gate(name, Verdict.FAILED))]
    text = _text(fold([started(*names), *events]))
    assert len(text) <= 65_536
    assert "more gates in the report" in text
    assert text.startswith("## ❌ Failed")


def test_a_pass_is_short() -> None:
    text = _text(one(Verdict.PASSED, gate("a", observed=1, limit=2, op="<=")))
    assert text.startswith("## ✅ Passed: smoke")
    assert "needs attention" not in text
