"""run.json is what its schema says, and the schema in the repository is the current one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from report_builders import ABORTED, FINISHED, INTERRUPTED, gate, one, started

from pynomaly_itest.events import encode, read_log
from pynomaly_itest.report.document import schema
from pynomaly_itest.report.json import JsonReport
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict

SCHEMA = Path(__file__).parents[3] / "schema" / "run.schema.json"


def _json(run: RunResult) -> dict[str, Any]:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    parsed: dict[str, Any] = json.loads(JsonReport().render(run), parse_constant=refuse)
    return parsed


def test_the_schema_in_the_repository_is_current() -> None:
    assert json.loads(SCHEMA.read_text()) == schema(), (
        "python -m pynomaly_itest.report.document > schema/run.schema.json"
    )


@pytest.mark.parametrize("count", [12, 40])
def test_real_output_is_valid(count: int, run: RunResult) -> None:
    from report_samples import sample_run

    jsonschema.Draft202012Validator(schema()).validate(_json(sample_run(count)))


@pytest.mark.parametrize(
    "events",
    [[FINISHED], [INTERRUPTED], [ABORTED], []],
    ids=["finished", "interrupted", "aborted", "killed"],
)
def test_output_of_runs_that_went_wrong_is_valid(events: list[Any]) -> None:
    jsonschema.Draft202012Validator(schema()).validate(_json(fold([started("a"), *events])))


def test_the_schema_refuses_what_is_wrong(run: RunResult) -> None:
    document = _json(run)
    validator = jsonschema.Draft202012Validator(schema())
    for wrong in ({"verdict": "ok"}, {"schema_version": 2}, {"scenarios": None}):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate({**document, **wrong})
    del document["exit_code"]
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(document)


def test_every_field_is_always_there(run: RunResult) -> None:
    document = _json(run)
    assert set(document) == set(schema()["properties"])
    definitions = schema()["$defs"]
    for scenario in document["scenarios"]:
        assert set(scenario) == set(definitions["ScenarioDocument"]["properties"])
        for part in scenario["gates"]:
            assert set(part) == set(definitions["GateDocument"]["properties"])


def test_the_names_that_others_build_on() -> None:
    run = one(
        Verdict.PASSED,
        gate("a", observed=8.4, limit=100, op="<=", unit="ms", n=1000, interval=(8.1, 8.9), confidence=0.95),
    )
    document = _json(run)
    assert document["schema_version"] == 1
    assert (document["run_id"], document["verdict"], document["exit_code"]) == ("r-1", "passed", 0)
    assert document["profile"] == "smoke"
    assert document["target"] == {"kind": "remote", "url": "http://127.0.0.1:8000", "version": None}
    assert (document["started_at"], document["duration_s"]) == ("2026-03-14T09:26:53+00:00", 3.0)
    scenario = document["scenarios"][0]
    assert {k: scenario[k] for k in ("id", "verdict", "reason", "tags", "duration_s", "steps")} == {
        "id": "a",
        "verdict": "passed",
        "reason": None,
        "tags": [],
        "duration_s": 1.0,
        "steps": [],
    }
    judged = scenario["gates"][0]
    assert judged["expression"] == "x <= 50"
    assert (judged["observed"], judged["limit"], judged["unit"], judged["n"]) == (8.4, 100, "ms", 1000)
    assert (judged["interval"], judged["confidence"]) == ([8.1, 8.9], 0.95)


def test_findings_stand_at_the_top(run: RunResult) -> None:
    finding = _json(run)["findings"][0]
    assert {k: finding[k] for k in ("id", "verdict", "severity", "fingerprint", "counts")} == {
        "id": "SES-01",
        "verdict": "failed",
        "severity": "critical",
        "fingerprint": "ses-01-9f2c",
        "counts": True,
    }


def test_through_the_log_and_back_gives_the_same_bytes(tmp_path: Path) -> None:
    from report_samples import sample_events

    log = tmp_path / "run.jsonl"
    events = list(sample_events(12))
    log.write_bytes(b"".join(encode(event) for event in events))
    assert JsonReport().render(fold(read_log(log))) == JsonReport().render(fold(events))
