"""What a target carries, what it answers under load, and how it comes back, through the command line."""

from __future__ import annotations

from typing import Any

import misbehaving
import pytest
from command_line import Finished, Itest, Platform
from limited import limited

pytestmark = pytest.mark.serial

TWO_BODIES = """
version: 1
name: answers
scenarios:
  - id: answers
    steps:
      - load:
          mix:
            - {request: {method: POST, path: /predict, body: one}, name: one}
            - {request: {method: POST, path: /predict, body: two}, name: two}
          rate: 300/s
          duration: 3s
          verify: true
        save: load
    gates: [load.swapped == 0, load.wrong == 0, load.verified == 900]
"""


def gates(done: Finished) -> dict[str, dict[str, Any]]:
    return {gate["expression"]: gate for gate in done.run["scenarios"][0]["gates"]}


def test_the_capacity_of_a_target_that_carries_a_hundred_a_second(itest: Itest) -> None:
    profile = itest.profile(
        """
version: 1
name: capacity
scenarios:
  - id: capacity
    steps:
      - capacity:
          request: {method: POST, path: /predict, body: x}
          objectives: {latency_ms.p99: 300ms, error_ratio: 2%}
          from: 80/s
          to: 160/s
          precision: 50%
          budget: 30s
        save: capacity
    gates: [capacity.rate >= 30/s, capacity.rate <= 200/s]
"""
    )
    with limited("serial", "--ms", "10") as server:
        done = itest("run", "-p", profile, "--target", server.url)
    assert done.code in (0, 4), done.text  # 4: this machine had no time for its own generator, and said so
    found = done.run["scenarios"][0]["steps"][0]["values"]
    assert found["highest_held"] is None or found["highest_held"] <= 110
    if done.code == 0:
        low, high = gates(done)["capacity.rate >= 30/s"]["interval"]
        assert low <= 100 <= high
        assert "latency" in found["reason"]
        assert [curves["name"] for curves in done.run["scenarios"][0]["curves"]][:1] == ["capacity.rates"]


@pytest.mark.parametrize(("mode", "code", "verdict"), [("serial", 0, "passed"), ("swap", 1, "failed")])
def test_swapped_answers_are_found_by_name(itest: Itest, mode: str, code: int, verdict: str) -> None:
    with limited(mode) as server:
        done = itest("run", "-p", itest.profile(TWO_BODIES), "--target", server.url)
    assert done.code == code, done.text
    assert gates(done)["load.swapped == 0"]["verdict"] == verdict
    assert ("the first is swapped with status 200 from" in done.out) is (mode == "swap")


def test_what_a_load_creates_is_followed_to_its_end_and_cleaned_up(itest: Itest, platform: Platform) -> None:
    profile = itest.profile(
        """
version: 1
name: mixed
datasets: {rows: {kind: gaussian, rows: 60, features: 3, contamination: 0.1, seed: 1}}
scenarios:
  - id: mixed
    steps:
      - upload_dataset: {dataset: rows}
        save: dataset
      - create_detector: {algorithm: hbos}
        save: detector
      - train_detector: {detector: "${{ detector.id }}", dataset: "${{ dataset.id }}"}
      - load:
          mix:
            - request: {upload_dataset: {dataset: rows}}
            - request: {train_detector: {detector: "${{ detector.id }}", dataset: "${{ dataset.id }}"}}
          executor: per-vu-iterations
          vus: 2
          iterations: 10
          timeout: 20s
        save: load
    gates: [load.error_ratio == 0, load.work_unfinished == 0, load.work_accepted == 20]
"""
    )
    done = itest("run", "-p", profile, *platform.flags, **platform.variables)
    assert done.code == 0, done.text
    cleaned = gates(done)["resource_cleanup"]
    assert cleaned["verdict"] == "passed"
    assert cleaned["n"] > 5


def test_a_target_that_is_well_has_recovered_and_one_that_is_not_never_does(itest: Itest) -> None:
    text = """
version: 1
name: back
scenarios:
  - id: back
    steps:
      - recovery: {request: {path: /}, objective: 1s, in_a_row: 3, every: 10ms, within: 1s}
        save: recovery
    gates: [recovery.seconds <= 1]
"""
    asked = iter(range(10_000))

    def behave(head: str, connection: misbehaving.Connection) -> None:
        probed = head.startswith("GET / ")  # the tool looks at /metrics too
        connection.answer(
            503 if probed and next(asked) % 3 == 2 else 200, "{}"
        )  # never three good ones in a row

    with misbehaving.serving(lambda _, connection: connection.answer(200, "{}")) as url:
        well = itest("run", "-p", itest.profile(text), "--target", url)
        assert well.code == 0, well.text
        assert well.run["scenarios"][0]["steps"][0]["values"]["failed_probes"] == 0
    with misbehaving.serving(behave) as url:
        ill = itest("run", "-p", itest.profile(text), "--target", url)
    assert ill.code == 1, ill.text
    assert "not recovered within 1 s" in ill.text


LOAD = "load: {request: {path: /}, rate: 10/s, duration: 5s%s}"
CAPACITY = "capacity: {request: {path: /}, objectives: {%s}, from: 10/s, to: %s%s}"


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (LOAD % ", shape: spik", ["ramp", "spike"]),
        (LOAD % ", shape: breakpoint", ["breakpoint needs 'abort_on'"]),
        (LOAD % ", shape: ramp, peak: 5/s", ["'peak' is a spike's top"]),
        (LOAD % ", shape: spike, vus: 3", ["no stages, vus or iterations"]),
        (LOAD % ", abort_on: {latency.p99: 1s}", ["unknown objective 'latency.p99'", "latency_ms.p99"]),
        (LOAD % ", abort_on: {latency_ms.p99: 5mb}", ["mb can't be compared with ms"]),
        (LOAD % ", shape: soak, executor: constant-vus", ["'executor' must not say it too"]),
        (LOAD % ", verify: {times: 1}", ["times"]),
        (LOAD % ", verify: {references: before}", ["an earlier load's"]),
        (CAPACITY % ("latency_ms.p99: 1s", "5/s", ""), ["'from' must be above 0 and at most 'to'"]),
        (CAPACITY % ("", "50/s", ""), ["objectives"]),
        (CAPACITY % ("latency_ms.p99: 1s", "50/s", ", level: 1s"), ["'level': must be at least 4s"]),
        (CAPACITY % ("latency_ms.p99: 1s", "50/s", ", precision: 0"), ["'precision': must be 1% to 100%"]),
        (CAPACITY % ("wrong_ratio: 0", "50/s", ""), ["needs 'verify: true'"]),
        ("load: {request: {upload_dataset: {dataset: d}}, rate: 500/s, duration: 9s}", ["at most 500 are"]),
        (
            "load: {request: {upload_dataset: {dataset: d}}, executor: constant-vus, vus: 2, duration: 9s}",
            ["must say how many"],
        ),
        ("recovery: {request: {pat: /}}", ["unknown key 'pat'"]),
    ],
)
def test_what_can_not_be_is_told_before_the_run(itest: Itest, step: str, words: list[str]) -> None:
    profile = itest.profile(
        "version: 1\nname: bad\ndatasets: {d: {kind: gaussian, rows: 9, features: 2}}\n"
        f"scenarios:\n  - id: bad\n    steps:\n      - {step}\n"
    )
    done = itest("validate", profile)
    assert done.code == 2, done.text
    assert "mine.yaml:7" in done.text
    for word in words:
        assert word in done.text
