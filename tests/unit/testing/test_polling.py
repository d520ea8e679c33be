"""retry, repeat and stream by themselves, on a clock that the test turns."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from pynomaly_itest.errors import StepFailed
from pynomaly_itest.steps.repeat import Repeat
from pynomaly_itest.steps.retry import Retry
from pynomaly_itest.steps.stream import answers_in


@dataclass
class Script:
    """Each try of the inner step takes the next of these: a number, or a failure."""

    outcomes: list[Any]
    wanted: Any = None
    now_s: float = 0.0
    tries: int = 0
    slept: list[float] = field(default_factory=list)

    async def run(self, context: Any) -> dict[str, Any]:
        outcome = self.outcomes[min(self.tries, len(self.outcomes) - 1)]
        self.tries += 1
        if isinstance(outcome, str):
            raise StepFailed(outcome)
        return {"value": outcome}

    def unmet(self, values: Mapping[str, Any]) -> str | None:
        return (
            None if self.wanted is None or values["value"] == self.wanted else f"value is {values['value']}"
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds

    @property
    def context(self) -> Any:
        return SimpleNamespace(
            prepare=lambda call: self,
            clock=lambda: self.now_s,
            sleep=self.sleep,
            progress=lambda text: None,
            scene=SimpleNamespace(unmet=self.unmet),
        )


def retried(script: Script, **config: Any) -> dict[str, Any]:
    return asyncio.run(Retry(step={"inner": {}}, **config).run(script.context))


def test_it_tries_until_the_expectation_holds() -> None:
    script = Script([1, 2, 3], wanted=3)
    values = retried(script, within_s=10.0, every_s=0.5)
    assert (values["value"], values["tries"]) == (3, 3)
    assert values["waited_seconds"] == pytest.approx(1.0)


def test_at_the_deadline_the_last_values_stand_for_the_expectation_to_judge() -> None:
    script = Script([1], wanted=2)
    values = retried(script, within_s=1.0, every_s=0.4)
    assert values["value"] == 1
    assert script.now_s == pytest.approx(1.0, abs=0.01)


def test_a_failure_is_tried_again_and_raised_at_the_deadline() -> None:
    assert retried(Script(["down", "down", 1]), within_s=5.0)["tries"] == 3
    with pytest.raises(StepFailed, match=r"down \(try \d+, after"):
        retried(Script(["down"]), within_s=1.0)


def test_failures_can_be_final() -> None:
    script = Script(["down", 1])
    with pytest.raises(StepFailed, match="down"):
        retried(script, tolerate_failures=False)
    assert script.tries == 1


def test_repeat_needs_the_expectation_in_every_round() -> None:
    step = Repeat(steps=[{"inner": {}}], times=3)
    good = Script([5], wanted=5)
    assert asyncio.run(step.run(good.context))["times"] == 3
    assert good.tries == 3
    with pytest.raises(StepFailed, match="round 2 of 3: value is 6"):
        asyncio.run(step.run(Script([5, 6, 5], wanted=5).context))


def lines(*answers: Any) -> bytes:
    return b"".join(json.dumps(answer).encode() + b"\n" for answer in answers)


GOOD = {"index": 0, "score": 0.5, "label": 0}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (lines(GOOD), "2 rows were streamed, 1 answers"),
        (lines(GOOD, GOOD), "answer 1 of the stream is not that of row 1"),
        (lines(GOOD, {**GOOD, "index": 1, "score": None}), "has no score and label"),
        (lines(GOOD, {**GOOD, "index": 1, "label": 7}), "has no score and label"),
        (b"nonsense\n", "no JSON"),
    ],
)
def test_a_stream_that_loses_or_swaps_rows_fails(body: bytes, says: str) -> None:
    with pytest.raises(StepFailed, match=says):
        answers_in(body, 2)


def test_a_stream_in_order_is_taken() -> None:
    assert [answer["index"] for answer in answers_in(lines(GOOD, {**GOOD, "index": 1}), 2)] == [0, 1]
