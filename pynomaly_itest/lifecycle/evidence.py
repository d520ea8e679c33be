"""A workflow in Python that asserts nothing is not a pass: where nothing was checked, nothing is known."""

from __future__ import annotations

from pynomaly_itest.lifecycle.outcome import Outcome
from pynomaly_itest.profile.model import Scenario
from pynomaly_itest.testing.checking import Checks
from pynomaly_itest.verdicts import Verdict

_WORKFLOW = "python"
_WHY = (
    "asserted nothing (say what must hold: assert, expect(…), integration_assertions, "
    "or gates=[…] in @scenario)"
)


def unasserted(scenario: Scenario, checks: Checks) -> Outcome | None:
    """Inconclusive where the scenario's steps are workflows only, and nothing judges what they did.

    Steps of every other kind check their replies by themselves, gates and `expect` judge, and so does what a
    workflow asserts or lets the helper do: each of them is evidence.
    """
    only_workflows = bool(scenario.steps) and all(call.kind == _WORKFLOW for call in scenario.steps)
    judged = bool(scenario.gates) or any(call.expect for call in scenario.steps)
    if not only_workflows or judged or checks.count:
        return None
    return Outcome(Verdict.INCONCLUSIVE, _WHY)
