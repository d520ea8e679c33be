"""`pynomaly-itest noise`: what this machine can tell, found out with the same build on both sides."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pynomaly_itest.cli import flags, terms
from pynomaly_itest.errors import EvidenceLost, ExitCode, UsageError

if TYPE_CHECKING:
    from pynomaly_itest.comparison.noise import NoiseRecord


def noise(
    build: Annotated[
        str, typer.Argument(metavar="BUILD", help="The build, as `compare` takes it.")
    ] = "bundled",
    profile: terms.Workload = None,
    scenario: flags.Scenarios = None,
    metric: terms.Metrics = None,
    pairs: Annotated[int, typer.Option(min=4, max=48, help="How many process pairs to measure.")] = 9,
    budget: terms.Budget = terms.DEFAULT_BUDGET,
    seconds: terms.Seconds = None,
    seed: flags.Seed = 42,
    out: flags.Out = Path("reports"),
    quiet: flags.Quiet = False,
) -> None:
    """Hold a build against itself: how small a worsening can be told here, and how long that takes.

    Exit codes: 0 it could be told, 4 too few pairs, 2 usage, 3 the build did not start.
    """
    from pynomaly_itest.cli.comparison_run import ComparisonRequest, kept, measured
    from pynomaly_itest.cli.folders import make_folder
    from pynomaly_itest.cli.planning import make_plan
    from pynomaly_itest.comparison.noise import noise_of
    from pynomaly_itest.comparison.subjects import BuildSubject, named_apart, subject_of

    subject = subject_of(build)
    if not isinstance(subject, BuildSubject):
        raise UsageError(
            f"{build} is no build that can be started in pairs", hint="name a git ref, a wheel, bundled"
        )
    plan = make_plan(profile or terms.DEFAULT_WORKLOAD, scenarios=scenario or ())
    agreed = terms.terms_of(budget=budget, seconds=seconds, seed=seed, metric=metric)
    agreed = replace(agreed, most_pairs=pairs, always_all=True)
    outcome = measured(ComparisonRequest((subject, named_apart(subject)), plan, agreed, quiet=quiet))
    if outcome.failure is not None:
        typer.echo(f"error: it did not answer as it should: {outcome.failure.message}", err=True)
        raise typer.Exit(ExitCode.INCONCLUSIVE)
    record = noise_of(kept(outcome, ["pynomaly-itest", *sys.argv[1:]]))
    path = make_folder(out, "noise") / "noise.json"
    _write(path, record)
    _show(record, quiet=quiet)
    typer.echo(f"record: {path}")
    if outcome.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    raise typer.Exit(ExitCode.PASSED if record.metrics else ExitCode.INCONCLUSIVE)


def _write(path: Path, record: NoiseRecord) -> None:
    try:
        path.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as problem:
        raise EvidenceLost(f"can't write {path}: {problem.strerror}") from problem


def _show(record: NoiseRecord, *, quiet: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from pynomaly_itest.plain import printable

    console = Console(highlight=False)
    if not quiet:
        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        looks = sorted(record.metrics[0].told)[::2] if record.metrics else []
        table.add_column("metric", max_width=22, overflow="fold")
        for column in ("spread", *(f"{look} pairs" for look in looks), "2 / 5 %"):
            table.add_column(column, justify="right")
        for metric in record.metrics:
            told = [_percent(metric.told[look]) for look in looks]
            needed = "never" if metric.pairs is None else f"{metric.pairs} pairs"
            table.add_row(Text(printable(metric.name)), _percent(metric.spread), *told, needed)
        console.print(Text(f"{printable(record.build)} against itself, {record.pairs} pairs"))
        console.print(table)
        console.print(
            "How much worse, beyond what is ignored, a build must be to be found in nine of ten comparisons "
            "(one false alarm in 10,000), by the number of pairs; and how many tell 5 % from 2 %."
        )
    for sentence in record.advice:
        console.print(Text(printable(sentence)))


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"
