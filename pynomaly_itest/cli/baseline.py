"""`pynomaly-itest baseline save|list|show|remove`: runs that others are held against, under a name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pynomaly_itest.cli.folders import BASELINES
from pynomaly_itest.errors import UsageError
from pynomaly_itest.plain import printable

app = typer.Typer(
    help="Runs that others are held against, kept under a name.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Folder = Annotated[
    Path,
    typer.Option(help="Where baselines are kept.", envvar="PYNOMALY_ITEST_BASELINES"),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A baseline's name.")]


@app.command("save")
def save(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    name: Name,
    build: Annotated[
        str | None,
        typer.Option(help="The build that was run, as `compare` takes it: a git ref, a wheel, a folder."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace one of that name; keep a run that did not pass.")
    ] = False,
    folder: Folder = BASELINES,
) -> None:
    """Keep a run's figures under a name, with what is needed to run it again."""
    from pynomaly_itest.comparison import baseline as kept
    from pynomaly_itest.events import read_log
    from pynomaly_itest.history.latest import run_folder
    from pynomaly_itest.results import Verdict, fold

    result = fold(read_log(run_folder(run) / "run.jsonl"))
    if result.verdict is not Verdict.PASSED and not force:
        raise UsageError(
            f"that run is {result.verdict}: nothing should be held against it", hint="--force keeps it anyway"
        )
    path = folder / f"{kept.checked_name(name)}.json"
    if path.exists() and not force:
        raise UsageError(f"there is a baseline {name!r} already", hint="--force replaces it")
    if build is not None:
        from pynomaly_itest.comparison.subjects import BuildSubject, subject_of

        if not isinstance(subject_of(build), BuildSubject):
            raise UsageError(f"--build: {build} is no build of the platform")
    made = kept.baseline_of(result, name, saved_at=now(), again=build)
    typer.echo(f"{kept.save(made, folder)}: {summary(made)}")


@app.command("list")
def list_(folder: Folder = BASELINES) -> None:
    """Every baseline: its name, profile, version and build."""
    from pynomaly_itest.comparison import baseline as kept

    paths = kept.saved(folder)
    if not paths:
        typer.echo(f"no baselines in {folder}/: `baseline save RUN NAME` keeps one")
    for path in paths:
        try:
            typer.echo(f"{path.stem:<16} {summary(kept.read(path))}")
        except UsageError as problem:
            typer.echo(f"{path.stem:<16} {printable(problem.message)}")


@app.command("show")
def show(name: Name, folder: Folder = BASELINES) -> None:
    """A baseline's origin, and each figure of it."""
    from pynomaly_itest.comparison import baseline as kept

    found = kept.read(kept.find(name, folder))
    facts = {
        "name": found.name,
        "saved": found.saved_at,
        "profile": f"{found.profile}, seed {found.seed}",
        "target": f"{found.target}, version {found.version or 'unknown'}, {found.build or 'build unknown'}",
        "again": found.again or "can't be started again: times are not judged against it",
        "verdict": found.verdict,
        "command": found.command,
        "machine": ", ".join(
            found.environment[fact] for fact in ("processor", "cores", "memory") if fact in found.environment
        ),
    }
    for label, text in facts.items():
        typer.echo(f"{label:<8} {printable(text)}")
    scenario = None
    for figure in found.figures:
        if figure.scenario != scenario:
            scenario = figure.scenario
            typer.echo(f"\n{printable(scenario)}")
        unit = "" if figure.unit in (None, "1") else f" {figure.unit}"
        typer.echo(printable(f"  {figure.metric:<40} {figure.observed:.6g}{unit}"))


@app.command("remove")
def remove(name: Name, folder: Folder = BASELINES) -> None:
    """Forget a baseline."""
    from pynomaly_itest.comparison import baseline as kept

    path = kept.find(kept.checked_name(name), folder)
    try:
        path.unlink()
        path.with_name(f"{path.name}.sig").unlink(missing_ok=True)
    except OSError as problem:
        raise UsageError(f"can't remove {path}: {problem.strerror}") from problem
    typer.echo(f"removed {path}")


def summary(baseline) -> str:  # type: ignore[no-untyped-def]  # importing its type would cost --help its speed
    """One line about a baseline."""
    build = baseline.build or f"version {baseline.version or 'unknown'}"
    again = "" if baseline.again else ", can't be started again"
    count = len(baseline.figures)
    text = f"{baseline.profile}, {count} figures, {build}{again}, {baseline.saved_at[:16].replace('T', ' ')}"
    return printable(text)


def now() -> str:
    """The time of saving."""
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat(timespec="seconds")
