"""summary.md: the verdict and the gates for a step summary or a pull-request comment on GitHub or GitLab."""

from __future__ import annotations

from collections.abc import Iterable

from pynomaly_itest.registry import REPORTS
from pynomaly_itest.report.attention import Concern, causes, noted
from pynomaly_itest.report.baselines import change_text
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.document import ComparisonDocument, GateDocument, RunDocument
from pynomaly_itest.report.gates import observed_text
from pynomaly_itest.report.numbers import duration, pair, quantity
from pynomaly_itest.report.plain import concern_lines, interval_text, margin_text
from pynomaly_itest.report.untrusted import one_line
from pynomaly_itest.results import RunResult
from pynomaly_itest.verdicts import Verdict

_SYMBOLS = {
    Verdict.PASSED: "✅",
    Verdict.FAILED: "❌",
    Verdict.ERROR: "⚠️",
    Verdict.INCONCLUSIVE: "❔",
    Verdict.SKIPPED: "⏭️",
}
# A pull-request comment on GitHub holds 65,536 characters; a step summary holds 1 MiB.
_LONGEST = 60_000
_ROW_LIMITS = (500, 200, 80, 30, 10, 3)
# Characters that mean something to Markdown, HTML, mentions, issue links and bare links.
_MEANINGFUL = {ord(char): f"&#{ord(char)};" for char in "\\`*_[]<>|~@&$#"}


@REPORTS.register("markdown")
class MarkdownReport:
    summary = "verdict and gates for a step summary or a pull-request comment"
    filename = "summary.md"
    media = "text/markdown"

    def render(self, run: RunResult) -> bytes:
        document = describe(run)
        texts = (_page(document, rows) for rows in _ROW_LIMITS)
        fitting = next((text for text in texts if len(text) <= _LONGEST), None)
        return (fitting or "\n".join(_head(document)) + "\n").encode()


def escaped(text: str, longest: int = 300) -> str:
    """Untrusted text on one line, in which no character has a meaning to Markdown or HTML."""
    return (
        one_line(text, longest).translate(_MEANINGFUL).replace("://", "&#58;//").replace("www.", "www&#46;")
    )


def _code(text: str, longest: int = 300) -> str:
    return f"<code>{escaped(text, longest)}</code>"


def _page(run: RunDocument, rows: int) -> str:
    lines = [
        *_head(run),
        *_attention(run, rows),
        *_baseline(run, rows),
        *_gates(run, rows),
        *_scenarios(run, rows),
    ]
    lines += ["", f"Run again: {_code(run.reproduce, 600)}", ""]
    return "\n".join(lines)


def _head(run: RunDocument) -> list[str]:
    counts = [f"{count} {verdict.value}" for verdict, count in run.counts.items() if count]
    version = f" {run.target.version}" if run.target.version else ""
    target = f"{run.target.kind} {run.target.url}{version}"
    return [
        f"## {_SYMBOLS[run.verdict]} {run.verdict.value.capitalize()}: {escaped(run.profile)}",
        "",
        f"**{escaped(run.why, 600)}**",
        "",
        " · ".join(
            (
                ", ".join(counts) or "no scenario",
                escaped(target),
                duration(run.duration_s),
                f"exit code {run.exit_code}",
            )
        ),
    ]


def _attention(run: RunDocument, rows: int) -> Iterable[str]:
    found = causes(run)
    if found:
        yield from ("", f"### What needs attention ({len(found)})", "")
    for concern in found[:rows]:
        yield _bullet(concern)
    if len(found) > rows:
        yield f"- and {len(found) - rows} more in the report"
    if waived := noted(run):
        yield from (
            "",
            f"{len(waived)} failed findings are not held against the verdict (waived or less severe).",
        )


def _bullet(concern: Concern) -> str:
    of = (
        f" in {_code(concern.scenario.id)}"
        if concern.scenario and concern.headline != concern.scenario.id
        else ""
    )
    facts = [escaped(line) for line in concern_lines(concern)[1:]]
    head = f"- {_SYMBOLS[concern.verdict]} {concern.verdict.value}: {_code(concern.headline)}{of}"
    return "<br>".join([head, *facts])


def _table(names: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    names = list(names)
    lines = [names, ["---"] * len(names), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _gates(run: RunDocument, rows: int) -> list[str]:
    """Every gate; those that did not pass come first, so that a cut table loses only passes."""
    judged = [(gate, scenario.id) for scenario in run.scenarios for gate in scenario.gates]
    if not judged:
        return []
    judged.sort(key=lambda item: item[0].verdict is Verdict.PASSED)
    names = ["", "Gate", "Scenario", "Observed", "Limit", "Margin", "Interval", "n"]
    lines = _table(names, (_gate_row(gate, scenario) for gate, scenario in judged[:rows]))
    more = [] if len(judged) <= rows else ["", f"… and {len(judged) - rows} more gates in the report"]
    return ["", "### Gates", "", *lines, *more]


def _baseline(run: RunDocument, rows: int) -> list[str]:
    """Every figure that was held against the baseline; what did not pass comes first."""
    compared = [(each, scenario.id) for scenario in run.scenarios for each in scenario.comparisons]
    if not compared:
        return []
    compared.sort(key=lambda item: (item[0].verdict in _CALM, -(item[0].change or 0.0)))
    names = ["", "Figure", "Scenario", "Baseline", "Now", "Change", "How"]
    lines = _table(names, (_baseline_row(each, scenario) for each, scenario in compared[:rows]))
    more = [] if len(compared) <= rows else ["", f"… and {len(compared) - rows} more in the report"]
    name = run.baseline.name if run.baseline is not None else compared[0][0].baseline_name
    build = f" ({escaped(run.baseline.build)})" if run.baseline is not None and run.baseline.build else ""
    return ["", f"### Against baseline {escaped(name)}{build}", "", *lines, *more]


_CALM = (Verdict.PASSED, Verdict.SKIPPED)


def _baseline_row(compared: ComparisonDocument, scenario: str) -> list[str]:
    judged = "not judged" if compared.verdict is Verdict.SKIPPED else compared.verdict.value
    return [
        f"{_SYMBOLS[compared.verdict]} {judged}",
        _code(compared.metric),
        _code(scenario),
        escaped(quantity(compared.baseline, compared.unit)),
        escaped(quantity(compared.observed, compared.unit)),
        escaped(change_text(compared)),
        escaped(compared.method),
    ]


def _gate_row(gate: GateDocument, scenario: str) -> list[str]:
    shown = pair(gate.observed, gate.limit, gate.unit)
    return [
        f"{_SYMBOLS[gate.verdict]} {gate.verdict.value}",
        _code(gate.expression),
        _code(scenario),
        escaped(observed_text(gate, shown.observed)),
        escaped(f"{gate.op or ''} {shown.limit}"),
        margin_text(gate),
        interval_text(gate),
        "–" if gate.n is None else f"{gate.n:,}",
    ]


def _scenarios(run: RunDocument, rows: int) -> list[str]:
    lines = _table(
        ["", "Scenario", "Took", "Why"],
        (
            [
                f"{_SYMBOLS[scenario.verdict]} {scenario.verdict.value}",
                _code(scenario.id),
                duration(scenario.duration_s),
                escaped(scenario.reason or ""),
            ]
            for scenario in run.scenarios[:rows]
        ),
    )
    more = [] if len(run.scenarios) <= rows else ["", f"… and {len(run.scenarios) - rows} more in the report"]
    title = f"<summary>All {len(run.scenarios)} scenarios</summary>"
    return ["", "<details>", title, "", *lines, *more, "", "</details>"]
