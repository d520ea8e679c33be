"""Load through the command line: a target that holds its rate, one that stalls, one that errs, one that lies."""

from __future__ import annotations

import threading
from typing import Any

import misbehaving
import pytest
from command_line import Finished, Itest, Platform

pytestmark = pytest.mark.serial

RAW = """
version: 1
name: load
scenarios:
  - id: load
    steps:
      - load: {request: {path: /}, rate: 100/s, duration: 3s%s}
        save: load
    gates: [%s]
"""


def gate(done: Finished, expression: str) -> dict[str, Any]:
    (found,) = [each for each in done.run["scenarios"][0]["gates"] if each["expression"] == expression]
    return dict(found)


def fine(_: str, connection: misbehaving.Connection) -> None:
    connection.answer(200, "{}")


def test_a_target_that_keeps_up_passes_with_every_request_accounted_for(itest: Itest) -> None:
    gates = "load.requests == 300, load.error_ratio == 0, load.latency_ms.p95 <= 2s, load.dropped == 0"
    with misbehaving.serving(fine) as url:
        done = itest("run", "-p", itest.profile(RAW % ("", gates)), "--target", url)
    assert done.code == 0, (
        done.text
    )  # even where this machine could not send in time: lateness only adds to latency
    assert gate(done, "load.requests == 300")["verdict"] == "passed"
    assert gate(done, "load.error_ratio == 0")["verdict"] == "passed"


def test_a_stall_is_felt_by_everyone_who_was_due_in_it(itest: Itest) -> None:
    """One second of silence in three at 100/s: a third of the users wait, so p50 is short and p90 is not."""
    gate_open, seen, lock = threading.Event(), [0], threading.Lock()
    gate_open.set()

    def behave(_: str, connection: misbehaving.Connection) -> None:
        with lock:
            seen[0] += 1
            if seen[0] == 100:
                gate_open.clear()
                threading.Timer(1.0, gate_open.set).start()
        gate_open.wait(10)
        connection.answer(200, "{}")

    gates = "load.latency_ms.p90 <= 200ms, load.requests == 300"
    with misbehaving.serving(behave) as url:
        done = itest("run", "-p", itest.profile(RAW % ("", gates)), "--target", url)
    assert gate(done, "load.requests == 300")["verdict"] == "passed", done.text
    assert gate(done, "load.latency_ms.p90 <= 200ms")["verdict"] in ("failed", "inconclusive"), done.text
    assert done.code in (1, 4)


def test_errors_are_counted_and_red_even_where_the_machine_is_slow(itest: Itest) -> None:
    counter = iter(range(10_000))

    def behave(_: str, connection: misbehaving.Connection) -> None:
        connection.answer(500 if next(counter) % 10 == 0 else 200, "{}")

    with misbehaving.serving(behave) as url:
        done = itest("run", "-p", itest.profile(RAW % ("", "load.error_ratio == 0")), "--target", url)
    assert done.code == 1, done.text
    assert 0.05 <= gate(done, "load.error_ratio == 0")["observed"] <= 0.15


def test_an_answer_with_too_few_labels_is_no_success(itest: Itest, platform: Platform) -> None:
    profile = itest.profile(
        """
version: 1
name: lies
datasets: {data: {kind: gaussian, rows: 100, features: 3, contamination: 0.1, seed: 1}}
scenarios:
  - id: load
    steps:
      - load:
          request: {predict: {detector: anything, dataset: data, rows: 5}}
          executor: shared-iterations
          vus: 2
          iterations: 100
          check_every: 1
        save: load
    gates: [load.error_ratio == 0]
"""
    )

    def behave(head: str, connection: misbehaving.Connection) -> None:
        labels = "[0, 1]" if "/predict" in head else "[]"
        connection.answer(
            200,
            f'{{"status": "ok", "access_token": "a", "anomaly_labels": {labels}, "anomaly_scores": [1, 2]}}',
        )

    with misbehaving.serving(behave) as url:
        done = itest("run", "-p", profile, "--target", url)
    assert done.code == 1, done.text
    assert gate(done, "load.error_ratio == 0")["observed"] == 1.0


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (", rate: 5/s", ["duplicate key 'rate'"]),
        (", executor: constant-vus", ["needs 'vus'"]),
        (", mix: []", ["'request' or 'mix'"]),
        (", workers: 0", ["workers"]),
    ],
)
def test_a_load_that_can_not_be_is_told_before_the_run(itest: Itest, extra: str, words: list[str]) -> None:
    done = itest("validate", itest.profile(RAW % (extra, "load.error_ratio == 0")))
    assert done.code == 2, done.text
    for word in words:
        assert word in done.text


TOKENS = """
version: 1
name: tokens
target: {settings: {access_token_s: 8}}
scenarios:
  - id: one-after-the-other
    steps:
      - load: {request: {path: /api/v1/auth/me}, rate: 20/s, duration: 5s}
        save: first
      - load: {request: {path: /api/v1/auth/me}, rate: 20/s, duration: 5s}
        save: second
    gates: [first.error_ratio == 0, second.error_ratio == 0]
  - id: too-long
    steps:
      - load: {request: {path: /api/v1/auth/me}, rate: 20/s, duration: 9s}
        save: load
    gates: [load.error_ratio == 0]
"""


def test_a_load_begins_with_a_token_that_outlasts_it_or_says_that_there_is_none(itest: Itest) -> None:
    done = itest("run", "-p", itest.profile(TOKENS))
    assert done.code == 4, done.text
    outlasted, too_long = done.run["scenarios"]
    assert outlasted["verdict"] == "passed", outlasted["reason"]
    assert too_long["verdict"] == "error"
    assert "the load takes 9 s, and the target's tokens are good for 8 s" in too_long["reason"]
