"""What the page's templates are given: the document with its plots and texts worked out, nothing left to decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pynomaly_itest.report.attention import Concern, causes, noted
from pynomaly_itest.report.document import (
    FindingDocument,
    RunDocument,
    ScenarioDocument,
    StepDocument,
)
from pynomaly_itest.report.numbers import duration
from pynomaly_itest.report.page import pictures, resources
from pynomaly_itest.report.page.bullet import Bar
from pynomaly_itest.report.page.judged import ComparisonView, GateView, comparison_view, gate_view
from pynomaly_itest.report.page.metrics import (
    PLOTS_OF_A_METRIC,
    Fact,
    MetricView,
    central_metrics,
    further_metrics,
    plots_each,
)
from pynomaly_itest.report.page.panel import Panel
from pynomaly_itest.verdicts import Verdict

_MOST_CARDS = 60
_MOST_PLACES = 400
_MOST_CLOSEST = 3


@dataclass(frozen=True)
class StepView:
    """`bar`: where the step lies in its scenario, 0 to 100; `told_at`: its place among the concerns."""

    step: StepDocument
    bar: Bar
    duration: str
    told_at: int | None


@dataclass(frozen=True)
class FindingView:
    """`told_at`: its place among the concerns, where the page says all about it."""

    finding: FindingDocument
    told_at: int | None


@dataclass(frozen=True)
class ScenarioView:
    number: int
    scenario: ScenarioDocument
    duration: str
    gates_held: str
    steps: Sequence[StepView]
    gates: Sequence[GateView]
    pictures: Sequence[Panel]
    metrics: Sequence[MetricView]
    further_metrics: Sequence[MetricView]
    findings: Sequence[FindingView]
    comparisons: Sequence[ComparisonView]
    resources: Sequence[Panel]


@dataclass(frozen=True)
class PlaceView:
    """Another place of the same cause: the number of its scenario, what it is, and what was observed there."""

    number: int | None
    text: str
    observed: str


@dataclass(frozen=True)
class ConcernView:
    concern: Concern
    gate: GateView | None
    comparison: ComparisonView | None
    numbers: Sequence[int]
    places: Sequence[PlaceView]


@dataclass(frozen=True)
class ClosestView:
    """A gate that held, and the scenario (with its number) in which it did."""

    gate: GateView
    scenario: str
    number: int


@dataclass(frozen=True)
class Link:
    """A file beside the page, and what it is."""

    href: str
    about: str


@dataclass(frozen=True)
class PageView:
    """`concerns` are told in full; the `further` ones of a run that went very wrong are only named."""

    run: RunDocument
    facts: Sequence[Fact]
    concerns: Sequence[ConcernView]
    further: Sequence[ConcernView]
    closest: Sequence[ClosestView]
    noted: Sequence[FindingDocument]
    resources: Sequence[Panel]
    scenarios: Sequence[ScenarioView]
    tags: Sequence[str]
    verdicts: Sequence[Verdict]
    plots_left_out: bool
    links: Sequence[Link]


def view(
    run: RunDocument, most_plots: int = 100_000, most_whole: int = 100_000, links: Sequence[Link] = ()
) -> PageView:
    """The whole page, with links to what lies beside it.

    The `most_whole` worst scenarios that are no pass have all of their plots; the others together `most_plots`.
    """
    numbers = {scenario.id: number for number, scenario in enumerate(run.scenarios, start=1)}
    ranked = causes(run)
    told = {
        id(c.step or c.finding): place
        for place, first in enumerate(ranked[:_MOST_CARDS], start=1)
        for c in (first, *first.alike)
        if c.step or c.finding
    }
    whole = _whole(ranked, most_whole)
    plots = plots_each((s for s in run.scenarios if s.id not in whole), most_plots)
    return PageView(
        run=run,
        facts=_facts(run),
        concerns=[_concern(concern, numbers) for concern in ranked[:_MOST_CARDS]],
        further=[_concern(concern, numbers) for concern in ranked[_MOST_CARDS:]],
        closest=[] if ranked else _closest(run),
        noted=noted(run),
        resources=resources.panels(run),
        scenarios=[
            _scenario(numbers[s.id], s, run, told, PLOTS_OF_A_METRIC if s.id in whole else plots)
            for s in run.scenarios
        ],
        tags=sorted({tag for scenario in run.scenarios for tag in scenario.tags}),
        verdicts=[verdict for verdict in _IN_ORDER if run.counts.get(verdict)],
        plots_left_out=plots < PLOTS_OF_A_METRIC,
        links=links,
    )


def _whole(ranked: Sequence[Concern], most: int) -> set[str]:
    """The scenarios that the worst concerns are about."""
    ids = dict.fromkeys(scenario.id for concern in ranked for scenario in concern.scenarios)
    return set(list(ids)[:most])


def _closest(run: RunDocument) -> list[ClosestView]:
    """The gates that held with the least room: where nothing is wrong, what to keep an eye on."""
    held = [
        (gate.margin_percent, gate, scenario.id, number)
        for number, scenario in enumerate(run.scenarios, start=1)
        for gate in scenario.gates
        if gate.verdict is Verdict.PASSED and gate.margin_percent is not None
    ]
    held.sort(key=lambda item: item[0])
    by_expression: dict[str, ClosestView] = {}
    for _, gate, scenario_id, number in held:
        by_expression.setdefault(gate.expression, ClosestView(gate_view(gate), scenario_id, number))
    return list(by_expression.values())[:_MOST_CLOSEST]


_IN_ORDER = (Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.PASSED, Verdict.SKIPPED)


def _facts(run: RunDocument) -> list[Fact]:
    """What was tested, when, how long and by what machine: the answers that a release needs on record."""
    version = f", version {run.target.version}" if run.target.version else ""
    start = (
        "" if run.target_start_s is None else f", of which the target's start {duration(run.target_start_s)}"
    )
    facts = [
        Fact("Target", f"{run.target.kind} {run.target.url}{version}"),
        Fact("Profile", run.profile),
        Fact("Build", run.build or ""),
        Fact("Commit", run.environment.get("commit", "")),
        Fact("Started", when(run.started_at)),
        Fact("Took", f"{duration(run.duration_s)}{start}"),
        Fact("Held against", _held_against(run)),
        Fact("Machine", _machine(run)),
        Fact("Exit code", str(run.exit_code)),
        Fact("Seed", str(run.seed)),
    ]
    return [fact for fact in facts if fact.value]


def _held_against(run: RunDocument) -> str:
    if run.baseline is None:
        return ""
    parts = (run.baseline.name, run.baseline.build, run.baseline.version)
    return "baseline " + ", ".join(part for part in parts if part)


def _machine(run: RunDocument) -> str:
    """As much of the environment as tells one machine from another."""
    shown = {"processor": "{}", "cores": "{} cores", "memory": "{}", "system": "{}", "ci": "{}"}
    known = [form.format(run.environment[key]) for key, form in shown.items() if run.environment.get(key)]
    return " · ".join(known)


def when(started_at: str) -> str:
    """An ISO 8601 time as people read it; what is none is shown as it is."""
    try:
        moment = datetime.fromisoformat(started_at)
    except ValueError:
        return started_at
    zone = "UTC" if moment.utcoffset() is not None and not moment.utcoffset() else moment.strftime("%z")
    return f"{moment.day} {moment.strftime('%B %Y, %H:%M:%S')} {zone}".rstrip()


def _concern(concern: Concern, numbers: dict[str, int]) -> ConcernView:
    compared = concern.scenario.comparisons if concern.scenario else ()
    gate = None if concern.gate is None else gate_view(concern.gate, compared)
    comparison = None if concern.comparison is None else comparison_view(concern.comparison)
    places = [_place(other, numbers) for other in concern.alike[:_MOST_PLACES]]
    return ConcernView(
        concern, gate, comparison, [numbers[scenario.id] for scenario in concern.scenarios], places
    )


def _place(concern: Concern, numbers: dict[str, int]) -> PlaceView:
    number = numbers[concern.scenarios[0].id] if concern.scenarios else None
    if concern.finding is not None:
        return PlaceView(number, concern.place, concern.finding.observed or "")
    observed = "" if concern.gate is None else gate_view(concern.gate).observed
    return PlaceView(number, concern.place, observed)


def _scenario(
    number: int,
    scenario: ScenarioDocument,
    run: RunDocument,
    told: Mapping[int, int],
    plots: int,
) -> ScenarioView:
    held = sum(gate.verdict is Verdict.PASSED for gate in scenario.gates)
    return ScenarioView(
        number=number,
        scenario=scenario,
        duration=duration(scenario.duration_s),
        gates_held=f"{held}/{len(scenario.gates)}" if scenario.gates else "",
        steps=[_step(step, scenario, told.get(id(step))) for step in scenario.steps],
        gates=[gate_view(gate, scenario.comparisons) for gate in scenario.gates],
        pictures=pictures.panels(scenario, pictures.MOST if plots else 0),
        metrics=central_metrics(number, scenario, plots),
        further_metrics=further_metrics(scenario),
        findings=[FindingView(f, told.get(id(f))) for f in run.findings if f.scenario == scenario.id],
        comparisons=[comparison_view(compared) for compared in scenario.comparisons],
        resources=resources.panels_of(number, scenario, plots),
    )


def _step(step: StepDocument, scenario: ScenarioDocument, told_at: int | None) -> StepView:
    start = scenario.started_s if scenario.started_s is not None else step.started_s
    ends = [scenario.duration_s, *(s.started_s + s.duration_s - start for s in scenario.steps)]
    whole = max(*ends, 1e-9)
    left = min(99.0, max(0.0, 100 * (step.started_s - start) / whole))
    width = min(100 - left, max(0.8, 100 * step.duration_s / whole))
    return StepView(step, Bar(round(left, 2), round(width, 2)), duration(step.duration_s), told_at)
