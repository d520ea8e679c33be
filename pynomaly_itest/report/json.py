"""run.json: the run for machines, in the shape that `schema/run.schema.json` fixes."""

from __future__ import annotations

from pynomaly_itest.registry import REPORTS
from pynomaly_itest.report.describe import describe
from pynomaly_itest.results import RunResult


@REPORTS.register("json")
class JsonReport:
    summary = "the whole run for machines (schema version 1)"
    filename = "run.json"
    media = "application/json"

    def render(self, run: RunResult) -> bytes:
        return describe(run).model_dump_json(indent=1).encode() + b"\n"
