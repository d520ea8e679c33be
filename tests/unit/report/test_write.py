"""Reports are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from report_builders import one

from pynomaly_itest.errors import EvidenceLost, ExitCode, UsageError
from pynomaly_itest.registry import REPORTS
from pynomaly_itest.report import write
from pynomaly_itest.verdicts import Verdict

FORMATS = {"codequality", "html", "json", "junit", "ctrf", "sarif", "markdown", "tap", "csv", "openmetrics"}


def test_every_format_is_registered_and_describes_itself() -> None:
    assert set(REPORTS) == FORMATS
    kinds = [REPORTS[name] for name in REPORTS]
    assert len({kind.filename for kind in kinds}) == len(FORMATS)
    assert all(kind.summary and "/" in kind.media for kind in kinds)


def test_paths_come_in_the_order_asked_for_and_nothing_else_is_left(tmp_path: Path) -> None:
    paths = write(one(Verdict.PASSED), tmp_path / "new" / "run", ["junit", "json", "junit"])
    assert [path.name for path in paths] == ["junit.xml", "run.json"]
    assert sorted(path.name for path in paths[0].parent.iterdir()) == ["junit.xml", "run.json"]
    assert paths[0].stat().st_mode & 0o777 == 0o644


def test_an_unknown_format_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown report format 'jsno'") as caught:
        write(one(Verdict.PASSED), tmp_path, ["html", "jsno"])
    assert "json" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_a_module_that_is_no_format_is_none() -> None:
    with pytest.raises(UsageError):
        REPORTS["describe"]


def test_where_nothing_can_be_written_evidence_is_lost(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EvidenceLost, match=r"can't write the report .*run\.json") as caught:
        write(one(Verdict.PASSED), tmp_path / "file", ["json"])
    assert caught.value.exit_code is ExitCode.INCONCLUSIVE
    assert "event log" in str(caught.value.hint)


@pytest.mark.skipif(not Path("/dev/full").exists() or os.name != "posix", reason="needs a POSIX system")
def test_an_old_report_stays_where_the_new_one_fails(tmp_path: Path) -> None:
    target = tmp_path / "run.json"
    target.mkdir()
    (target / "inside").write_text("kept")
    with pytest.raises(EvidenceLost):
        write(one(Verdict.PASSED), tmp_path, ["json"])
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_the_same_run_gives_the_same_bytes() -> None:
    for name in REPORTS:
        kind = REPORTS[name]
        assert kind().render(one(Verdict.PASSED)) == kind().render(one(Verdict.PASSED))
