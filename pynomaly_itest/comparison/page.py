"""compare.html and compare.md: one page that asks nothing of the network, one table for a pull request."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from html import escape

from pynomaly_itest.comparison.record import ComparisonRecord, MetricRecord
from pynomaly_itest.comparison.wording import COLUMNS, row, sentences, verdict_line

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #b3261e; --good: #1b6e2f; --open: #7a5900; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --good: #7ddc92; --open: #ffd166; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h1 + p { margin-top: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; overflow-wrap: anywhere; }
dt { font-weight: 600; } dd { margin: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.n, th.n { text-align: right; }
.passed { color: var(--good); } .failed, .error { color: var(--bad); } .inconclusive { color: var(--open); }
.plot { width: 100%; max-width: 44rem; height: auto; }
.plot text { font: 12px system-ui, sans-serif; fill: currentColor; }
.plot rect { opacity: .35; }
.plot .passed { fill: var(--good); } .plot .failed { fill: var(--bad); } .plot .inconclusive { fill: var(--open); }
""".strip()
_WIDTH, _LABELS, _ROW = 700.0, 190.0, 30.0


def markdown(record: ComparisonRecord) -> str:
    """The table with what has to be said beside it; what others named is escaped."""
    lines = [
        f"## {_md(verdict_line(record))}",
        "",
        f"- A: {_md(record.a.label)}",
        f"- B: {_md(record.b.label)}",
        "",
    ]
    lines += ["| " + " | ".join(COLUMNS) + " |", "|---|---:|---:|---:|---:|---|"]
    for metric in record.metrics:
        cells = row(metric)
        values = (cells.name, cells.a, cells.b, cells.worse_by, cells.between, cells.verdict)
        lines.append("| " + " | ".join(map(_md, values)) + " |")
    return "\n".join([*lines, "", *(f"- {_md(text)}" for text in sentences(record))]) + "\n"


def html_page(record: ComparisonRecord) -> str:
    """The page: verdict, both sides, the table, and each metric's interval as a picture."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    facts = {"A": _side(record.a.label, record.a.version), "B": _side(record.b.label, record.b.version)}
    facts |= {"measured": record.started_at, "command": record.command}
    described = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items() if text
    )
    said = "".join(f"<li>{escape(text)}</li>" for text in sentences(record))
    where = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in record.environment.items()
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(record.verdict.value)}: {escape(record.a.label)} and {escape(record.b.label)}</title>\n"
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<h1 class="{record.verdict.value}">{escape(record.verdict.value.capitalize())}</h1>\n'
        f"<p>{escape(record.reason)} (exit {record.exit_code})</p>\n<dl>{described}</dl>\n"
        f"<h2>Metrics</h2>\n{_table(record)}\n{_plot(record)}\n<h2>To know</h2>\n<ul>{said}</ul>\n"
        f"<h2>Machine</h2>\n<dl>{where}</dl>\n</main>\n</body>\n</html>\n"
    )


def _side(label: str, version: str | None) -> str:
    return label if version is None else f"{label} (says it is version {version})"


def _table(record: ComparisonRecord) -> str:
    number = ("", ' class="n"', ' class="n"', ' class="n"', ' class="n"', "")
    head = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(COLUMNS, number, strict=True)
    )
    rows = []
    for metric in record.metrics:
        cells = row(metric)
        figures = "".join(
            f'<td class="n">{escape(text)}</td>' for text in (cells.a, cells.b, cells.worse_by, cells.between)
        )
        verdict = f'<td class="{cells.verdict}">{cells.verdict}</td>'
        rows.append(f'<tr><th scope="row">{escape(cells.name)}</th>{figures}{verdict}</tr>')
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Metrics"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _plot(record: ComparisonRecord) -> str:
    """Each metric's interval beside what does not matter and what is forbidden, on one axis."""
    shown = [each for each in record.metrics if each.worse_by is not None and each.scale == "relative"]
    if not shown:
        return ""
    reach = max(max(map(abs, _ends(each))) for each in shown) * 1.1 or 0.01
    reach = min(reach, 1.0)

    def x(share: float) -> float:
        clipped = max(-reach, min(reach, share))
        return _LABELS + (clipped + reach) / (2 * reach) * (_WIDTH - _LABELS - 10)

    height = _ROW * len(shown) + 34
    parts = [f'<line x1="{x(0):.1f}" x2="{x(0):.1f}" y1="4" y2="{height - 26:.1f}" stroke="currentColor"/>']
    for number, metric in enumerate(shown):
        parts.append(_bar(metric, number * _ROW + 18, x))
    for share in (-reach, 0.0, reach):
        anchor = {-reach: "start", 0.0: "middle", reach: "end"}[share]
        parts.append(
            f'<text x="{x(share):.1f}" y="{height - 8:.1f}" text-anchor="{anchor}">{share * 100:+.1f} %</text>'
        )
    label = "How much worse B is: interval of each metric, with what is forbidden"
    return (
        f'<svg class="plot" viewBox="0 0 {_WIDTH:.0f} {height:.0f}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>\n<p>Each bar holds the true change; the dashed line is what is forbidden.</p>"
    )


def _ends(metric: MetricRecord) -> list[float]:
    return [end for end in (metric.worse_by, metric.low, metric.high, metric.forbid) if end is not None]


def _bar(metric: MetricRecord, y: float, x: Callable[[float], float]) -> str:
    assert metric.worse_by is not None  # noqa: S101 - such metrics are not drawn
    low = x(-1.0) if metric.low is None else x(metric.low)
    high = x(1.0) if metric.high is None else x(metric.high)
    name = metric.name if len(metric.name) <= 26 else metric.name[:25] + "…"
    kind = f'class="{metric.verdict.value}"'
    parts = [
        f'<text x="0" y="{y + 4:.1f}">{escape(name)}</text>',
        f'<rect {kind} x="{low:.1f}" y="{y - 5:.1f}" width="{max(2.0, high - low):.1f}" height="10"/>',
        f'<circle {kind} cx="{x(metric.worse_by):.1f}" cy="{y:.1f}" r="4"/>',
    ]
    if metric.forbid is not None:
        at = x(metric.forbid)
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y - 10:.1f}" y2="{y + 10:.1f}" stroke="currentColor" '
            'stroke-dasharray="3 2"/>'
        )
    return "".join(parts)


def _md(text: str) -> str:
    """Text that Markdown takes as it is."""
    for mark in "\\`*_{}[]<>|#":
        text = text.replace(mark, "\\" + mark)
    return text.replace("\n", " ")
