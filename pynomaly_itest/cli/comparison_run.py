"""Between the flags of `compare` and `noise` and the comparison: plan, folder, signals, and what the screen says."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pynomaly_itest.plain import printable
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.transport.tls import SYSTEM, Tls

if TYPE_CHECKING:
    from pynomaly_itest.comparison.outcome import Outcome, Terms
    from pynomaly_itest.comparison.record import ComparisonRecord
    from pynomaly_itest.comparison.subjects import BuildSubject, UrlSubject
    from pynomaly_itest.profile.model import Plan

_WIDEST_NAME = 24


@dataclass(frozen=True)
class ComparisonRequest:
    """What the user asked to compare."""

    subjects: tuple[BuildSubject | UrlSubject, BuildSubject | UrlSubject]
    plan: Plan
    terms: Terms
    user: str | None = None
    quiet: bool = False
    tls: Tls = SYSTEM


def measured(request: ComparisonRequest) -> Outcome:
    """Run the comparison with Ctrl-C and SIGTERM as a request to stop; what there is by then is the outcome."""
    from pynomaly_itest.cli.stopping import run_until_stopped
    from pynomaly_itest.cli.targets import credentials_from
    from pynomaly_itest.comparison.builds import check_importable
    from pynomaly_itest.comparison.live import LiveComparison
    from pynomaly_itest.comparison.sides import side_of
    from pynomaly_itest.comparison.subjects import BuildSubject
    from pynomaly_itest.comparison.workload import Preparation
    from pynomaly_itest.shelf import Shelf, read_files

    redactor = Redactor()
    for subject in request.subjects:
        if isinstance(subject, BuildSubject):
            check_importable(subject.build)
    credentials = credentials_from(request.user, os.environ)
    tls = request.tls.over(request.plan.tls)
    base, candidate = (side_of(subject, credentials, redactor, tls) for subject in request.subjects)
    live = LiveComparison((base, candidate), request.terms, say=_say(quiet=request.quiet))
    with tempfile.TemporaryDirectory(prefix="pynomaly-compare-") as folder:
        preparation = Preparation(
            plan=request.plan,
            dataset=Shelf(request.plan.datasets, read_files(request.plan)).take,
            folder=Path(folder),
            seed=request.terms.seed,
            run_id=uuid.uuid4().hex,
        )
        preparation.scenarios()  # refuses before anything is started
        run_until_stopped(live.run(preparation))
    return live.outcome


def kept(outcome: Outcome, command: Sequence[str]) -> ComparisonRecord:
    """The record of what was measured on this machine."""
    from pynomaly_itest import __version__
    from pynomaly_itest.comparison.record import record_of
    from pynomaly_itest.environment import describe_environment

    return record_of(
        outcome,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        tool_version=__version__,
        command=Redactor().text(shlex.join(command)),
        environment=describe_environment(os.environ),
    )


def finish(record: ComparisonRecord, out: Path, name: str, *, quiet: bool) -> None:
    """Write the record, show it, and exit with its code."""
    from pynomaly_itest.cli.folders import make_folder
    from pynomaly_itest.comparison.writing import write_record

    paths = write_record(record, make_folder(out, name))
    show(record, quiet=quiet)
    if not quiet:
        typer.echo(f"report: {paths[-1]}")
    raise typer.Exit(record.exit_code)


def show(record: ComparisonRecord, *, quiet: bool) -> None:
    """The table and what has to be said beside it, in 80 columns; `quiet`: the verdict alone."""
    from rich.console import Console
    from rich.text import Text

    from pynomaly_itest.cli.console import COLOURS
    from pynomaly_itest.comparison.wording import sentences, verdict_line

    console = Console(highlight=False)
    if not quiet:
        console.print(Text(f"A  {printable(record.a.label)}"))
        console.print(Text(f"B  {printable(record.b.label)}"))
        console.print(_table(record))
        for sentence in sentences(record):
            console.print(Text(printable(sentence)))
    console.print(Text(verdict_line(record), style=f"bold {COLOURS[record.verdict]}"))


def _table(record: ComparisonRecord) -> object:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from pynomaly_itest.cli.console import COLOURS
    from pynomaly_itest.comparison.wording import COLUMNS, row

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for number, column in enumerate(COLUMNS):
        table.add_column(
            column,
            justify="right" if 0 < number < 5 else "left",
            max_width=_WIDEST_NAME if number == 0 else None,
            overflow="fold",
        )
    for metric in record.metrics:
        cells = row(metric)
        figures = (cells.a, cells.b, cells.worse_by, cells.between)
        verdict = Text(cells.verdict, style=COLOURS[metric.verdict])
        table.add_row(Text(printable(cells.name)), *map(Text, figures), verdict)
    return table


def _say(*, quiet: bool):  # type: ignore[no-untyped-def]  # a listener of texts
    """How it goes, on standard error: in place on a terminal, a line each elsewhere."""
    from pynomaly_itest.cli.console import can_be_redrawn

    live = can_be_redrawn(sys.stderr)

    def say(text: str) -> None:
        if quiet:
            return
        shown = printable(text)
        if live:
            sys.stderr.write(f"\r\x1b[K{shown[:78]}")
            sys.stderr.flush()
        else:
            print(shown, file=sys.stderr, flush=True)  # noqa: T201 - the screen is what this is for

    return say
