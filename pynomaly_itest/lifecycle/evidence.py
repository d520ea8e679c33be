"""A scenario that only measures, or whose workflow asserts nothing, is not a pass: nothing was judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pynomaly_itest.lifecycle.outcome import Outcome
from pynomaly_itest.profile.model import Scenario
from pynomaly_itest.registry import STEPS
from pynomaly_itest.testing.checking import Checks
from pynomaly_itest.verdicts import Verdict

_WORKFLOW = "python"
_MEASURING = frozenset({"load", "capacity", "memory"})
"""Kinds that say how it is, whatever it is: what must be is for gates and `expect` to say."""
_WHY_WORKFLOW = (
    "asserted nothing (say what must hold: assert, expect(…), integration_assertions, "
    "or gates=[…] in @scenario)"
)
_WHY_MEASURING = "nothing judges what was measured (say what must hold: gates, or a step's expect)"


def unasserted(scenario: Scenario, checks: Checks) -> Outcome | None:
    """Inconclusive where nothing judges what the scenario's steps did or measured.

    Steps of most kinds check their replies by themselves, gates and `expect` judge, and so does what a workflow
    asserts or lets the helper do: each of them is evidence.
    """
    judged = bool(scenario.gates) or any(call.expect for call in scenario.steps)
    if not scenario.steps or judged:
        return None
    kinds = [kind for call in scenario.steps for kind in _telling(call.kind, call.config)]
    if any(kind != _WORKFLOW for kind in kinds) or (kinds and checks.count):
        return None
    return Outcome(Verdict.INCONCLUSIVE, _WHY_WORKFLOW if kinds else _WHY_MEASURING)


def _telling(kind: str, config: Mapping[str, Any]) -> Iterator[str]:
    """The kinds of a step, and of those inside of it, that can tell a target that misbehaves."""
    if kind in _MEASURING or (kind == "measure" and config.get("tolerate_errors") is True):
        return
    inner = [
        step for name in ("step", "steps") if name in STEPS[kind].nested for step in _listed(config.get(name))
    ]
    if not inner:
        yield kind
    for step in inner:
        for inner_kind, inner_config in step.items():
            yield from _telling(inner_kind, inner_config or {})


def _listed(steps: Any) -> list[Mapping[str, Any]]:
    found = steps if isinstance(steps, list) else [steps]
    return [step for step in found if isinstance(step, Mapping)]
