"""`pynomaly-itest report RUN`: every report again, from the event log alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, or its run.jsonl.")] = Path(
        "reports/latest"
    ),
    format: Annotated[  # noqa: A002 - the flag's name
        str, typer.Option("--format", "-f", help="html, json, junit, … separated by commas.")
    ] = "html",
    stdout: Annotated[bool, typer.Option("--stdout", help="Print the report instead of writing it.")] = False,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Show it in a browser, with the runs beside it; this machine only."),
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --serve: 0 takes a free one.")] = 0,
) -> None:
    """Render a run's reports again; the exit code is the run's own."""
    if serve:
        _serve(run, port)
        return
    from pynomaly_itest.events import read_log
    from pynomaly_itest.registry import REPORTS
    from pynomaly_itest.report import write
    from pynomaly_itest.results import fold

    log = _log_of(run)
    result = fold(read_log(log))
    formats = parse_formats(format)
    if stdout:
        for name in formats:
            typer.echo(REPORTS[name]().render(result).decode(), nl=False)
    else:
        for path in write(result, log.parent, formats):
            typer.echo(str(path))
    raise typer.Exit(result.exit_code)


def _log_of(run: Path) -> Path:
    """The log of a run that is named by its folder or by the log itself; raises UsageError where there is none."""
    from pynomaly_itest.history.latest import LOG, run_folder

    if run.is_file() and run.name != LOG:
        return run  # a log that was put somewhere else
    run_folder(run)
    return run / LOG if run.is_dir() else run


def _serve(run: Path, port: int) -> None:
    """The run's page and those of its neighbours, until Ctrl-C."""
    from urllib.parse import quote

    from pynomaly_itest.cli.history import serve_until_stopped
    from pynomaly_itest.history.latest import run_folder

    folder = run_folder(run)
    serve_until_stopped(folder.parent, port, 50, f"runs/{quote(folder.name, safe='')}/report.html")


def parse_formats(text: str) -> list[str]:
    """The formats of a comma-separated list; raises UsageError for an unknown one."""
    from pynomaly_itest.registry import REPORTS

    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        REPORTS[name]  # raises for an unknown one, with the nearest
    return names
