"""The pages of a folder of runs, rendered whole; the policy of each allows nothing but its own style and script."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from pynomaly_itest.history.archive import Holdings
from pynomaly_itest.history.past import PastRun
from pynomaly_itest.history.plot import limit_text, report_address, trend_view
from pynomaly_itest.history.side_by_side import FigurePair, figure_pairs, scenario_pairs
from pynomaly_itest.history.trend import Group, groups, trends
from pynomaly_itest.report.numbers import duration, percent, quantity
from pynomaly_itest.report.page.view import when
from pynomaly_itest.verdicts import Verdict

_HERE = Path(__file__).parent / "page"
_REPORTS = Path(__file__).parents[1] / "report" / "page"
_MOST_PLOTS = 60
_WORST_FIRST = (Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.PASSED, Verdict.SKIPPED)


@dataclass(frozen=True)
class Page:
    """A page and its content security policy."""

    html: bytes
    policy: str


@dataclass(frozen=True)
class RunView:
    run: PastRun
    href: str
    when: str
    took: str
    counts: str


@dataclass(frozen=True)
class GroupView:
    """`runs` newest first; `strip` oldest first; `trends`: where its trends are."""

    group: Group
    runs: Sequence[RunView]
    strip: Sequence[RunView]
    trends: str


@dataclass(frozen=True)
class FigureView:
    pair: FigurePair
    a: str
    b: str
    change: str
    limit: str


def index(holdings: Holdings) -> Page:
    """All runs, by profile and target."""
    found = [_group(group) for group in groups(holdings.runs)]
    return _page("index.html.j2", "Runs", groups=found, holdings=holdings)


def trends_of(group: Group) -> Page:
    """Every figure of a group over its runs."""
    over = [run for run in group.runs if run.state != "running"]
    found = trends(group.runs)
    drawn = [plot for trend in found[:_MOST_PLOTS] if (plot := trend_view(trend, over)) is not None]
    title = f"Trends of {group.profile} on {group.target}"
    return _page("trends.html.j2", title, group=_group(group), trends=drawn, left_out=len(found) - len(drawn))


def comparison(a: PastRun, b: PastRun) -> Page:
    """Two runs side by side."""
    figures = [_figure(pair) for pair in figure_pairs(a, b)]
    return _page(
        "comparison.html.j2",
        "Two runs",
        a=_run(a),
        b=_run(b),
        scenarios=scenario_pairs(a, b),
        figures=figures,
    )


def live(run: PastRun, state: dict[str, Any]) -> Page:
    """A run in progress; the page's script asks for more every second."""
    text = json.dumps(state).translate({ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})
    return _page(
        "live.html.j2", f"Running: {run.profile}", script="live.js", run=_run(run), state=state, data=text
    )


def _group(group: Group) -> GroupView:
    views = [_run(run) for run in group.runs]
    address = "/trends?" + urlencode({"profile": group.profile, "target": group.target})
    return GroupView(group, views[::-1], views, address)


def _run(run: PastRun) -> RunView:
    counts = [f"{count} {verdict}" for verdict in _WORST_FIRST if (count := run.count(verdict))]
    return RunView(
        run,
        report_address(run),
        when(run.started_at),
        duration(run.duration_s),
        ", ".join(counts) or "no scenario",
    )


def _figure(pair: FigurePair) -> FigureView:
    judged = pair.b if pair.b and pair.b.limit is not None else pair.a
    return FigureView(
        pair=pair,
        a="–" if pair.a is None else quantity(pair.a.value, pair.unit),
        b="–" if pair.b is None else quantity(pair.b.value, pair.unit),
        change="" if pair.change is None else percent(100 * pair.change) if pair.change else "same",
        limit="" if judged is None else limit_text(judged),
    )


def _page(template: str, title: str, script: str | None = None, **given: Any) -> Page:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    style = (_REPORTS / "style.css").read_text(encoding="utf-8") + (_HERE / "history.css").read_text(
        encoding="utf-8"
    )
    code = "" if script is None else (_HERE / script).read_text(encoding="utf-8")
    templates = Environment(
        loader=FileSystemLoader([_HERE, _REPORTS]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    if "data" in given:
        given["data"] = Markup(given["data"])  # noqa: S704 - escaped for a script element by its maker
    html = templates.get_template(template).render(
        title=title,
        style=Markup(style),  # noqa: S704 - the package's own style sheets
        script=Markup(code),  # noqa: S704 - the package's own script
        **given,
    )
    return Page(html.encode(), _policy(style, code))


def _policy(style: str, script: str) -> str:
    runs = f"script-src {_hash(script)}; connect-src 'self'" if script else "script-src 'none'"
    return (
        f"default-src 'none'; style-src {_hash(style)}; {runs}; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
