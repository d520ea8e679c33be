"""`--coverage` and `--profiler`: prepared before the run, told of after it."""

from __future__ import annotations

from pathlib import Path

import typer

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.target.coverage import Coverage
from pynomaly_itest.target.instruments import Instruments
from pynomaly_itest.target.profiler import Profiler


def instruments_for(coverage_formats: tuple[str, ...], folder: Path, *, profiler: bool) -> Instruments:
    """What was asked for, with its results below the run's folder; raises UsageError where it is not installed."""
    coverage = None
    if coverage_formats:
        coverage = Coverage(folder.resolve() / "coverage", coverage_formats)
        coverage.prepare()
    if not profiler:
        return Instruments(coverage)
    Profiler.program()
    return Instruments(coverage, Profiler(folder.resolve() / "flamegraph.svg"))


def tell(instruments: Instruments) -> None:
    """Say what came of it and where it lies."""
    if instruments.coverage is not None:
        try:
            share = instruments.coverage.report()
        except (CannotMeasure, OSError, ValueError) as problem:  # the run's own reports are to be written yet
            typer.echo(f"no coverage: {problem}", err=True)
        else:
            typer.echo(f"coverage: {share:.1%} of the platform's lines; {instruments.coverage.folder}")
    profiler = instruments.profiler
    if profiler is not None and profiler.flame_graph.is_file():
        typer.echo(f"flame graph: {profiler.flame_graph}")
