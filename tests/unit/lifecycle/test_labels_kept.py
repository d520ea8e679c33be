"""The labels of an evaluation are in the log, for pairing two runs row by row."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import RowsLabelled, read_log
from pynomaly_itest.lifecycle.recorder import Recorder
from pynomaly_itest.measure import Labels
from pynomaly_itest.redaction import Redactor


def test_labelled_rows_are_written_down(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "run.jsonl", Redactor())
    actual, found = np.array([1, 0, 0, 1]), np.array([1, 1, 0, 0])
    Recorder(log, "s").series("quality", {"rows": Labels.of(actual, found, found), "accuracy": 0.5})
    log.close()
    [event] = read_log(tmp_path / "run.jsonl")
    assert isinstance(event, RowsLabelled)
    assert (event.scenario, event.name, event.n) == ("s", "quality", 4)
    again = Labels.unpacked(event.n, event.actual, event.found, event.scores)
    assert again.found.tolist() == [True, True, False, False]
