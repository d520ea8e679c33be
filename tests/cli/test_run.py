"""The main job: a profile in, a verdict, an exit code and reports out."""

from __future__ import annotations

import json
import shlex
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import misbehaving
import pytest
from command_line import Itest, Platform

RAW = """
version: 1
name: raw
scenarios:
  - id: answers
    steps:
      - request: {path: /thing}
        expect: [status == 200, 'json.name == "x"', latency_ms <= 5s]
"""


def gates_of(run: dict[str, Any], scenario: str) -> dict[str, dict[str, Any]]:
    (found,) = [each for each in run["scenarios"] if each["id"] == scenario]
    return {gate["expression"]: gate for gate in found["gates"]}


def test_smoke_on_the_bundled_platform_passes_and_leaves_evidence(itest: Itest) -> None:
    done = itest("run", "-p", "smoke")
    assert done.code == 0, done.text
    assert done.out.splitlines()[-1].startswith("report: reports/")
    assert "PASSED" in done.out
    run = done.run
    assert (run["schema_version"], run["verdict"], run["exit_code"], run["profile"]) == (
        1,
        "passed",
        0,
        "smoke",
    )
    assert run["target"]["kind"] == "bundled"
    assert [scenario["verdict"] for scenario in run["scenarios"]] == ["passed"] * 7
    gates = gates_of(run, "main-path")
    assert gates["quality.roc_auc >= vars.roc_auc_at_least"]["observed"] > 0.9
    assert gates["quality.roc_auc >= vars.roc_auc_at_least"]["n"] == 200
    assert gates["resource_cleanup"]["verdict"] == "passed"
    latest = itest.folder / "reports" / "latest"
    assert {path.name for path in latest.iterdir()} == {
        *("run.jsonl", "run.jsonl.sig", "run.json"),
        *("report.html", "junit.xml"),
    }
    suites = ElementTree.parse(latest / "junit.xml").getroot()  # noqa: S314 - our own file
    assert len(list(suites.iter("testcase"))) == 7
    assert "PASSED" in (latest / "report.html").read_text().upper()


def test_a_limit_that_is_not_met_is_red_with_observed_limit_and_line(
    itest: Itest, platform: Platform
) -> None:
    profile = itest.profile(
        """
version: 1
name: impossible
benchmarks: {detection_latency_ms: 0.001}
datasets: {data: {kind: gaussian, rows: 100, features: 3, contamination: 0.1, seed: 1}}
scenarios:
  - id: latency
    steps:
      - upload_dataset: {dataset: data}
        save: dataset
      - create_detector: {algorithm: hbos}
        save: detector
      - train_detector: {detector: "${{ detector.id }}", dataset: "${{ dataset.id }}"}
      - measure:
          step: {predict: {detector: "${{ detector.id }}", dataset: data}}
          repeat: 100
        save: detect
    gates:
      - detect.latency_ms.p95 <= benchmarks.detection_latency_ms
      - detect.error_ratio == 0
"""
    )
    done = itest("run", "-p", profile, *platform.flags, **platform.variables)
    assert done.code == 1, done.text
    assert "detect.latency_ms.p95 <= benchmarks.detection_latency_ms" in done.out
    assert "--> mine.yaml:19" in done.out
    gates = gates_of(done.run, "latency")
    failed = gates["detect.latency_ms.p95 <= benchmarks.detection_latency_ms"]
    assert (failed["verdict"], failed["limit"], failed["unit"], failed["n"]) == ("failed", 0.001, "ms", 100)
    assert failed["observed"] > 0.001
    assert gates["detect.error_ratio == 0"]["verdict"] == "passed"


def test_set_overrides_a_benchmark_and_turns_the_same_gate_red(itest: Itest, platform: Platform) -> None:
    flags = ("run", "-p", "smoke", "--scenario", "main-path", *platform.flags)
    red = itest(*flags, "--set", "benchmarks.training_time_seconds=0.000001", **platform.variables)
    assert red.code == 1, red.text
    assert itest(*flags, **platform.variables).code == 0


def test_a_url_without_platform_accounts_or_metrics_is_tested_by_raw_requests(itest: Itest) -> None:
    with misbehaving.serving(lambda _, it: it.answer(200, '{"name": "x"}')) as url:
        passed = itest("run", "-p", itest.profile(RAW), "--target", url)
    assert passed.code == 0, passed.text
    with misbehaving.serving(lambda _, it: it.answer(200, '{"name": "y"}')) as url:
        failed = itest("run", "-p", itest.profile(RAW), "--target", url)
    assert failed.code == 1, failed.text
    assert "'y' == 'x' does not hold" in failed.out


def test_memory_of_a_url_without_metrics_is_inconclusive_and_says_why(itest: Itest) -> None:
    profile = itest.profile(RAW + "    gates: [target.rss_mb.max <= 512]\n")
    with misbehaving.serving(_json_but_no_metrics) as url:
        done = itest("run", "-p", profile, "--target", url)
        let_through = itest("run", "-p", profile, "--target", url, "--inconclusive=pass")
    assert done.code == 4, done.text
    assert "/metrics answered 404" in done.out
    assert let_through.code == 0


def test_memory_of_a_url_with_metrics_is_judged(itest: Itest, platform: Platform) -> None:
    profile = itest.profile(
        """
version: 1
name: memory
scenarios:
  - id: memory
    steps: [{measure: {step: {request: {path: /api/v1/health}}, repeat: 400, warmup: 0}}]
    gates: [target.rss_mb.max <= 4gb, target.rss_mb.n >= 1]
"""
    )
    done = itest("run", "-p", profile, *platform.flags, **platform.variables)
    assert done.code == 0, done.text
    assert gates_of(done.run, "memory")["target.rss_mb.max <= 4gb"]["observed"] > 20


def _json_but_no_metrics(head: str, connection: misbehaving.Connection) -> None:
    if " /metrics" in head:
        connection.answer(404, "{}")
    else:
        connection.answer(200, '{"name": "x"}')


def test_an_error_page_is_no_success_unless_it_is_asked_about(itest: Itest) -> None:
    step = "version: 1\nname: x\nscenarios: [{id: a, steps: [{request: {path: /}%s}]}]\n"
    with misbehaving.serving(misbehaving.failing) as url:
        red = itest("run", "-p", itest.profile(step % ""), "--target", url)
        green = itest("run", "-p", itest.profile(step % ", expect: [status == 500]"), "--target", url)
    assert (red.code, green.code) == (1, 0), red.text + green.text
    assert "answered 500, expected 2xx" in red.out


def test_tags_words_and_ids_select_and_nothing_selected_is_5(itest: Itest, platform: Platform) -> None:
    def ids(*flags: str) -> list[str]:
        done = itest("run", "-p", "smoke", *flags, *platform.flags, **platform.variables)
        assert done.code == 0, done.text
        return [scenario["id"] for scenario in done.run["scenarios"]]

    assert ids("-m", "smoke and not (end_to_end or security)") == ["ready", "scores", "health", "openapi"]
    assert ids("-k", "anonymous") == ["rejects-anonymous"]
    nothing = itest("run", "-p", "smoke", "-m", "nobody")
    assert nothing.code == 5, nothing.text
    assert not (itest.folder / "reports").exists() or not list((itest.folder / "reports").glob("*nobody*"))


def test_dry_run_sends_nothing_and_shows_values_with_their_origins(itest: Itest) -> None:
    done = itest(
        "run",
        "-p",
        "performance",
        "--dry-run",
        "--set",
        "benchmarks.accuracy_threshold=0.75",
        PYNOMALY_TEST_MAX_LATENCY_MS="77",
    )
    assert done.code == 0, done.text
    (latency,) = [line for line in done.out.splitlines() if "benchmarks.detection_latency_ms " in line]
    assert "77" in latency
    assert "PYNOMALY_TEST_MAX_LATENCY_MS" in latency
    (accuracy,) = [line for line in done.out.splitlines() if "benchmarks.accuracy_threshold " in line]
    assert "0.75" in accuracy
    assert "--set" in accuracy
    assert not (itest.folder / "reports").exists()


def test_maxfail_stops_and_reports_what_was_planned(itest: Itest) -> None:
    profile = itest.profile(
        "version: 1\nname: x\nscenarios:\n"
        + "".join(f"  - {{id: s{n}, steps: [{{request: {{path: /}}}}]}}\n" for n in range(3))
    )
    with misbehaving.serving(misbehaving.failing) as url:
        done = itest("run", "-p", profile, "--target", url, "--maxfail", "1")
    assert done.code == 1
    assert [scenario["verdict"] for scenario in done.run["scenarios"]] == ["failed", "skipped", "skipped"]
    assert done.run["scenarios"][2]["reason"] == "--maxfail 1 was reached"


def test_repeat_runs_every_scenario_again_under_its_own_number(itest: Itest, platform: Platform) -> None:
    done = itest(
        "run", "-p", "smoke", "-k", "openapi", "--repeat", "3", *platform.flags, **platform.variables
    )
    assert [scenario["id"] for scenario in done.run["scenarios"]] == ["openapi#1", "openapi#2", "openapi#3"]


def test_jobs_run_side_by_side_and_report_in_planned_order(itest: Itest, platform: Platform) -> None:
    flags = ("-p", "e2e", "--scenario", "missing-objects", "--scenario", "upload-format", *platform.flags)
    one, four = (itest("run", *flags, "--jobs", jobs, **platform.variables) for jobs in ("1", "4"))
    assert (one.code, four.code) == (0, 0), one.text + four.text
    ids = [scenario["id"] for scenario in four.run["scenarios"]]
    assert len(ids) >= 8
    assert ids == sorted(ids, key=lambda name: not name.startswith("upload-format"))


def test_an_unmet_requirement_skips_with_its_reason_and_skips_alone_are_no_pass(itest: Itest) -> None:
    profile = itest.profile(RAW.replace("- id: answers", "- id: answers\n    requires: [redis]"))
    port = misbehaving.closed_port()
    with misbehaving.serving(lambda _, it: it.answer(200, '{"name": "x"}')) as url:
        done = itest(
            "run", "-p", profile, "--target", url, PYNOMALY_TEST_REDIS_URL=f"redis://127.0.0.1:{port}"
        )
    assert done.code == 4, done.text
    assert done.run["scenarios"][0]["verdict"] == "skipped"
    assert f"no server answers at redis://127.0.0.1:{port}" in done.run["scenarios"][0]["reason"]


def test_report_renders_the_same_again_from_the_log_alone(itest: Itest, platform: Platform) -> None:
    first = itest("run", "-p", "smoke", "-k", "openapi", *platform.flags, **platform.variables)
    latest = itest.folder / "reports" / "latest"
    before = (latest / "run.json").read_bytes()
    (latest / "run.json").unlink()
    again = itest("report", "reports/latest", "--format", "json,html")
    assert (first.code, again.code) == (0, 0), again.text
    assert (latest / "run.json").read_bytes() == before
    missing = itest("report", "reports/nowhere")
    assert missing.code == 2
    assert "no run at reports/nowhere" in missing.err


def test_a_labelled_file_takes_the_place_of_a_dataset(
    itest: Itest, platform: Platform, tmp_path: Path
) -> None:
    rows = "\n".join(f"{n % 7},{n % 5},{0 if n % 20 else 1}" for n in range(200))
    (tmp_path / "mine.csv").write_text(f"a,b,is_bad\n{rows}\n")
    flags = ("--scenario", "upload-format[format=csv]", "--dataset", "anomalous=mine.csv:is_bad")
    done = itest("run", "-p", "e2e", *flags, *platform.flags, **platform.variables)
    assert done.code == 0, done.text
    gates = {gate["expression"]: gate["limit"] for gate in done.run["scenarios"][0]["gates"]}
    assert gates["json.n_samples == dataset.n_samples"] == 200


def test_secrets_are_nowhere_in_what_a_run_leaves(itest: Itest, platform: Platform) -> None:
    done = itest("run", "-p", "smoke", "-v", *platform.flags, **platform.variables)
    assert done.code == 0, done.text
    for path in (itest.folder / "reports").rglob("*"):
        if path.is_file():
            content = path.read_text(errors="replace")
            assert platform.password not in content
            assert "eyJ" not in content, path
    assert platform.password not in done.text


@pytest.mark.parametrize(
    "family", ["profiles", "scenarios", "steps", "gates", "metrics", "algorithms", "datasets"]
)
def test_list_shows_what_there_is(itest: Itest, family: str) -> None:
    done = itest("list", family)
    assert done.code == 0, done.text
    expected = {
        "profiles": "performance",
        "scenarios": "detection-latency[algorithm=isolation_forest,rows=1]",
        "steps": "upload_dataset",
        "gates": "resource_cleanup",
        "metrics": "target.rss_mb",
        "algorithms": "isolation_forest",
        "datasets": "gaussian",
    }
    assert expected[family] in done.out


def test_schema_is_json_and_knows_every_step(itest: Itest) -> None:
    done = itest("schema")
    assert done.code == 0
    assert "train_detector" in json.dumps(json.loads(done.out))


def test_the_command_that_runs_it_again_does_when_it_is_pasted(itest: Itest) -> None:
    (itest.folder / "data").mkdir()
    (itest.folder / "data" / "rows.csv").write_text("a,b\n" + "1.0,2.0\n2.0,3.0\n" * 20)
    profile = itest.profile(
        "version: 1\nname: mine\ndatasets: {rows: {kind: file, path: rows.csv}}\nscenarios:\n"
        "  - id: its\n    matrix: {part: [one]}\n    steps: [{upload_dataset: {dataset: rows}, save: stored}]\n"
        "    gates: [stored.n_samples >= 1000]\n"
    )
    first = itest("run", "-p", profile, "--data-dir", "data", "--allow-disruptive", "--fail-on", "low")
    assert first.code == 1, first.text
    (line,) = [line for line in first.out.splitlines() if "again: " in line]
    words = shlex.split(line.partition("again: ")[2])
    assert words[0] == "pynomaly-itest"
    again = itest(*words[1:])
    assert again.code == 1, again.text
    assert again.run["reproduce"] == first.run["reproduce"]
    assert "--allow-disruptive" in words
    assert words[words.index("--fail-on") + 1] == "low"
