"""`pynomaly-itest run`: load, plan, run, judge, report; the exit code is the verdict's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pynomaly_itest.cli import flags
from pynomaly_itest.cli.folders import BASELINES
from pynomaly_itest.cli.terms import DEFAULT_BUDGET
from pynomaly_itest.errors import UsageError

if TYPE_CHECKING:
    from pynomaly_itest.cli.console import Loudness
    from pynomaly_itest.cli.run_request import RunRequest
    from pynomaly_itest.profile.model import Plan

_INCONCLUSIVE = ("fail", "pass")
_SEVERITIES = ("critical", "high", "medium", "low")


def run(  # a flag each, by what they are about: see flags.py
    context: typer.Context,
    profile: flags.Profiles,
    tags: flags.Tags = None,
    words: flags.Words = None,
    scenario: flags.Scenarios = None,
    set_: flags.Set = None,
    dataset: flags.Datasets = None,
    data_dir: flags.DataDir = None,
    quick: flags.Quick = False,
    seed: flags.Seed = 42,
    shuffle: flags.Shuffle = False,
    repeat: flags.Repeat = 1,
    target: flags.TargetName = "bundled",
    service: flags.ServiceFile = None,
    user: flags.User = None,
    ca: flags.Ca = None,
    cert: flags.Cert = None,
    key: flags.Key = None,
    isolate: flags.Isolate = False,
    coverage: flags.CoverageFormats = None,
    profiler: flags.Profiler = False,
    jobs: flags.Jobs = 1,
    maxfail: flags.MaxFail = None,
    timeout: flags.Timeout = None,
    inconclusive: flags.Inconclusive = "fail",
    every: flags.Every = None,
    until_failure: flags.UntilFailure = False,
    keep: flags.Keep = 300,
    metrics_port: flags.MetricsPort = None,
    dry_run: flags.DryRun = False,
    report: flags.Report = "html,json,junit",
    out: flags.Out = Path("reports"),
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
    no_color: flags.NoColor = False,
    log_level: flags.LogLevel = "WARNING",
    log_format: flags.LogFormat = "text",
    baseline: flags.BaselineName = None,
    save_baseline: flags.SaveBaseline = None,
    allow_stored_latency: flags.StoredLatency = False,
    baseline_budget: flags.BaselineBudget = DEFAULT_BUDGET,
    baselines: flags.BaselineFolder = BASELINES,
    fail_on: flags.FailOn = "high",
    require_checks: flags.RequireChecks = None,
    probe: flags.Probes = None,
    allow_disruptive: flags.AllowDisruptive = False,
    waivers: flags.WaiversFile = None,
    authorisations: flags.AuthorisationsFile = None,
    resume_from: flags.ResumeFrom = None,
) -> None:
    """Run profiles against a target, judge every gate, write the reports."""
    from pynomaly_itest.cli import ci, execution, logs
    from pynomaly_itest.cli.console import whoever_listens

    if no_color:
        os.environ["NO_COLOR"] = "1"  # which every library that draws knows
    said = dict(context.params)
    _check(said)
    logs.configure(log_level, log_format)
    plan = _plan(said)
    if dry_run:
        from pynomaly_itest.cli.planning import fitted_for_show, show_plan

        show_plan(fitted_for_show(plan), target)
        return
    request = _request(context, said)
    if _looping(said):
        from pynomaly_itest.cli.loop import go_on

        with ci.commands_stopped():
            code = go_on(plan, request, said)
        raise typer.Exit(code)
    with ci.commands_stopped():
        ended = execution.execute(plan, request)
    with whoever_listens():
        ci.tell_github(ended.result)
    raise typer.Exit(ended.code)


def _check(said: dict[str, Any]) -> None:
    """What one flag may say, and which go together; raises UsageError."""
    if said["fail_on"] not in _SEVERITIES:
        raise UsageError(f"--fail-on takes {', '.join(_SEVERITIES)}, not {said['fail_on']!r}")
    if said["require_checks"] not in (None, *_SEVERITIES):
        raise UsageError(f"--require-checks takes {', '.join(_SEVERITIES)}, not {said['require_checks']!r}")
    if said["inconclusive"] not in _INCONCLUSIVE:
        raise UsageError(f"--inconclusive takes fail or pass, not {said['inconclusive']!r}")
    if said["metrics_port"] is not None and not _looping(said):
        raise UsageError("--metrics-port shows a loop's rounds: it goes with --every or --until-failure")
    if said["target"] == "bundled":
        return
    if said["coverage"] is not None or said["profiler"]:
        raise UsageError(
            "--coverage and --profiler look into the platform: they go with --target bundled only"
        )
    if said["isolate"]:
        raise UsageError("--isolate starts platforms: it goes with --target bundled only")


def _looping(said: dict[str, Any]) -> bool:
    """Whether the run is one round of a loop."""
    return said["every"] is not None or bool(said["until_failure"])


def _plan(said: dict[str, Any]) -> Plan:
    """What the flags select and set."""
    from pynomaly_itest.cli.planning import make_plan
    from pynomaly_itest.cli.safety import only_probes

    plan = make_plan(
        said["profile"],
        set_=said["set_"] or (),
        datasets=said["dataset"] or (),
        data_dir=said["data_dir"],
        quick=said["quick"],
        service=said["service"],
        tags=said["tags"],
        words=said["words"],
        scenarios=said["scenario"] or (),
        repeat=1 if _looping(said) else said["repeat"],
        shuffle_seed=said["seed"] if said["shuffle"] else None,
    )
    return only_probes(plan, said["probe"]) if said["probe"] else plan


def _request(context: typer.Context, said: dict[str, Any]) -> RunRequest:
    """How the flags want it run."""
    from pynomaly_itest.cli.invocation import said as as_words
    from pynomaly_itest.cli.report import parse_formats
    from pynomaly_itest.cli.run_baseline import BaselineFlags
    from pynomaly_itest.cli.run_request import RunRequest
    from pynomaly_itest.cli.safety import Safety
    from pynomaly_itest.cli.targets import tls_of
    from pynomaly_itest.target.coverage import parse_formats as parse_coverage_formats

    return RunRequest(
        target=said["target"],
        user=said["user"],
        tls=tls_of(said["ca"], said["cert"], said["key"]),
        seed=said["seed"],
        jobs=said["jobs"],
        maxfail=said["maxfail"],
        timeout_s=said["timeout"],
        inconclusive_passes=said["inconclusive"] == "pass",
        formats=tuple(parse_formats(said["report"])),
        out=said["out"],
        loudness=_loudness(said),
        isolate=said["isolate"],
        coverage=() if said["coverage"] is None else parse_coverage_formats(said["coverage"]),
        profiler=said["profiler"],
        arguments=as_words(context),
        resume_from=said["resume_from"],
        baseline=BaselineFlags(
            said["baseline"],
            said["save_baseline"],
            said["allow_stored_latency"],
            said["baseline_budget"],
            said["baselines"],
        ),
        safety=Safety(
            said["fail_on"],
            said["allow_disruptive"],
            said["waivers"],
            said["authorisations"],
            said["require_checks"],
        ),
        reproduce=_reproduction(said),
    )


def _reproduction(said: dict[str, Any]) -> str:
    """The command for the reader who wants to see it for himself."""
    from pynomaly_itest.cli.planning import reproduction

    return reproduction(
        said["profile"],
        target=said["target"],
        set_=said["set_"] or (),
        datasets=said["dataset"] or (),
        seed=said["seed"],
        user=said["user"],
        more=said,
    )


def _loudness(said: dict[str, Any]) -> Loudness:
    return "quiet" if said["quiet"] else "verbose" if said["verbose"] else "normal"
