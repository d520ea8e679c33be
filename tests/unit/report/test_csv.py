"""results.csv: figures for spreadsheets, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

import pytest
from report_builders import gate, one

from pynomaly_itest.report.csv import COLUMNS, CsvReport, neutral
from pynomaly_itest.results import RunResult
from pynomaly_itest.verdicts import Verdict


def _rows(run: RunResult) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(CsvReport().render(run).decode(), newline="")))


def test_the_sample_run(run: RunResult) -> None:
    rows = _rows(run)
    assert tuple(rows[0]) == COLUMNS
    kinds = [row["kind"] for row in rows]
    assert kinds.count("scenario") == 24
    assert kinds.count("finding") == 5
    assert kinds.count("gate") == sum(len(s.gates) for s in run.scenarios)
    assert kinds.count("metric") == sum(len(s.metrics) for s in run.scenarios)
    assert all(row["profile"] == "performance" for row in rows)


def test_numbers_stay_numbers() -> None:
    broken = gate("a", Verdict.FAILED, observed=-61.25, limit=50, op=">=", interval=(-62.0, -60.0), n=7)
    row = _rows(one(Verdict.FAILED, broken))[1]
    assert float(row["observed"]) == -61.25
    assert float(row["margin"]) == -111.25
    assert (row["interval_low"], row["n"]) == ("-62.0", "7")


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1", "\uff1d1+1", " =1+1"])
def test_formulas_are_neutralised(cell: str) -> None:
    assert str(neutral(cell)).startswith("'")


@pytest.mark.parametrize(
    ("cell", "shown"), [(None, ""), (-3, -3), (0.5, 0.5), ("text", "text"), (True, "True")]
)
def test_what_is_harmless_stays(cell: object, shown: object) -> None:
    assert neutral(cell) == shown


def test_no_cell_of_a_hostile_run_is_a_formula() -> None:
    evil = gate("a", Verdict.FAILED, expression="=cmd|' /C calc'!A0", observed="@x", reason="+1\n=2")
    for row in _rows(one(Verdict.FAILED, evil, reason="=HYPERLINK(1)")):
        assert not any(cell.startswith(("=", "+", "@", "-")) for cell in row.values())
