"""The last lines of a run: what failed and by how much, the verdict, and where the report is."""

from __future__ import annotations

import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pynomaly_itest.checks import in_words, why_not
from pynomaly_itest.cli.console import COLOURS, MARKS
from pynomaly_itest.cli.invocation import without_number
from pynomaly_itest.cli.overview import table
from pynomaly_itest.differences import clipped
from pynomaly_itest.errors import EvidenceLost, ExitCode
from pynomaly_itest.events import FindingRecorded, GateJudged
from pynomaly_itest.plain import printable
from pynomaly_itest.report.attention import MOST_PLACES
from pynomaly_itest.report.causes import numberless
from pynomaly_itest.report.findings import does_count
from pynomaly_itest.report.gates import observed_text
from pynomaly_itest.results import RunResult, ScenarioResult
from pynomaly_itest.verdicts import Verdict

if TYPE_CHECKING:
    from rich.console import Console

_MOST_SHOWN = 10
_NARROWEST = 30
_LONGEST_VALUE = 200
_BAD = (Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE)


def summarise(
    run: RunResult,
    reports: list[Path],
    folder: Path,
    code: ExitCode,
    lost: EvidenceLost | None,
    *,
    quiet: bool,
) -> None:
    """Print the summary on standard output. `code`: what the process will exit with; `lost`: why a part of the
    evidence could not be written, which is told even when quiet."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    if not quiet:
        _tell_scenarios(run, console)
        if run.aborted is not None:
            console.print(Text(printable(f"given up: {run.aborted.message}"), style="red"))
            for line in (run.aborted.hint or "").splitlines():
                console.print(Text(f"  {printable(line)}"))
    if lost is not None:
        console.print(Text(f"error: {printable(lost.message)}", style="red"))
        console.print(Text(f"  hint: {printable(lost.hint or '')}"))
    console.print(Text(_verdict_line(run, code), style=f"bold {COLOURS[run.verdict]}"))
    if not quiet:
        for path in reports or [folder / "run.jsonl"]:
            if path.suffix in (".html", ".jsonl"):
                console.print(Text(f"report: {path}"))


def _tell_scenarios(run: RunResult, console: Console) -> None:
    """The table, and below it what is not good, worst first."""
    from rich.text import Text

    if len(run.scenarios) > 1 and any(scenario.started_s is not None for scenario in run.scenarios):
        console.print()
        console.print(table(run.scenarios, console.width))
    bad = [scenario for scenario in run.scenarios if scenario.verdict in _BAD and _begun(run, scenario)]
    bad.sort(key=lambda each: _BAD.index(each.verdict))
    together = _by_cause(bad)
    for scenario, *alike in together[:_MOST_SHOWN]:
        for line, style in [*_scenario_lines(scenario, console.width), *_alike_lines(alike)]:
            for part in _folded(printable(line), console):
                console.print(Text(part, style=style))
        console.print(Text(f"    again: {_again(run, scenario)}", style="dim"))
    if left := sum(map(len, together[_MOST_SHOWN:])):
        console.print(f"… and {left} more: see the report")
    for line in (*_uncounted(run), *_not_made(run)):
        for part in _folded(printable(line), console):
            console.print(Text(part, style=COLOURS[Verdict.INCONCLUSIVE]))
    console.print()


def _by_cause(bad: Iterable[ScenarioResult]) -> list[list[ScenarioResult]]:
    """Scenarios that failed for the same causes stand together, in the order of the first of each."""
    found: dict[tuple[object, ...], list[ScenarioResult]] = {}
    for scenario in bad:
        found.setdefault(_causes(scenario), []).append(scenario)
    return list(found.values())


def _causes(scenario: ScenarioResult) -> tuple[object, ...]:
    """Equal for two scenarios of which all would be said in the same words, but for the numbers."""
    steps = {step.index: step.kind for step in scenario.steps}
    gates = [
        (
            steps.get(gate.step or 0) if gate.step is not None else "",
            gate.verdict,
            gate.expression,
            gate.reason,
        )
        for gate in scenario.gates
        if gate.verdict in _BAD
    ]
    broken = [
        (step.kind, step.verdict, step.reason)
        for step in scenario.steps
        if step.verdict in _BAD and not _has_judgement(scenario, step.index)
    ]
    said = dict.fromkeys(tuple(numberless(str(word)) for word in cause) for cause in (*broken, *gates))
    return (scenario.verdict, *(said or [numberless(scenario.reason)]))


def _alike_lines(alike: Sequence[ScenarioResult]) -> list[tuple[str, str]]:
    """The other scenarios of the same causes, the first few by name."""
    if not alike:
        return []
    named = ", ".join(without_number(scenario.id) for scenario in alike[:MOST_PLACES])
    more = f" and {len(alike) - MOST_PLACES} more" if len(alike) > MOST_PLACES else ""
    noun = "scenario" if len(alike) == 1 else "scenarios"
    return [(f"    the same in {len(alike)} more {noun}: {named}{more}", COLOURS[alike[0].verdict])]


def _not_made(run: RunResult) -> Iterator[str]:
    """Why checks were not made, and what would make them possible."""
    reasons = why_not(run.checks)
    if reasons:
        yield ""
        yield "checks that were not made:"
        yield from (f"  {each}" for each in reasons[:_MOST_SHOWN])
    if len(reasons) > _MOST_SHOWN:
        yield f"  … and {len(reasons) - _MOST_SHOWN} more reasons: see the report"


def _uncounted(run: RunResult) -> Iterator[str]:
    """Holes that were found and do not fail the run: a verdict of passed says nothing of them."""
    fail_on = run.started.fail_on
    holes = [
        each for each in run.findings if each.verdict is Verdict.FAILED and not does_count(each, fail_on)
    ]
    if holes:
        yield ""
        yield f"found, and not held against the run (--fail-on {fail_on}, waivers):"
    by_probe: dict[tuple[str, str | None], list[FindingRecorded]] = {}
    for hole in holes:
        by_probe.setdefault((hole.id, hole.waived_by), []).append(hole)
    for (hole, *others), _ in zip(by_probe.values(), range(_MOST_SHOWN), strict=False):
        waived = f"; waived by {hole.waived_by}" if hole.waived_by else ""
        more = f" (and in {len(others)} more places)" if others else ""
        yield f"  {hole.severity} {hole.id} {hole.title}: {hole.observed}{more}{waived}"
    if len(by_probe) > _MOST_SHOWN:
        yield f"  … and {len(by_probe) - _MOST_SHOWN} more: see the report"


def _folded(line: str, console: Console) -> list[str]:
    """The line in as many as it takes on a terminal, between words; elsewhere, and an excerpt, it stays one."""
    if not console.is_terminal or len(line) <= console.width or " | " in line:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(
        line.strip(),
        max(_NARROWEST, console.width),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _begun(run: RunResult, scenario: ScenarioResult) -> bool:
    """Scenarios that a run given up never came to have one reason in common, told once."""
    return scenario.started_s is not None or (run.aborted is None and run.interrupted is None)


def _again(run: RunResult, scenario: ScenarioResult) -> str:
    """The command that runs this scenario again."""
    command = (
        printable(run.started.reproduce)
        or f"pynomaly-itest run -p {shlex.quote(printable(run.started.profile))}"
    )
    return f"{command} --scenario {shlex.quote(without_number(printable(scenario.id)))}"


def _scenario_lines(scenario: ScenarioResult, width: int) -> list[tuple[str, str]]:
    """A failed scenario in a few lines, each with its style."""
    colour = COLOURS[scenario.verdict]
    lines = [("", ""), (f"{MARKS[scenario.verdict]} {scenario.verdict}: {scenario.id}", f"bold {colour}")]
    shown = False
    for step in scenario.steps:
        if step.verdict in _BAD and not _has_judgement(scenario, step.index):
            lines.append(
                (
                    f"  step {step.index + 1}, {step.title or step.kind}: {printable(step.reason or '')}",
                    colour,
                )
            )
            lines += _excerpt(step.where, step.source_line, width)
            shown = True
    bad = [gate for gate in scenario.gates if gate.verdict in _BAD]
    worst = [gate for gate in bad if gate.verdict is scenario.verdict] or ([] if shown else bad)
    for gate in worst:
        lines += _gate_lines(gate, _step_line(scenario, gate.step), width)
        shown = True
    if len(worst) < len(bad):
        lines.append((f"  {len(bad) - len(worst)} more could not be judged: see the report", "dim"))
    if not shown and scenario.reason:
        lines.append((f"  {printable(scenario.reason)}", colour))
    return lines


def _has_judgement(scenario: ScenarioResult, step: int) -> bool:
    return any(gate.step == step and gate.verdict in _BAD for gate in scenario.gates)


def _step_line(scenario: ScenarioResult, index: int | None) -> str:
    """The line of the profile with the step of which something is expected; nothing for a scenario's gate."""
    return next((step.source_line.strip(" -") for step in scenario.steps if step.index == index), "")


def _gate_lines(gate: GateJudged, step: str, width: int) -> list[tuple[str, str]]:
    lines = [(f"  {gate.expression}", COLOURS[gate.verdict])]
    if step:
        told = printable(f"    of step {(gate.step or 0) + 1}, {step}")
        lines.append((told if len(told) <= width else f"{told[: max(_NARROWEST, width) - 1]}…", ""))
    if gate.observed is not None:
        unit = f" {gate.unit}" if gate.unit not in (None, "1") else ""
        count = f", n = {gate.n}" if gate.n is not None else ""
        sure = ""
        if gate.interval is not None:
            sure = f" [{_number(gate.interval[0])}, {_number(gate.interval[1])}] at {(gate.confidence or 0) * 100:g} %"
        shown = observed_text(gate, f"{_number(gate.observed)}{unit}{sure}{count}")
        lines.append(
            (
                f"    observed {printable(shown)}; limit {_number(gate.limit)}{unit}",
                "",
            )
        )
    lines.append((f"    {printable(gate.reason or '')}", ""))
    return lines + _excerpt(gate.where, gate.source_line, width)


def _excerpt(where: str, line: str, width: int) -> list[tuple[str, str]]:
    """The line of the profile, cut to the screen, with carets under what it says."""
    if not where or not line.strip():
        return []
    number = where.rpartition(":")[2]
    text = printable(line.rstrip())
    room = max(_NARROWEST, width - len(number) - len("     | "))
    text = text if len(text) <= room else text[: room - 1] + "…"
    indent = len(text) - len(text.lstrip(" -"))
    return [
        (f"    --> {where}", "dim"),
        (f"    {number} | {text}", ""),
        (f"    {' ' * len(number)} | {' ' * indent}{'^' * max(1, len(text) - indent)}", ""),
    ]


def _verdict_line(run: RunResult, code: ExitCode) -> str:
    counts = Counter(scenario.verdict for scenario in run.scenarios)
    parts = [f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict]]
    interrupted = "interrupted, " if run.interrupted is not None else ""
    verdict = f"{interrupted}{run.verdict}".upper()
    told = in_words(run.checks)
    checks = f"; {told}" if told else ""
    return f"{verdict}  {', '.join(parts)} in {run.duration_s:.1f} s (exit {int(code)}){checks}"


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return clipped(printable(str(value)), _LONGEST_VALUE)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
