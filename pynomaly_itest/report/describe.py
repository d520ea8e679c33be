"""From a run's result to the document that all formats render: cleaned, thinned, with margins worked out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from pynomaly_itest.events import (
    DiagnosticsCollected,
    RunStarted,
    StepFinished,
)
from pynomaly_itest.report.baselines import baseline_document, comparison_document
from pynomaly_itest.report.document import (
    AbortDocument,
    DiagnosticsDocument,
    LeftoverDocument,
    ResourcesDocument,
    RunDocument,
    ScenarioDocument,
    StepDocument,
    TargetDocument,
)
from pynomaly_itest.report.exchanges import body_budget, exchange_document
from pynomaly_itest.report.explain import explain
from pynomaly_itest.report.findings import checks_document, finding_document
from pynomaly_itest.report.gates import gate_document
from pynomaly_itest.report.pictures import curves_of, mark_of
from pynomaly_itest.report.summarise import MOST_SAMPLES_OF_A_SCENARIO, summarise, thin
from pynomaly_itest.report.untrusted import clean, clip, finite, jsonable, one_line, paragraph
from pynomaly_itest.results import RunResult, ScenarioResult
from pynomaly_itest.verdicts import Verdict

_MOST_LOG_LINES = 60
_LONGEST_LOG_LINE = 400


def describe(run: RunResult) -> RunDocument:
    """The document of a run: everything that any report shows, in planned order."""
    document = _describe(run)
    return document.model_copy(update={"why": explain(document)})


def _describe(run: RunResult) -> RunDocument:
    started = run.started
    body_chars = body_budget(run)
    reproduce = one_line(started.reproduce) or _default_command(started)
    return RunDocument(
        run_id=clean(started.run_id),
        verdict=run.verdict,
        exit_code=int(run.exit_code),
        why="",
        complete=run.complete,
        profile=clean(started.profile),
        profile_files=[clean(name) for name in started.profile_files],
        description=clean(started.description),
        target=TargetDocument(
            kind=clean(run.target.kind), url=one_line(run.target.url), version=paragraph(run.target.version)
        ),
        build=paragraph(run.target.build),
        started_at=clean(started.started_at),
        duration_s=round(run.duration_s, 6),
        target_start_s=run.target_start_s,
        tool_version=clean(started.tool_version),
        seed=started.seed,
        confidence=started.confidence,
        fail_on=clean(started.fail_on),
        deselected=started.deselected,
        counts={verdict: sum(s.verdict is verdict for s in run.scenarios) for verdict in Verdict},
        benchmarks={clean(k): v for k, v in started.benchmarks.items() if finite(v) is not None},
        environment={clean(key): one_line(value) for key, value in started.environment.items()},
        reproduce=reproduce,
        interrupted=paragraph(run.interrupted),
        aborted=_abort(run),
        warnings=[one_line(warning, 1000) for warning in run.warnings],
        baseline=baseline_document(run.baseline),
        resources=thin(run.samples),
        scenarios=[_scenario(scenario, run, reproduce, body_chars) for scenario in run.scenarios],
        findings=[finding_document(finding, started.fail_on, body_chars) for finding in run.findings],
        checks=checks_document(run),
    )


def _default_command(started: RunStarted) -> str:
    words = ["pynomaly-itest", "run", "--profile", clean(started.profile)]
    ours = started.target.kind in {"bundled", "inprocess"}
    target = started.target.kind if ours else started.target.url
    where = [] if started.target.kind == "started" else ["--target", one_line(target)]
    return shlex.join([*words, *where, "--seed", str(started.seed)])


def _abort(run: RunResult) -> AbortDocument | None:
    """Without the traceback: that belongs in the log."""
    if run.aborted is None:
        return None
    return AbortDocument(
        exit_code=run.aborted.exit_code,
        message=paragraph(run.aborted.message),
        hint=paragraph(run.aborted.hint),
    )


def _scenario(scenario: ScenarioResult, run: RunResult, command: str, body_chars: int) -> ScenarioDocument:
    planned = scenario.planned
    return ScenarioDocument(
        id=one_line(scenario.id),
        title=one_line(planned.title),
        verdict=scenario.verdict,
        reason=paragraph(scenario.reason),
        tags=[one_line(tag) for tag in planned.tags],
        requires=[one_line(name) for name in planned.requires],
        where=one_line(planned.where),
        started_s=None if scenario.started_s is None else round(scenario.started_s, 6),
        duration_s=round(scenario.duration_s, 6),
        finished=scenario.finished,
        reproduce=f"{command} --scenario {shlex.quote(_without_number(one_line(scenario.id)))}",
        steps=[*(_step(step, body_chars) for step in scenario.steps), *_unfinished(scenario, run)],
        gates=[gate_document(gate) for gate in scenario.gates],
        metrics=[summarise(metric) for metric in scenario.metrics],
        curves=[curves_of(curves) for curves in scenario.curves],
        marks=[mark_of(fault) for fault in scenario.faults],
        diagnostics=[_diagnostics(collected) for collected in scenario.diagnostics],
        leftovers=[
            LeftoverDocument(kind=one_line(left.kind), id=one_line(left.id), path=one_line(left.path))
            for left in scenario.left.values()
        ],
        comparisons=[comparison_document(compared) for compared in scenario.comparisons],
        resources=_resources(scenario, run),
    )


def _resources(scenario: ScenarioResult, run: RunResult) -> ResourcesDocument | None:
    """The target while this scenario ran."""
    if scenario.started_s is None:
        return None
    end_s = _end_s(scenario, run)
    during = [sample for sample in run.samples if scenario.started_s <= sample.at_s <= end_s]
    return thin(during, MOST_SAMPLES_OF_A_SCENARIO)


def _without_number(scenario: str) -> str:
    """The id by which it can be asked for: --repeat adds a number behind."""
    return re.sub(r"#\d+$", "", scenario)


def _step(step: StepFinished, body_chars: int) -> StepDocument:
    values = jsonable(step.values)
    return StepDocument(
        index=step.index,
        phase=clean(step.phase),
        kind=clean(step.kind),
        title=one_line(step.title),
        verdict=step.verdict,
        reason=paragraph(step.reason),
        started_s=round(step.started_s, 6),
        duration_s=round(step.duration_s, 6),
        where=one_line(step.where),
        source_line=one_line(step.source_line),
        values=values if isinstance(values, dict) else {},
        exchange=exchange_document(step.exchange, body_chars),
    )


def _unfinished(scenario: ScenarioResult, run: RunResult) -> Iterable[StepDocument]:
    """The step that was under way when the run stopped: it was begun, so it is shown."""
    step = scenario.running
    if step is None:
        return
    yield StepDocument(
        index=step.index,
        phase=clean(step.phase),
        kind=clean(step.kind),
        title=one_line(step.title),
        verdict=Verdict.ERROR,
        reason=f"had not ended: {paragraph(scenario.reason) or 'the scenario stopped'}",
        started_s=round(step.at_s, 6),
        duration_s=round(max(0.0, _end_s(scenario, run) - step.at_s), 6),
        where="",
        source_line="",
        values={},
        exchange=None,
    )


def _end_s(scenario: ScenarioResult, run: RunResult) -> float:
    if scenario.finished and scenario.started_s is not None:
        return scenario.started_s + scenario.duration_s
    return run.duration_s


def _diagnostics(collected: DiagnosticsCollected) -> DiagnosticsDocument:
    """The last lines: what happened right before the failure stands there."""
    last = collected.lines[-_MOST_LOG_LINES:]
    missing = len(collected.lines) - len(last)
    head = [f"… {missing:,} earlier lines are in the event log"] if missing else []
    return DiagnosticsDocument(
        title=one_line(collected.title), lines=head + [clip(clean(line), _LONGEST_LOG_LINE) for line in last]
    )
