"""Judges a scenario's gates and expectations where its names have values, and writes each judgement down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pynomaly_itest.gates import Judged, judge_condition
from pynomaly_itest.lifecycle.discretion import discreet
from pynomaly_itest.lifecycle.outcome import PASSED, Outcome
from pynomaly_itest.lifecycle.recorder import Recorder, where
from pynomaly_itest.profile.expression import Expression, parse
from pynomaly_itest.profile.model import Gate
from pynomaly_itest.verdicts import Verdict


@dataclass(frozen=True)
class Judge:
    """`confidence` and `min_samples` are the profile's, for gates that name none of their own."""

    recorder: Recorder
    confidence: float
    min_samples: int

    def gates(self, gates: Sequence[Gate], values: Mapping[str, Any]) -> list[Outcome]:
        """A scenario's gates; where nothing was measured they are inconclusive."""
        return [self._gate(gate, values, None, Verdict.INCONCLUSIVE) for gate in gates]

    def expectations(self, gates: Sequence[Gate], values: Mapping[str, Any], step: int) -> list[Outcome]:
        """A step's expectations; a reply that lacks what is expected has failed."""
        return [self._gate(gate, values, step, Verdict.FAILED) for gate in gates]

    def text(self, text: str, values: Mapping[str, Any], step: int, *, where: str, line: str) -> Outcome:
        """An expectation that a Python scenario writes."""
        judged = self._judge(parse(text), values, None, Verdict.FAILED)
        self.recorder.judged(text, judged, step=step, where=where, line=line)
        return _outcome(text, judged)

    def unmet(self, gates: Sequence[Gate], values: Mapping[str, Any]) -> str | None:
        """The first expectation that these values don't meet, and why; nothing is written down."""
        for gate in gates:
            judged = self._judge(gate.expression, values, gate, Verdict.FAILED)
            if judged.verdict is not Verdict.PASSED:
                return f"{gate.expression.text}: {judged.reason}"
        return None

    def undecided(self, gates: Sequence[Gate], values: Mapping[str, Any]) -> str | None:
        """The first condition that there are too few samples for, and why; nothing is written down.

        One whose names have no value yet is no matter of samples.
        """
        for gate in gates:
            judged = self._judge(gate.expression, values, gate, Verdict.INCONCLUSIVE)
            if judged.verdict is Verdict.INCONCLUSIVE and not judged.is_absent:
                return f"{gate.expression.text}: {judged.reason}"
        return None

    def _gate(self, gate: Gate, values: Mapping[str, Any], step: int | None, absent: Verdict) -> Outcome:
        judged = self._judge(gate.expression, values, gate, absent)
        self.recorder.judged(
            gate.expression.text, judged, step=step, where=where(gate.source), line=gate.source.line
        )
        return _outcome(gate.expression.text, judged)

    def _judge(
        self, expression: Expression, values: Mapping[str, Any], gate: Gate | None, absent: Verdict
    ) -> Judged:
        confidence = gate.confidence if gate and gate.confidence else self.confidence
        least = gate.min_samples if gate and gate.min_samples else self.min_samples
        judged = judge_condition(expression, values, confidence=confidence, min_samples=least, absent=absent)
        return discreet(expression, judged, self.recorder.log.without_secrets)


def _outcome(text: str, judged: Judged) -> Outcome:
    return PASSED if judged.verdict is Verdict.PASSED else Outcome(judged.verdict, f"{text}: {judged.reason}")
