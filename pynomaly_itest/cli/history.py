"""`pynomaly-itest history`: the runs of a folder, their trends, and the same as a local page."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pynomaly_itest.errors import UsageError

if TYPE_CHECKING:
    from pynomaly_itest.history.archive import Holdings
    from pynomaly_itest.history.past import PastRun
    from pynomaly_itest.history.trend import Group, Trend

_WIDTH = 80
_MOST_BARS = 20
_NAME_WIDTH = 34


def history(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where runs landed.")] = Path("reports"),
    profile: Annotated[str | None, typer.Option("--profile", "-p", help="Only this profile's runs.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=2000, help="The newest so many runs.")] = 30,
    all_: Annotated[
        bool, typer.Option("--all", help="Every figure, not only those that gates judge.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Everything, for machines.")] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Show it in a browser, on this machine only.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --serve: 0 takes a free one.")] = 0,
) -> None:
    """Show the runs of a folder, oldest first, and how their figures went."""
    if serve:
        if json_ or profile is not None or all_:
            raise UsageError("--serve shows everything: --json, --profile and --all don't go with it")
        serve_until_stopped(folder, port, limit)
        return
    from dataclasses import replace

    from pynomaly_itest.history.archive import Archive

    if profile is None:
        holdings = Archive(folder, limit).look()
    else:  # the newest so many of that profile, however many others ran meanwhile
        everything = Archive(folder, sys.maxsize).look()
        runs = tuple(run for run in everything.runs if run.profile == profile)
        holdings = replace(everything, runs=runs[-limit:], left_out=max(0, len(runs) - limit))
    if json_:
        import json

        typer.echo(json.dumps(_as_json(holdings), indent=1))
        return
    for line in _lines(holdings, everything=all_):
        typer.echo(line)


def serve_until_stopped(folder: Path, port: int, limit: int, start: str = "") -> None:
    """Serve the pages of a folder until Ctrl-C; `start`: the page that is named on the screen."""
    import signal

    from pynomaly_itest.history.server import HistoryServer

    for each in (signal.SIGINT, signal.SIGTERM):  # also where whoever started us has them ignored
        signal.signal(each, signal.default_int_handler)
    with HistoryServer(folder, port, limit) as server:
        typer.echo(f"{server.url}{start}  (this machine only; Ctrl-C ends it)")
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            typer.echo("")


def _lines(holdings: Holdings, *, everything: bool) -> Iterator[str]:
    from pynomaly_itest.history.trend import groups, trends

    if not holdings.runs:
        yield "no runs here"
    for group in groups(holdings.runs):
        yield f"{group.profile} on {group.target}, {_plural(len(group.runs), 'run')}"
        yield from map(_run_line, group.runs)
        found = trends(group.runs)
        judged = [trend for trend in found if everything or trend.judged or trend.changes]
        scenario = ""
        for trend in judged:
            if trend.key.scenario != scenario:
                scenario = trend.key.scenario
                yield _cut(f"  {scenario}", _WIDTH)
            yield from _trend_lines(trend, group)
        if len(judged) < len(found):
            yield f"  {_plural(len(found) - len(judged), 'figure')} that no gate judges: --all"
        yield ""
    for bad in holdings.unreadable:
        yield f"! {bad.name} can't be read: {bad.why}"
    if holdings.left_out:
        yield f"{_plural(holdings.left_out, 'older run')} not shown: --limit"


def _run_line(run: PastRun) -> str:
    from pynomaly_itest.cli.console import MARKS
    from pynomaly_itest.report.numbers import duration
    from pynomaly_itest.verdicts import Verdict

    passed = run.count(Verdict.PASSED)
    state = "running" if run.state == "running" else str(run.verdict)
    mark = "…" if run.state == "running" else MARKS[run.verdict]
    when = run.started_at[:16].replace("T", " ")
    counts = f"{passed}/{len(run.scenarios)} passed"
    what = " ".join(part for part in (run.version, run.commit.removeprefix("git ")[:12]) if part)
    return _cut(
        f"{mark} {when:<16}  {state:<12}  {counts:<14} {duration(run.duration_s):>12}  {what}", _WIDTH
    ).rstrip()


def _trend_lines(trend: Trend, group: Group) -> Iterator[str]:
    from pynomaly_itest.history.plot import change_in_words
    from pynomaly_itest.history.trend import sparkline
    from pynomaly_itest.report.numbers import quantity

    latest = trend.latest
    bars = sparkline([None if figure is None else figure.value for figure in trend.figures][-_MOST_BARS:])
    limit = "" if latest.limit is None else f"{latest.op} {quantity(latest.limit, latest.unit)}"
    shown = quantity(latest.value, latest.unit)
    yield _cut(
        f"    {_cut(trend.key.name, _NAME_WIDTH):<{_NAME_WIDTH}} {bars} {shown}  {limit}", _WIDTH
    ).rstrip()
    over = [run for run in group.runs if run.state != "running"]
    for change in trend.changes:
        since = over[change.at].started_at[:16].replace("T", " ")
        yield f"      since {since}: {change_in_words(change, latest.unit)}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _as_json(holdings: Holdings) -> dict[str, Any]:
    """Runs oldest first, and per profile and target the trend of every figure, aligned to its runs."""
    from pynomaly_itest.history.trend import groups, trends

    return {
        "runs": [_run_json(run) for run in holdings.runs],
        "trends": [
            {
                "profile": group.profile,
                "target": group.target,
                "runs": [run.name for run in group.runs if run.state != "running"],
                "figures": [_trend_json(trend) for trend in trends(group.runs)],
            }
            for group in groups(holdings.runs)
        ],
        "unreadable": [{"run": bad.name, "why": bad.why} for bad in holdings.unreadable],
        "left_out": holdings.left_out,
    }


def _run_json(run: PastRun) -> dict[str, Any]:
    return {
        "run": run.name,
        "state": run.state,
        "profile": run.profile,
        "target": {"kind": run.target_kind, "url": run.target_url, "version": run.version or None},
        "commit": run.commit or None,
        "started_at": run.started_at,
        "duration_s": run.duration_s,
        "verdict": run.verdict.value,
        "exit_code": run.exit_code,
        "scenarios": [
            {"id": s.id, "verdict": s.verdict.value, "duration_s": s.duration_s} for s in run.scenarios
        ],
    }


def _trend_json(trend: Trend) -> dict[str, Any]:
    latest = trend.latest
    return {
        "scenario": trend.key.scenario,
        "name": trend.key.name,
        "unit": latest.unit,
        "op": latest.op,
        "limit": latest.limit,
        "values": [None if figure is None else figure.value for figure in trend.figures],
        "changes": [
            {"at": c.at, "before": c.before, "after": c.after, "worse": c.worse} for c in trend.changes
        ],
    }
