"""compare.json, compare.md and compare.html: strict, and safe whatever the sides are called."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pynomaly_itest.comparison.noise import noise_of
from pynomaly_itest.comparison.page import html_page, markdown
from pynomaly_itest.comparison.record import (
    ComparisonRecord,
    MetricRecord,
    SideRecord,
    spread_of,
)
from pynomaly_itest.comparison.wording import row, sentences
from pynomaly_itest.comparison.writing import write_record
from pynomaly_itest.errors import EvidenceLost
from pynomaly_itest.verdicts import Verdict

EVIL = "<script>alert(1)</script>|`x`"


def metric(name: str = "p50", verdict: Verdict = Verdict.PASSED, **more: object) -> MetricRecord:
    values = {
        "name": name,
        "unit": "ms",
        "a": 2.0,
        "b": 2.1,
        "worse_by": 0.05,
        "low": 0.04,
        "high": 0.06,
        "verdict": verdict,
        "reason": "because",
        "ignore": 0.02,
        "forbid": 0.05,
        "pairs": 6,
        "smallest_seen": 0.03,
        "effects": (0.049, 0.05, 0.051, 0.05, 0.05, 0.05),
    }
    return MetricRecord.model_validate({**values, **more})


def record(*metrics: MetricRecord, **more: object) -> ComparisonRecord:
    values = {
        "kind": "processes",
        "verdict": Verdict.FAILED,
        "exit_code": 1,
        "reason": "worse: p50",
        "a": SideRecord(label=EVIL, version="1"),
        "b": SideRecord(label="b"),
        "metrics": metrics,
        "pairs": 6,
        "pair_s": 5.0,
        "spread": {each.name: spread_of(each.effects) or 0.0 for each in metrics},
        "environment": {"processor": EVIL},
    }
    return ComparisonRecord.model_validate({**values, **more})


def test_what_others_named_is_escaped() -> None:
    page = html_page(record(metric(EVIL)))
    assert "<script" not in page
    assert "style=" not in page  # the policy would refuse it
    assert "&lt;script&gt;" in page
    text = markdown(record(metric(EVIL)))
    assert "\\<script\\>" in text
    table = [line for line in text.splitlines() if line.startswith("| ")]
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 7 for line in table)


def test_all_three_are_written(tmp_path: Path) -> None:
    paths = write_record(record(metric(), metric("p95", Verdict.INCONCLUSIVE, low=None, high=None)), tmp_path)
    assert [path.name for path in paths] == ["compare.json", "compare.md", "compare.html"]
    again = ComparisonRecord.model_validate_json(paths[0].read_text())
    assert again.metrics[1].high is None
    assert json.loads(paths[0].read_text())["exit_code"] == 1
    with pytest.raises(EvidenceLost):
        write_record(again, tmp_path / "nowhere")


def test_what_there_is_not_is_a_dash() -> None:
    found = row(metric(a=None, b=None, worse_by=None, low=None, high=None))
    assert (found.a, found.worse_by, found.between) == ("-", "-", "-")
    assert row(metric(low=None)).between == "at most +6.0 %"


def test_the_smallest_change_that_could_be_told_is_said() -> None:
    assert any("p50 3.0 %" in text for text in sentences(record(metric())))


def test_noise_of_a_quiet_and_of_a_noisy_machine() -> None:
    quiet = noise_of(record(metric()))
    assert quiet.metrics[0].pairs == 6
    assert quiet.metrics[0].seconds == pytest.approx(30.0)
    assert "Good enough" in quiet.advice[-1]
    noisy = noise_of(
        record(
            metric(effects=(0.5, -0.5, 0.3, -0.3, 0.1, 0.0)), stalled_share=0.9, environment={"cores": "1"}
        )
    )
    assert noisy.metrics[0].pairs is None
    said = " ".join(noisy.advice)
    assert "90%" in said
    assert "one core" in said
    assert "--forbid p50=" in said


def test_noise_of_too_few_pairs_says_nothing() -> None:
    found = noise_of(record(metric(effects=(0.1, 0.2)), pairs=2))
    assert found.metrics == ()
    assert "Too few" in found.advice[0]
