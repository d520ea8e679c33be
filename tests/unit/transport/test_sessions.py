"""Cookies belong to one scenario and one speaker: what one scenario did never lets another one in."""

from __future__ import annotations

from pathlib import Path

import misbehaving
import pytest
from on_a_url import run_on

from pynomaly_itest.verdicts import Verdict

HEAD = "version: 1\nname: t\nscenarios:\n"
LOGIN = "      - request: {method: POST, path: /login, auth: none}\n"
A = f"  - id: a\n    steps:\n{LOGIN}      - request: {{path: /private}}\n"
B = "  - id: b\n    steps:\n      - request: {path: /private, auth: none}\n"
C = "  - id: c\n    steps:\n      - request: {path: /private}\n"


def guarded(head: str, connection: misbehaving.Connection) -> None:
    """/private is open to whoever sends the cookie that /login sets."""
    if head.startswith("POST /login"):
        connection.answer(200, "{}", Set_Cookie="session=abc; Path=/; HttpOnly")
    elif head.startswith("GET /private"):
        connection.answer(200 if "session=abc" in head else 401, "{}")
    else:
        connection.answer(200, "{}")


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_cookie_of_one_scenario_opens_nothing_for_the_next(tmp_path: Path, jobs: int) -> None:
    for turn, parts in enumerate(([A, B, C], [C, A, B], [B, C, A])):
        with misbehaving.serving(guarded) as url:
            result = run_on(url, tmp_path / str(turn), HEAD + "".join(parts), jobs=jobs)
        verdicts = {each.id: each.verdict for each in result.scenarios}
        assert verdicts == {"a": Verdict.PASSED, "b": Verdict.FAILED, "c": Verdict.FAILED}


def test_auth_none_sends_no_cookie_that_the_same_scenario_has(tmp_path: Path) -> None:
    steps = f"  - id: a\n    steps:\n{LOGIN}      - request: {{path: /private, auth: none, status: 401}}\n"
    with misbehaving.serving(guarded) as url:
        result = run_on(url, tmp_path, HEAD + steps)
    assert result.scenarios[0].verdict is Verdict.PASSED, result.scenarios[0].reason


def test_load_and_measure_send_the_cookies_that_request_does(tmp_path: Path) -> None:
    load = "{request: {path: /private}, executor: shared-iterations, vus: 1, iterations: 30, workers: 1}"
    steps = f"""  - id: a
    steps:
{LOGIN}      - measure: {{step: {{request: {{path: /private}}}}, repeat: 5, warmup: 0}}
        save: m
      - load: {load}
        save: l
      - load: {load.replace("/private", "/private, auth: none")}
        save: anonymous
    gates:
      - m.count == 5
      - l.failures == 0
      - anonymous.failures == 30
"""
    with misbehaving.serving(guarded) as url:
        result = run_on(url, tmp_path, HEAD + steps)
    told = {gate.expression: gate.verdict for gate in result.scenarios[0].gates}
    assert set(told.values()) == {Verdict.PASSED}, (told, result.scenarios[0].reason)
