"""`compare RUN RUN`: a table of what both recorded, and of what follows from it."""

from __future__ import annotations

from pathlib import Path

from pynomaly_itest import __version__
from pynomaly_itest.comparison.figures import Figure, figures_of
from pynomaly_itest.comparison.record import ComparisonRecord, MetricRecord, SideRecord, exit_code
from pynomaly_itest.comparison.rows import by_place, paired_quality, rows_of
from pynomaly_itest.comparison.stored import REFUSED, Difference, difference
from pynomaly_itest.events import read_log
from pynomaly_itest.report.untrusted import one_line
from pynomaly_itest.results import RunResult, combine, fold
from pynomaly_itest.verdicts import Verdict

_FACTS = ("processor", "cores", "memory", "system", "python")


def compare_runs(one: Path, other: Path, *, allow_stored_latency: bool = False) -> ComparisonRecord:
    """Every figure that both runs have; raises UsageError where a folder holds no run."""
    a, b = (fold(read_log(folder / "run.jsonl")) for folder in (one, other))
    before = {figure.key: figure for figure in figures_of(a)}
    after = {figure.key: figure for figure in figures_of(b)}
    labels = [by_place(rows_of(run)) for run in (a, b)]
    metrics = [
        _metric(
            base,
            after[key],
            difference(base, after[key], allow_stored_latency=allow_stored_latency, paired=paired),
        )
        for key, base in before.items()
        if key in after
        for paired in [paired_quality(base, *labels)]
    ]
    metrics += [
        _missing(base, b) for key, base in before.items() if key not in after and _is_planned(base, b)
    ]
    verdict = _worst(a, b, combine(metric.verdict for metric in metrics))
    return ComparisonRecord(
        kind="runs",
        verdict=verdict,
        exit_code=int(exit_code(verdict)),
        reason=_own(a, b) or _reason(metrics, verdict),
        a=_side(one, a),
        b=_side(other, b),
        metrics=tuple(metrics),
        started_at=b.started.started_at,
        tool_version=__version__,
        notes=tuple(_notes(a, b, before, after, metrics)),
    )


def _metric(base: Figure, new: Figure, found: Difference) -> MetricRecord:
    return MetricRecord(
        name=one_line(f"{new.scenario}: {new.metric}"),
        unit=one_line(new.unit or "1"),
        a=base.observed,
        b=new.observed,
        worse_by=found.change,
        low=found.low,
        high=found.high,
        scale=found.scale,
        verdict=found.verdict,
        reason=found.reason,
        ignore=None if found.tolerance is None else found.tolerance.ignore,
        forbid=None if found.tolerance is None else found.tolerance.forbid,
    )


def _is_planned(base: Figure, run: RunResult) -> bool:
    return any(scenario.id == base.scenario for scenario in run.scenarios)


def _missing(base: Figure, run: RunResult) -> MetricRecord:
    """A figure of A that B was to give and did not: how it compares is not known."""
    ended = {scenario.id: scenario.verdict.value for scenario in run.scenarios}[base.scenario]
    return MetricRecord(
        name=one_line(f"{base.scenario}: {base.metric}"),
        unit=one_line(base.unit or "1"),
        a=base.observed,
        b=None,
        worse_by=None,
        low=None,
        high=None,
        verdict=Verdict.INCONCLUSIVE,
        reason=f"B did not measure it: its scenario {ended}",
    )


def _own(a: RunResult, b: RunResult) -> str | None:
    """Where A was good by its own gates and B was not, that is worse, whatever the figures that both have."""
    if a.verdict is not Verdict.PASSED or b.verdict in (Verdict.PASSED, Verdict.SKIPPED):
        return None
    return f"A passed its own gates, B is {b.verdict.value} by them"


def _worst(a: RunResult, b: RunResult, found: Verdict) -> Verdict:
    if _own(a, b) is None:
        return found
    return combine([found, Verdict.FAILED if b.verdict is Verdict.FAILED else Verdict.INCONCLUSIVE])


def _side(folder: Path, run: RunResult) -> SideRecord:
    build = run.target.build or run.target.url
    return SideRecord(
        label=one_line(f"{folder} ({run.started.profile}, {build})"), version=run.target.version
    )


def _reason(metrics: list[MetricRecord], verdict: Verdict) -> str:
    if not metrics:
        return "the two runs have no figure in common"
    if verdict is Verdict.PASSED:
        return "nothing that could be judged is worse"
    worst = [metric.name for metric in metrics if metric.verdict is verdict]
    if not worst:
        return "nothing in common that stored figures can tell"
    return f"{'worse' if verdict is Verdict.FAILED else 'not clear'}: {', '.join(worst[:5])}"


def _notes(
    a: RunResult,
    b: RunResult,
    before: dict[tuple[str, str], Figure],
    after: dict[tuple[str, str], Figure],
    metrics: list[MetricRecord],
) -> list[str]:
    notes = []
    if any(metric.reason == REFUSED for metric in metrics):
        notes.append(f"Times are shown and not judged: {REFUSED}.")
    for name, keys in (("A", before.keys() - after.keys()), ("B", after.keys() - before.keys())):
        if keys:
            shown = ", ".join(sorted(f"{scenario}: {expression}" for scenario, expression in keys)[:3])
            notes.append(f"Only in {name}: {len(keys)} figures ({one_line(shown)}).")
    differing = [
        fact for fact in _FACTS if a.started.environment.get(fact) != b.started.environment.get(fact)
    ]
    if differing:
        notes.append(f"The two were made on different machines: {', '.join(differing)} differ.")
    return notes
