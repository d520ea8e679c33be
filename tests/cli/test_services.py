"""A service that nobody here wrote, gated by the block that says how it is spoken to; its broken twins are caught."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import misbehaving
import plain
import pytest
from command_line import Finished, Itest

SERVICE = """\
adapter: mapping
ready: {path: /healthz}
version: {path: /version, at: build}
auth: {header: X-API-Key, value: "${{ env.AD_KEY }}"}
score:
  path: /predict
  body: {data: $rows}
  scores: scores
  labels: labels
  higher_is: normal
  anomaly: -1
data: {labelled: test.csv:label}
"""
PROFILE = """\
version: 1
name: mine
scenarios:
  - id: quality
    steps:
      - ready: {}
        expect: [version == "2.4.1"]
      - prepare_model: {dataset: generated}
        save: model
      - evaluate: {model: "${{ model.id }}", source: generated}
        save: quality
    gates:
      - quality.roc_auc >= 0.95
      - quality.recall >= 0.6
  - id: load
    steps:
      - load:
          request: {score: {rows: 8}}
          executor: shared-iterations
          vus: 8
          iterations: 400
          verify: true
        save: load
    gates:
      - load.error_ratio == 0
      - load.swapped == 0
      - load.wrong == 0
  - id: training
    matrix: {algorithm: [knn, pca]}
    steps:
      - create_detector: {algorithm: "${{ matrix.algorithm }}"}
datasets:
  generated: {kind: gaussian, rows: 100, contamination: 0.1}
"""


@contextmanager
def service(flaw: str | None = None) -> Iterator[str]:
    with plain.serving(plain.Plain(flaw, plain.KEY).app()) as url:
        yield url


@pytest.fixture(scope="module")
def sound() -> Iterator[str]:
    with service() as url:
        yield url


def run(itest: Itest, url: str, *more: str, key: str = plain.KEY) -> Finished:
    plain.write_csv(itest.folder / "test.csv")
    (itest.folder / "service.yaml").write_text(SERVICE)
    profile = itest.profile(PROFILE)
    words = ["run", "-p", profile, "--service", "service.yaml", "--target", url, "--report", "json", *more]
    return itest(*words, AD_KEY=key) if key else itest(*words)


def verdicts(finished: Finished) -> dict[str, str]:
    return {scenario["id"]: scenario["verdict"] for scenario in finished.run["scenarios"]}


def test_a_sound_service_passes_and_what_it_lacks_is_skipped_with_its_reason(
    itest: Itest, sound: str
) -> None:
    finished = run(itest, sound)
    assert finished.code == 0, finished.text
    assert verdicts(finished) == {"quality": "passed", "load": "passed", "training": "skipped"}
    reason = finished.run["scenarios"][2]["reason"]
    assert reason.startswith("needs the platform's API")
    assert "adapter mapping" in reason


def test_the_key_stands_nowhere_in_what_is_written(itest: Itest, sound: str) -> None:
    finished = run(itest, sound, "--scenario", "quality", "--log-level", "DEBUG")
    assert plain.KEY not in finished.text
    written = [path for path in (itest.folder / "reports").rglob("*") if path.is_file()]
    assert written
    assert [path for path in written if plain.KEY in path.read_text(errors="replace")] == []


def test_a_key_that_is_not_set_is_told_before_anything_is_sent(itest: Itest, sound: str) -> None:
    finished = run(itest, sound, key="")
    assert finished.code == 2
    assert "the service needs $AD_KEY, which is not set" in finished.text
    assert "Traceback" not in finished.text


def test_a_wrong_key_fails(itest: Itest, sound: str) -> None:
    finished = run(itest, sound, "--scenario", "quality", key="another-key")
    assert finished.code == 1
    assert "answered 401" in finished.text


@pytest.mark.parametrize(
    ("flaw", "scenario", "said"),
    [
        ("sign flipped", "quality", "labels and scores contradict each other"),
        ("rows mixed up", "load", "load.swapped"),
        ("never loaded", "quality", "quality.roc_auc"),
        ("few trees", "quality", "quality.r"),
    ],
)
def test_a_broken_twin_is_caught_by_name(itest: Itest, flaw: str, scenario: str, said: str) -> None:
    with service(flaw) as url:
        finished = run(itest, url, "--scenario", scenario)
    assert finished.code == 1, finished.text
    failed = finished.run["scenarios"][0]
    told = [
        failed["reason"] or "",
        *(gate["expression"] for gate in failed["gates"] if gate["verdict"] == "failed"),
    ]
    assert any(said in text for text in told), told


def test_a_service_without_an_address_is_refused_with_the_line_to_write(itest: Itest) -> None:
    plain.write_csv(itest.folder / "test.csv")
    (itest.folder / "service.yaml").write_text(SERVICE)
    finished = itest("run", "-p", itest.profile(PROFILE), "--service", "service.yaml", AD_KEY="some-key")
    assert finished.code == 2
    assert "the service has no address" in finished.text


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("  higher_is: normal\n", "'higher_is' is missing"),
        ("  anomaly: -1\n", "'anomaly' is missing"),
        ("adapter: mapping\n", "'adapter' is missing"),
    ],
)
def test_a_block_that_leaves_out_what_can_not_be_guessed_is_refused_at_its_line(
    itest: Itest, broken: str, said: str
) -> None:
    block = "\n".join(f"  {line}" for line in SERVICE.replace(broken, "").splitlines())
    path: Path = itest.folder / "inline.yaml"
    path.write_text(f"{PROFILE}service:\n{block}\n")
    finished = itest("validate", str(path))
    assert finished.code == 2
    assert said in finished.text
    assert "inline.yaml:" in finished.text


def test_the_profile_that_ships_finds_a_service_that_asks_nobody_who_he_is(itest: Itest) -> None:
    plain.write_csv(itest.folder / "test.csv")
    (itest.folder / "service.yaml").write_text(SERVICE)
    with service("no authentication") as url:
        finished = itest("run", "-p", "smoke", "--service", "service.yaml", "--target", url, AD_KEY=plain.KEY)
    assert finished.code == 1
    assert "anonymous (no credentials) answered 200, expected 401 or 403" in finished.text
    assert verdicts(finished)["scores"] == "passed"
    assert verdicts(finished)["main-path"] == "skipped"


def test_the_profile_that_ships_finds_a_service_that_breaks_on_bodies_that_are_no_good(itest: Itest) -> None:
    plain.write_csv(itest.folder / "test.csv")
    (itest.folder / "service.yaml").write_text(SERVICE)
    with service("500 on malformed") as url:
        finished = itest("run", "-p", "smoke", "--service", "service.yaml", "--target", url, AD_KEY=plain.KEY)
    assert finished.code == 1
    assert "malformed (half a body) answered 500, expected 400 or 413 or 415 or 422" in finished.text


def started(itest: Itest, command: str, *more: str) -> Finished:
    plain.write_csv(itest.folder / "test.csv")
    block = f'{SERVICE}start: {{command: "{command}", ready_within: 60s}}\n'
    (itest.folder / "service.yaml").write_text(block)
    return itest("run", "-p", "smoke", "--service", "service.yaml", *more, AD_KEY=plain.KEY)


def test_a_service_is_started_by_its_command_and_gone_afterwards(itest: Itest) -> None:
    finished = started(itest, f"{sys.executable} {plain.__file__} {{port}}")
    assert finished.code == 0, finished.text
    assert finished.run["target"]["kind"] == "started"
    assert verdicts(finished)["scores"] == "passed"
    with pytest.raises(httpx.ConnectError):
        httpx.get(finished.run["target"]["url"] + "/healthz")


def test_a_command_that_ends_at_once_is_told_with_its_last_words(itest: Itest) -> None:
    broken = itest.folder / "broken.py"
    broken.write_text("print('no model', flush=True); raise SystemExit(7)")
    finished = started(itest, f"{sys.executable} {broken} {{port}}")
    assert finished.code == 3
    assert "the service ended while starting (exit status 7)" in finished.text
    assert "no model" in finished.text


def test_a_command_without_a_port_is_a_mistake(itest: Itest) -> None:
    finished = started(itest, "uvicorn app:app")
    assert finished.code == 2
    assert "it has no {port}" in finished.text


def checked(itest: Itest, block: str, *more: str) -> Finished:
    plain.write_csv(itest.folder / "test.csv")
    (itest.folder / "service.yaml").write_text(block)
    return itest("service", "check", "service.yaml", *more, AD_KEY=plain.KEY)


def test_check_shows_what_was_sent_answered_and_understood(itest: Itest, sound: str) -> None:
    finished = checked(itest, SERVICE, "--target", sound)
    assert finished.code == 0, finished.text
    for said in ("POST /predict answered 200", '{"data": [[', "read as  scores [", "roc_auc", "answered 401"):
        assert said in finished.out
    assert plain.KEY not in finished.text
    assert max(map(len, finished.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("  scores: scores", "  scores: outlier_scores", "nothing at `scores: outlier_scores`"),
        ("higher_is: normal", "higher_is: anomalous", "contradict each other"),
        ("anomaly: -1", "anomaly: outlier", "is no such value"),
        ("path: /predict", "path: /score", "answered 404"),
        ("path: /healthz", "path: /nowhere", "answered 404, ready is 200"),
    ],
)
def test_check_tells_what_is_wrong_with_a_block(
    itest: Itest, sound: str, right: str, wrong: str, said: str
) -> None:
    finished = checked(itest, SERVICE.replace(right, wrong), "--target", sound)
    assert finished.code == 1, finished.text
    assert said in " ".join(finished.out.split())


def test_check_sees_scores_that_point_the_wrong_way_without_labels_to_compare(
    itest: Itest, sound: str
) -> None:
    block = SERVICE.replace("  labels: labels\n", "").replace("  anomaly: -1\n", "")
    finished = checked(itest, block.replace("higher_is: normal", "higher_is: anomalous"), "--target", sound)
    assert finished.code == 1
    assert "is `higher_is` the other way round?" in finished.out


def test_detect_proposes_a_block_and_refuses_to_guess(itest: Itest, sound: str) -> None:
    finished = itest("service", "detect", sound, "--out", "found.yaml")
    assert finished.code == 0, finished.text
    assert "POST /predict takes rows" in finished.err
    block = (itest.folder / "found.yaml").read_text()
    for said in ("adapter: mapping", "path: /healthz", "data: $rows", "scores: scores", "labels: labels"):
        assert said in block
    profile = itest.profile(f"{PROFILE}service: found.yaml\n")
    refused = itest("validate", profile)
    assert refused.code == 2
    assert "higher_is" in refused.text


def test_detect_says_where_nothing_tells_what_it_is(itest: Itest) -> None:
    with misbehaving.serving(lambda head, connection: connection.answer(404, "{}")) as url:
        finished = itest("service", "detect", url)
    assert finished.code == 2
    assert "tells what kind of service it is" in finished.text


def test_what_a_service_takes_on_purpose_is_not_held_against_it(itest: Itest) -> None:
    plain.write_csv(itest.folder / "test.csv")
    kinds = "[malformed, empty, wide, narrow, text, nan, deep]"
    (itest.folder / "service.yaml").write_text(f"{SERVICE}invalid: {{taken: {kinds}}}\n")
    with service("500 on malformed") as url:
        finished = itest("run", "-p", "smoke", "--service", "service.yaml", "--target", url, AD_KEY=plain.KEY)
    assert finished.code == 0, finished.text
    assert verdicts(finished)["scores"] == "skipped"
