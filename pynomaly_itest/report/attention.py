"""What needs a reader's attention, worst first: the same ranking in every format."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pynomaly_itest.report.causes import numberless
from pynomaly_itest.report.document import (
    SEVERITIES,
    ComparisonDocument,
    FindingDocument,
    GateDocument,
    RunDocument,
    ScenarioDocument,
    StepDocument,
)
from pynomaly_itest.verdicts import Verdict

MOST_PLACES = 12
"""How many places of one cause are named where there is little room."""

_WORST_FIRST = (Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE)


@dataclass(frozen=True)
class Concern:
    """One thing that keeps the run, or a part of it, from being a pass.

    At most one of `gate`, `step`, `finding` and `comparison` is set. Where none is, the scenarios named in `scenarios`
    (or the run itself, where there are none) are the concern, for `reason`. `within`: the step whose expectation
    `gate` is, where nothing else is to be said of that step. `alike`: the less grave ones of the same cause.
    """

    verdict: Verdict
    headline: str
    reason: str | None
    scenarios: tuple[ScenarioDocument, ...] = ()
    gate: GateDocument | None = None
    step: StepDocument | None = None
    finding: FindingDocument | None = None
    comparison: ComparisonDocument | None = None
    within: StepDocument | None = None
    rank: tuple[float, ...] = field(default=(), compare=False)
    alike: tuple[Concern, ...] = field(default=(), compare=False)

    @property
    def scenario(self) -> ScenarioDocument | None:
        """The scenario it is about, where it is about one."""
        return self.scenarios[0] if len(self.scenarios) == 1 else None

    @property
    def place(self) -> str:
        """Where it was seen, among others of the same cause: what a probe looked at, else the scenario."""
        if self.finding is not None and self.finding.where:
            return self.finding.where
        return ", ".join(scenario.id for scenario in self.scenarios[:MOST_PLACES]) or "the run"

    @property
    def where(self) -> str:
        """The place in the profile: file and line."""
        part = self.gate or self.step
        if part is not None and part.where:
            return part.where
        return self.scenario.where if self.scenario is not None else ""

    @property
    def source_line(self) -> str:
        part = self.gate or self.step
        return part.source_line if part is not None else ""


def concerns(run: RunDocument) -> list[Concern]:
    """Everything failed, error or inconclusive that counts: failed first, then by severity and broken margin.

    A scenario that is not a pass is always there: by its gates, steps and findings, or else by its reason.
    """
    found = [*_of_run(run), *_of_scenarios(run)]
    return sorted(found, key=lambda concern: (_WORST_FIRST.index(concern.verdict), *concern.rank))


def causes(run: RunDocument) -> list[Concern]:
    """The concerns in the same order, each cause once: the gravest, with those that say the same as its `alike`."""
    together: dict[Any, list[Concern]] = {}
    for concern in concerns(run):
        together.setdefault(_cause(concern), []).append(concern)
    return [replace(first, alike=tuple(others)) for first, *others in together.values()]


def _cause(concern: Concern) -> tuple[object, ...]:
    """Equal for two concerns of one cause."""
    verdict, said = concern.verdict, numberless(concern.reason)
    if concern.finding is not None:
        return (verdict, "finding", concern.finding.id)
    if concern.gate is not None:
        kind = concern.within.kind if concern.within is not None else ""
        return (verdict, "gate", kind, numberless(concern.gate.expression), said)
    if concern.step is not None:
        return (verdict, "step", concern.step.kind, said)
    if concern.comparison is not None:
        return (verdict, "comparison", concern.comparison.metric, said)
    return (verdict, "scenarios" if concern.scenarios else concern.headline, said)


def by_scenario(run: RunDocument) -> dict[str, list[Concern]]:
    """The concerns about one scenario each, in the same order, by its id; scenarios without one are not in it."""
    found: dict[str, list[Concern]] = {}
    for concern in concerns(run):
        for scenario in concern.scenarios:
            found.setdefault(scenario.id, []).append(concern)
    return found


def noted(run: RunDocument) -> list[FindingDocument]:
    """Failed findings that are not held against the verdict: waived, or less severe than what fails a run."""
    return [f for f in run.findings if f.verdict is Verdict.FAILED and not f.counts]


def _of_run(run: RunDocument) -> Iterator[Concern]:
    if run.aborted is not None:
        reason = run.aborted.message + (f"\n{run.aborted.hint}" if run.aborted.hint else "")
        yield Concern(Verdict.ERROR, "The run was given up", reason, rank=(-1.0,))
    elif run.interrupted is not None:
        yield Concern(Verdict.ERROR, "The run was interrupted", run.interrupted, rank=(-1.0,))
    elif not run.complete:
        yield Concern(Verdict.ERROR, "The run was killed before its end", None, rank=(-1.0,))


def _of_scenarios(run: RunDocument) -> Iterator[Concern]:
    bare: dict[tuple[Verdict, str | None], list[ScenarioDocument]] = {}
    findings: dict[str, list[FindingDocument]] = {}
    for finding in run.findings:
        findings.setdefault(finding.scenario, []).append(finding)
    for scenario in run.scenarios:
        parts = [
            *_of_steps(scenario),
            *_of_gates(scenario),
            *_of_comparisons(scenario),
            *_of_findings(scenario, findings.get(scenario.id, [])),
        ]
        yield from parts
        if scenario.verdict in _WORST_FIRST and not any(part.verdict is scenario.verdict for part in parts):
            bare.setdefault((scenario.verdict, scenario.reason), []).append(scenario)
    for (verdict, reason), together in bare.items():
        headline = together[0].id if len(together) == 1 else f"{len(together)} scenarios"
        yield Concern(verdict, headline, reason, tuple(together), rank=(3.0,))


def _of_steps(scenario: ScenarioDocument) -> Iterator[Concern]:
    told = {id(step) for step in _by_expectation(scenario).values()}
    for step in scenario.steps:
        if step.verdict in _WORST_FIRST and id(step) not in told:
            headline = step.title or step.kind
            yield Concern(step.verdict, headline, step.reason, (scenario,), step=step, rank=(1.0,))


def _by_expectation(scenario: ScenarioDocument) -> dict[str, StepDocument]:
    """Steps that failed for an expectation of theirs and left no exchange, by what they say: the gate tells more."""
    said = {_said(gate) for gate in scenario.gates if gate.verdict in _WORST_FIRST}
    return {
        step.reason: step
        for step in scenario.steps
        if step.reason in said and step.verdict in _WORST_FIRST and step.exchange is None
    }


def _said(gate: GateDocument) -> str:
    return f"{gate.expression}: {gate.reason}"


def _of_gates(scenario: ScenarioDocument) -> Iterator[Concern]:
    steps = _by_expectation(scenario)
    for gate in scenario.gates:
        if gate.verdict in _WORST_FIRST:
            within = steps.get(_said(gate))
            rank = (2.0 if within is None else 1.0, _room(gate))
            yield Concern(
                gate.verdict, gate.expression, gate.reason, (scenario,), gate=gate, within=within, rank=rank
            )


def _of_comparisons(scenario: ScenarioDocument) -> Iterator[Concern]:
    for compared in scenario.comparisons:
        if compared.verdict in _WORST_FIRST:
            headline = f"{compared.metric} against baseline {compared.baseline_name}"
            rank = (2.5, -(compared.change or 0.0))
            yield Concern(
                compared.verdict, headline, compared.reason, (scenario,), comparison=compared, rank=rank
            )


def _room(gate: GateDocument) -> float:
    """The margin in percent; a broken limit of zero is infinitely broken, an untold margin comes last."""
    if gate.margin_percent is not None:
        return gate.margin_percent
    return -math.inf if gate.margin is not None and gate.margin < 0 else math.inf


def _of_findings(scenario: ScenarioDocument, findings: Iterable[FindingDocument]) -> Iterator[Concern]:
    for finding in findings:
        if finding.verdict not in _WORST_FIRST:
            continue
        if finding.verdict is Verdict.FAILED and not finding.counts:
            continue
        severity = SEVERITIES.index(finding.severity) if finding.severity in SEVERITIES else 0
        rank = (0.0, float(severity))
        headline = f"{finding.id} {finding.title}"
        yield Concern(finding.verdict, headline, finding.reason, (scenario,), finding=finding, rank=rank)
