"""What was acknowledged is held against a target that forgets, lies, hangs, refuses or is well; by fakes."""

from __future__ import annotations

import asyncio
import io
import json
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pynomaly_itest.events import Exchange
from pynomaly_itest.faulting.course import Course, _begun
from pynomaly_itest.faulting.facts import Begun, Detected, Kept, Stored, same_scores
from pynomaly_itest.faulting.recovery import Recovered
from pynomaly_itest.faulting.tally import Tally
from pynomaly_itest.target.http import Reply, RequestFailed

EXCHANGE = Exchange(method="GET", url="http://x/")
ROWS = np.arange(6.0).reshape(3, 2)


def reply(status: int = 200, body: Any = None, raw: bytes | None = None) -> Reply:
    content = raw if raw is not None else json.dumps(body).encode()
    return Reply(status, {}, content, 1.0, lambda: EXCHANGE)


class Api:
    """Answers each path as it is told to; an exception is raised."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    async def send(self, method: str, path: str, **_: Any) -> Reply:
        answer = self.answers[path]
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Reply)
        return answer


def file(rows: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, rows)
    return buffer.getvalue()


def reason(fact: Any, answers: dict[str, Any]) -> str | None:
    found: str | None = asyncio.run(fact.lost(Api(answers)))
    return found


def test_a_stored_dataset_is_there_with_its_rows_or_it_is_lost() -> None:
    path = "datasets/a/export?format=npy"
    fact = Stored("a", ROWS)
    assert reason(fact, {path: reply(raw=file(ROWS))}) is None
    assert "answers 404" in str(reason(fact, {path: reply(404)}))
    assert "other values" in str(reason(fact, {path: reply(raw=file(ROWS + 1))}))
    assert "other values" in str(reason(fact, {path: reply(raw=file(ROWS[:2]))}))
    assert "no .npy" in str(reason(fact, {path: reply(raw=b"")}))


def test_a_result_keeps_its_scores_and_a_path_its_thing() -> None:
    fact = Detected("r", (0.5, 1.0))
    path = "detection/results/r"
    assert reason(fact, {path: reply(body={"anomaly_scores": [0.5, 1.0]})}) is None
    for body in ({"anomaly_scores": [0.5, 1.1]}, {"anomaly_scores": []}, {"anomaly_scores": None}, []):
        assert "other scores" in str(reason(fact, {path: reply(body=body)}))
    assert "answers 503" in str(reason(fact, {path: reply(503)}))
    assert reason(Kept("detectors/d"), {"detectors/d": reply()}) is None
    assert "answers 404" in str(reason(Kept("detectors/d"), {"detectors/d": reply(404)}))


@pytest.mark.parametrize(
    ("state", "model", "said"),
    [
        ({"status": "completed"}, 200, None),
        ({"status": "failed", "error": {"code": "worker-died"}}, 200, None),
        ({"status": "failed"}, 200, "does not say why"),
        ({"status": "pending"}, 200, "still pending"),
        ({"status": "completed"}, 409, "its detector answers 409"),
        ([], 200, "still None"),
    ],
)
def test_an_accepted_operation_ends_and_says_how(state: Any, model: int, said: str | None) -> None:
    fact = Begun("o", "d", [[1.0, 2.0]])
    answers = {"operations/o": reply(body=state), "detection/predict": reply(model)}
    found = reason(fact, answers)
    assert (found is None) if said is None else (said in str(found))


def test_scores_are_the_same_to_the_last_digits_and_none_are_never() -> None:
    assert same_scores([1.0, 2.0], [1.0, 2.0 + 1e-12])
    assert not same_scores([1.0], [1.0 + 1e-6])
    assert not same_scores([1.0], [1.0, 2.0])
    assert not same_scores([], [])


def asked(answer: Any) -> Tally:
    tally = Tally()
    api: Any = Api({"x": answer})
    asyncio.run(tally.ask(api, "GET", "x", accept=(200,), patience_s=1))
    return tally


def test_each_end_of_a_request_is_counted_as_what_it_is() -> None:
    assert asked(reply()).answered == 1
    assert asked(reply(503)).refused == 1
    assert asked(reply(429)).refused == 1
    assert asked(reply(500)).internal_errors == 1
    assert asked(reply(404)).wrong == Counter({"GET x answered 404": 1})
    assert asked(RequestFailed("x: no answer within 1 s", EXCHANGE)).hung == 1
    assert asked(RequestFailed("x: connection refused", EXCHANGE)).broken == 1
    assert Tally().counts()["answered_ratio"] is None


def course(**found: Any) -> list[str]:
    made = Course.__new__(Course)
    made.within_s = 20.0
    made.recovered, made.lost, made.wrong = Recovered(1.0, 2.0, 3.0), [], Counter()
    for name, value in found.items():
        setattr(made, name, value)
    return made.complaints()


COMPLAINTS: list[tuple[dict[str, Any], Callable[[str], bool]]] = [
    ({}, lambda said: said == ""),
    ({"recovered": "it is not ready"}, lambda said: "not as before within 20 s: it is not ready" in said),
    ({"lost": ["a", "b", "c", "d"]}, lambda said: said == "lost: a, b, c (and 1 more)"),
    ({"wrong": Counter({"w": 7})}, lambda said: said == "wrong: w (7 times)"),
]


@pytest.mark.parametrize(("found", "is_right"), COMPLAINTS)
def test_what_no_target_may_do_is_said(found: dict[str, Any], is_right: Callable[[str], bool]) -> None:
    assert is_right("; ".join(course(**found)))


@pytest.mark.parametrize("how", ["begins", "is over before it begins", "never says"])
def test_a_fault_waits_until_what_runs_meanwhile_is_under_way(how: str) -> None:
    async def go() -> list[str]:
        order: list[str] = []
        event = None if how == "never says" else asyncio.Event()

        async def meanwhile() -> None:
            await asyncio.sleep(0)
            order.append("prepared")
            if how == "begins" and event is not None:
                event.set()
                await asyncio.Event().wait()

        stage: Any = SimpleNamespace(begun=event)
        step = asyncio.create_task(meanwhile())
        await _begun(stage, step)
        order.append("fault")
        step.cancel()
        return order

    assert asyncio.run(go()) == (["fault"] if how == "never says" else ["prepared", "fault"])
