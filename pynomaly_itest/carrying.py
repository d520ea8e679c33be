"""What an earlier, cut-off run had finished: its events, to be carried over into the run that takes it up."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pynomaly_itest.errors import UsageError
from pynomaly_itest.events import RunStarted, ScenarioFinished, read_log
from pynomaly_itest.profile.model import Gate, Plan, Scenario, StepCall
from pynomaly_itest.verdicts import Verdict

Carried = Mapping[str, tuple[Any, ...]]
"""The events of each finished scenario, by its id, in the order in which they were written."""


def carried_from(log: Path, plan: Plan) -> Carried:
    """What need not be run again of `plan`.

    Scenarios that were only passed over (skipped, or never begun) are run. Raises UsageError where the plan is no
    longer that of the earlier run: its results would be those of another profile.
    """
    events = list(read_log(log))
    started = events[0] if events else None
    if not isinstance(started, RunStarted):
        raise UsageError(f"the log {log} is empty: the run ended before it began")
    then = {scenario.id: scenario.fingerprint for scenario in started.plan}
    now = {scenario.id: fingerprint_of(scenario) for scenario in plan.scenarios}
    if then != now:
        different = sorted({*then, *now} - {name for name in then if then.get(name) == now.get(name)})
        raise UsageError(
            f"the profile has changed since that run: {', '.join(different[:5])}",
            hint="run it anew, or go back to the profile as it was",
        )
    by_scenario: dict[str, list[Any]] = defaultdict(list)
    for event in events:
        by_scenario[getattr(event, "scenario", "")].append(event)
    return {name: tuple(found) for name, found in by_scenario.items() if name and _is_finished(found)}


def fingerprint_of(scenario: Scenario) -> str:
    """Tells whether a scenario is still the one that it was: steps, conditions, limits, values, Python files."""
    calls = [
        (
            phase,
            call.kind,
            call.config,
            call.save,
            call.timeout_s,
            call.actor,
            _texts(call.expect),
            _code(call),
        )
        for phase in ("setup", "steps", "catch", "finally_")
        for call in getattr(scenario, phase)
    ]
    values = (
        scenario.matrix,
        scenario.benchmarks,
        scenario.vars,
        scenario.target_settings,
        scenario.timeout_s,
    )
    return hashlib.sha256(repr((calls, _texts(scenario.gates), values)).encode()).hexdigest()[:16]


def _code(call: StepCall) -> str:
    """What stands in the file that a Python step calls; nothing where there is none (to run it says so)."""
    if call.kind != "python":
        return ""
    file = str(call.config.get("workflow", "")).partition("::")[0]
    try:
        return hashlib.sha256((Path(call.source.place.file).parent / file).read_bytes()).hexdigest()
    except OSError:
        return ""


def _texts(gates: Sequence[Gate]) -> list[str]:
    return [gate.expression.text for gate in gates]


def _is_finished(events: list[Any]) -> bool:
    last = events[-1]
    return isinstance(last, ScenarioFinished) and last.verdict is not Verdict.SKIPPED and len(events) > 1
