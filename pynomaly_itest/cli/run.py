"""`pynomaly-itest run`: load, plan, run, judge, report; the exit code is the verdict's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pynomaly_itest.errors import UsageError

_INCONCLUSIVE = ("fail", "pass")
_SEVERITIES = ("critical", "high", "medium", "low")


def run(
    context: typer.Context,
    profile: Annotated[
        list[str], typer.Option("--profile", "-p", help="A profile's name or file; repeatable.")
    ],
    target: Annotated[
        str, typer.Option("--target", help="bundled, inprocess, or a URL.", envvar="PYNOMALY_ITEST_TARGET")
    ] = "bundled",
    tags: Annotated[
        str | None, typer.Option("--tags", "-m", help='Tags: "performance and not slow".')
    ] = None,
    words: Annotated[
        str | None, typer.Option("--words", "-k", help="Words in the scenario's id or title.")
    ] = None,
    scenario: Annotated[list[str] | None, typer.Option(help="A scenario's id; repeatable.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="benchmarks.detection_latency_ms=50"),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE[:LABEL]", help="Use a file as a dataset of the profile."),
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where datasets' files are looked for, too.")] = None,
    user: Annotated[
        str | None, typer.Option(help="Log in as; the password comes from $PYNOMALY_ITEST_PASSWORD.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random choice.")] = 42,
    jobs: Annotated[
        int, typer.Option(min=1, max=64, help="Scenarios side by side (timed ones run alone).")
    ] = 1,
    isolate: Annotated[
        bool, typer.Option("--isolate", help="A platform of its own for every scenario (bundled target).")
    ] = False,
    shuffle: Annotated[
        bool, typer.Option("--shuffle", help="Run the scenarios in an order that --seed decides.")
    ] = False,
    repeat: Annotated[int, typer.Option(min=1, max=1000, help="Run every scenario so many times.")] = 1,
    maxfail: Annotated[int | None, typer.Option(min=1, help="Stop after so many failed scenarios.")] = None,
    timeout: Annotated[float | None, typer.Option(min=0.1, help="Seconds for the whole run.")] = None,
    inconclusive: Annotated[
        str, typer.Option(help="fail or pass: what an inconclusive run exits with.")
    ] = "fail",
    report: Annotated[
        str, typer.Option(help="html, json, junit, … separated by commas.")
    ] = "html,json,junit",
    out: Annotated[Path, typer.Option(help="Where runs land.")] = Path("reports"),
    fail_on: Annotated[
        str, typer.Option(help="critical, high, medium or low: findings from here on fail the run.")
    ] = "high",
    probe: Annotated[
        list[str] | None, typer.Option(help="Only these security probes, by id or family; repeatable.")
    ] = None,
    allow_disruptive: Annotated[
        bool,
        typer.Option("--allow-disruptive", help="Probes that may lock accounts of ours or slow the target."),
    ] = False,
    waivers: Annotated[
        Path | None, typer.Option(help="A file of findings that somebody answers for.")
    ] = None,
    authorisations: Annotated[
        Path | None, typer.Option(help="A file that permits security and load tests beyond this machine.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and each effective value.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the verdict.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Each step as it ends.")] = False,
    coverage: Annotated[
        str | None, typer.Option(help="xml, html: which lines of the bundled platform ran.")
    ] = None,
    profiler: Annotated[
        bool, typer.Option("--profiler", help="A flame graph of the bundled platform's process.")
    ] = False,
    log_level: Annotated[
        str, typer.Option(help="DEBUG, INFO, WARNING, ERROR; requests and replies at DEBUG, redacted.")
    ] = "WARNING",
    log_format: Annotated[str, typer.Option(help="text or json.")] = "text",
    resume_from: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run profiles against a target, judge every gate, write the reports."""
    from pynomaly_itest.cli import execution, logs
    from pynomaly_itest.cli.invocation import said
    from pynomaly_itest.cli.report import parse_formats
    from pynomaly_itest.cli.safety import Safety, only_probes
    from pynomaly_itest.target.coverage import parse_formats as parse_coverage_formats

    if fail_on not in _SEVERITIES:
        raise UsageError(f"--fail-on takes {', '.join(_SEVERITIES)}, not {fail_on!r}")
    if inconclusive not in _INCONCLUSIVE:
        raise UsageError(f"--inconclusive takes fail or pass, not {inconclusive!r}")
    logs.configure(log_level, log_format)
    if (coverage is not None or profiler) and target != "bundled":
        raise UsageError(
            "--coverage and --profiler look into the platform: they go with --target bundled only"
        )
    if isolate and target != "bundled":
        raise UsageError("--isolate starts platforms: it goes with --target bundled only")
    plan = execution.make_plan(
        profile,
        set_=set_ or (),
        datasets=dataset or (),
        data_dir=data_dir,
        tags=tags,
        words=words,
        scenarios=scenario or (),
        repeat=repeat,
        shuffle_seed=seed if shuffle else None,
    )
    if probe:
        plan = only_probes(plan, probe)
    if dry_run:
        execution.show_plan(plan, target)
        return
    loudness: Literal["quiet", "normal", "verbose"] = "quiet" if quiet else "verbose" if verbose else "normal"
    code = execution.execute(
        plan,
        execution.Request(
            target=target,
            user=user,
            seed=seed,
            jobs=jobs,
            maxfail=maxfail,
            timeout_s=timeout,
            inconclusive_passes=inconclusive == "pass",
            formats=tuple(parse_formats(report)),
            out=out,
            loudness=loudness,
            isolate=isolate,
            coverage=() if coverage is None else parse_coverage_formats(coverage),
            profiler=profiler,
            arguments=said(context),
            resume_from=resume_from,
            safety=Safety(fail_on, allow_disruptive, waivers, authorisations),
            reproduce=execution.reproduction(
                profile, target=target, set_=set_ or (), datasets=dataset or (), seed=seed, user=user
            ),
        ),
    )
    raise typer.Exit(code)
