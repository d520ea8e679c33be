"""A scenario that only measures, or whose workflow asserts nothing, is not a pass: nothing was judged."""

from __future__ import annotations

from collections.abc import Iterator

from pynomaly_itest.lifecycle.outcome import Outcome
from pynomaly_itest.profile.model import Scenario
from pynomaly_itest.profile.walk import Found, inside
from pynomaly_itest.step_kind import Evidence
from pynomaly_itest.testing.checking import Checks
from pynomaly_itest.verdicts import Verdict

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
    shown = {each for call in scenario.steps for each in _evidence(Found(call.kind, call.config))}
    if Evidence.REPLIES in shown or (Evidence.ASSERTIONS in shown and checks.count):
        return None
    return Outcome(Verdict.INCONCLUSIVE, _WHY_WORKFLOW if Evidence.ASSERTIONS in shown else _WHY_MEASURING)


def _evidence(step: Found) -> Iterator[Evidence]:
    """What it shows that a step passed: of one that only runs others, what they show."""
    own = step.of.evidence(step.config)
    if own is not Evidence.INSIDE:
        yield own
        return
    for inner in inside(step):
        yield from _evidence(inner)
