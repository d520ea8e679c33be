"""What an earlier, cut-off run had finished: its events, to be carried over into the run that takes it up."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pynomaly_itest.errors import UsageError
from pynomaly_itest.events import RunStarted, ScenarioFinished, TargetInfo, TargetReady, read_log
from pynomaly_itest.profile.dataset_specs import needed_by, scalar_values
from pynomaly_itest.profile.model import DatasetSpec, Gate, Plan, Scenario, StepCall
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
    now = {scenario.id: fingerprint_of(scenario, plan.datasets) for scenario in plan.scenarios}
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


def fingerprint_of(scenario: Scenario, datasets: Mapping[str, DatasetSpec]) -> str:
    """Tells whether a scenario is still the one that it was: steps, conditions and what they ask of the evidence,
    limits, values, the `datasets` that it names (of files, what is in them), Python files."""
    calls = [
        (
            phase,
            call.kind,
            call.config,
            call.save,
            call.timeout_s,
            call.actor,
            _demands(call.expect),
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
    data = [_data(datasets[name]) for name in needed_by([scenario], datasets)]
    return hashlib.sha256(repr((calls, _demands(scenario.gates), values, data)).encode()).hexdigest()[:16]


def _code(call: StepCall) -> list[str]:
    """What stands in the files that the step, or steps inside of it, call."""
    folder = Path(call.source.place.file).parent
    said = [str(value) for value in scalar_values(call.config)]
    return [_content(folder / text.partition("::")[0]) for text in said if ".py::" in text]


def _data(spec: DatasetSpec) -> tuple[str, ...]:
    """What a dataset is made of; of a file its content, wherever it lies."""
    own = {key: value for key, value in spec.config.items() if key != "path"}
    return spec.name, spec.kind, repr(own), _content(Path(str(spec.config.get("path", ""))))


def _content(path: Path) -> str:
    """A digest of a file; nothing where there is none (to run it says so)."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _demands(gates: Sequence[Gate]) -> list[tuple[str, float | None, int | None]]:
    return [(gate.expression.text, gate.confidence, gate.min_samples) for gate in gates]


def _is_finished(events: list[Any]) -> bool:
    last = events[-1]
    return isinstance(last, ScenarioFinished) and last.verdict is not Verdict.SKIPPED and len(events) > 1


def target_of(log: Path) -> TargetInfo | None:
    """What that run tested; None where its target was never ready."""
    ready = [event.target for event in read_log(log) if isinstance(event, TargetReady)]
    return ready[-1] if ready else None


def difference(then: TargetInfo, now: TargetInfo) -> str | None:
    """In what the target is another than it was, None where in nothing: results of two builds are of neither."""
    names = ("kind", "url", "version", "build") if then.kind == "url" else ("kind", "version", "build")
    changed = [
        f"{name} was {getattr(then, name)}, and is {getattr(now, name)}"
        for name in names
        if getattr(then, name) != getattr(now, name)
    ]
    return "; ".join(changed) or None


def check_target(carried: Carried, then: TargetInfo | None, now: TargetInfo) -> None:
    """Raise UsageError where what is carried over was found out about another target."""
    if carried and then is not None and (change := difference(then, now)):
        raise UsageError(f"the target is not the one of that run: {change}", hint="run it anew")
