"""`run --every` and `--until-failure` against a service that is sometimes down."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import misbehaving
from command_line import Itest

RAW = """
version: 1
name: raw
scenarios:
  - {id: answers, steps: [{request: {path: /thing}}]}
"""


def answering(statuses: Iterator[int]) -> misbehaving.Behaviour:
    """Each question after the thing gets the next status."""

    def behave(head: str, connection: misbehaving.Connection) -> None:
        connection.answer(next(statuses) if " /thing " in head else 404, "{}")

    return behave


def test_until_failure_ends_with_the_first_failure_and_says_which_run_it_was(itest: Itest) -> None:
    with misbehaving.serving(answering(iter([200, 200, 500, 200]))) as url:
        done = itest("run", "-p", itest.profile(RAW), "--target", url, "--until-failure", "--repeat", "4")
    assert done.code == 1, done.text
    assert done.out.splitlines()[-1] == "2 of 3 rounds passed (exit 1)"
    assert "answered 500, expected 2xx" in done.out
    assert done.run["exit_code"] == 1
    assert "--until-failure" not in (itest.folder / "reports/latest/run.jsonl").read_text()


def test_every_outlasts_a_failure_keeps_the_newest_and_tells_the_webhook_of_changes(itest: Itest) -> None:
    told: list[str] = []

    def hook(head: str, connection: misbehaving.Connection) -> None:
        told.append(head)
        connection.answer(200, "{}")

    with (
        misbehaving.serving(answering(iter([200, 500, 200]))) as url,
        misbehaving.serving(hook) as webhook,
    ):
        done = itest(
            *("run", "-p", itest.profile(RAW), "--target", url, "--every", "1s", "--repeat", "3"),
            *("--keep", "2", "--metrics-port", "0"),
            PYNOMALY_ITEST_WEBHOOK_URL=f"{webhook}/s3cret",
        )
    assert done.code == 1, done.text
    assert done.out.splitlines()[-1] == "2 of 3 rounds passed (exit 1)"
    assert [head.split(" ")[1] for head in told] == ["/s3cret", "/s3cret"], "failed, then passed again"
    assert len(list((itest.folder / "reports").glob("2*/run.jsonl"))) == 2
    assert "s3cret" not in done.text


def test_a_target_that_is_down_is_a_rounds_verdict_and_ctrl_c_ends_the_loop(itest: Itest) -> None:
    process = itest.start("run", "-p", itest.profile(RAW), "--target", "http://127.0.0.1:1", "--every", "60s")
    assert process.stdout is not None
    lines = []
    while not any("round 1:" in line for line in lines):
        lines.append(process.stdout.readline())
        assert process.poll() is None, lines
    process.send_signal(signal.SIGINT)
    done = itest.finish(process)
    assert done.code == 130, done.text
    assert "exit 3" in lines[-1]
    assert done.out.splitlines()[-1] == "interrupted, 0 of 1 rounds passed (exit 130)"
    assert json.loads((itest.folder / "reports/latest/run.json").read_text())["exit_code"] == 3
