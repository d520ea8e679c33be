"""Between the flags of `run` and the runner: plan, target, run folder, signals, reports, and what the screen says."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from pynomaly_itest.carrying import Carried, carried_from
from pynomaly_itest.cli.baselines import BaselineFlags, against_of, keep
from pynomaly_itest.cli.console import console_for
from pynomaly_itest.cli.logs import LogListener
from pynomaly_itest.cli.safety import Safety, probe_options, probes_of
from pynomaly_itest.cli.summary import summarise
from pynomaly_itest.datasets.base import Dataset
from pynomaly_itest.errors import EvidenceLost, ExitCode, UsageError
from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import RunAborted, read_log
from pynomaly_itest.history.progress import ProgressFile
from pynomaly_itest.isolation import FreshTarget
from pynomaly_itest.probing.options import ProbeOptions
from pynomaly_itest.profile.loader import load
from pynomaly_itest.profile.model import Plan, StepCall
from pynomaly_itest.profile.overrides import Overrides
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.report import write
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.runner import RunOptions, bug_fields, run
from pynomaly_itest.shelf import read_files
from pynomaly_itest.target.base import Credentials, Target

if TYPE_CHECKING:
    from pynomaly_itest.target.bundled import Instruments

_LONGEST_NAME = 60


@dataclass(frozen=True)
class Request:
    """What the user asked of a run, beside the plan."""

    target: str
    user: str | None
    seed: int
    jobs: int
    maxfail: int | None
    timeout_s: float | None
    inconclusive_passes: bool
    formats: tuple[str, ...]
    out: Path
    loudness: Literal["quiet", "normal", "verbose"]
    reproduce: str
    isolate: bool = False
    coverage: tuple[str, ...] = ()
    profiler: bool = False
    arguments: tuple[str, ...] = ()
    resume_from: Path | None = None
    safety: Safety = field(default_factory=Safety)
    baseline: BaselineFlags = field(default_factory=BaselineFlags)


@dataclass(frozen=True)
class Ended:
    """A run that came to an end: what the process exits with, what its log tells, and where that lies."""

    code: ExitCode
    result: RunResult
    folder: Path


def make_plan(
    profiles: Sequence[str],
    *,
    set_: Sequence[str],
    datasets: Sequence[str],
    data_dir: Path | None,
    tags: str | None,
    words: str | None,
    scenarios: Sequence[str],
    repeat: int,
    shuffle_seed: int | None = None,
    quick: bool = False,
) -> Plan:
    """The plan of these profiles and flags; raises UsageError, ProfileError or NothingSelected."""
    overrides = Overrides(
        set=tuple(set_),
        datasets=tuple(datasets),
        environment=dict(os.environ),
        tags=tags,
        words=words,
        scenarios=tuple(scenarios),
        data_dir=data_dir,
        shuffle_seed=shuffle_seed,
        quick=quick,
    )
    plan = load(list(profiles), overrides)
    if repeat == 1:
        return plan
    again = [
        replace(scenario, id=f"{scenario.id}#{number}")
        for number in range(1, repeat + 1)
        for scenario in plan.scenarios
    ]
    return replace(plan, scenarios=tuple(again))


def show_plan(plan: Plan, target: str) -> None:
    """`--dry-run`: what would run, and each effective value with its origin."""
    typer.echo(f"profile {plan.profile}: {plan.description}".rstrip(": "))
    typer.echo(f"target  {Redactor().text(target)}")
    typer.echo(f"\n{len(plan.scenarios)} scenarios ({plan.deselected} deselected):")
    for scenario in plan.scenarios:
        tags = f"  [{', '.join(scenario.tags)}]" if scenario.tags else ""
        typer.echo(f"  {scenario.id}{tags}")
        for call in (*scenario.setup, *scenario.steps):
            typer.echo(f"      {call.kind}")
            if call.kind == "probe":
                _show_probes(call)
        for gate in scenario.gates:
            typer.echo(f"      gate {gate.expression.text}")
    typer.echo("\neffective values:")
    width = max((len(origin.name) for origin in plan.origins), default=0)
    for origin in plan.origins:
        typer.echo(f"  {origin.name:<{width}}  {origin.value!s:<12}  {origin.origin}")


def _show_probes(call: StepCall) -> None:
    """Each probe, and each request that it may send."""
    from pynomaly_itest.probing.probe import SENT_FOR_ALL

    for probe in probes_of(call):
        typer.echo(f"        {probe.id}  {probe.summary}")
        for request in probe.sends:
            typer.echo(f"          {request}")
    typer.echo(f"        for actors and health: {', '.join(SENT_FOR_ALL)}")


def reproduction(
    profiles: Sequence[str],
    *,
    target: str,
    set_: Sequence[str],
    datasets: Sequence[str],
    seed: int,
    user: str | None,
    quick: bool = False,
) -> str:
    """A command that runs the same again, made of the flags that matter; never of the command line itself."""
    words = ["pynomaly-itest", "run"]
    for flag, values in (("-p", profiles), ("--set", set_), ("--dataset", datasets)):
        for value in values:
            words += [flag, value]
    if quick:
        words += ["--quick"]
    if target != "bundled":
        words += ["--target", target]
    if user:
        words += ["--user", user]
    return Redactor().text(shlex.join([*words, "--seed", str(seed)]))


def execute(plan: Plan, request: Request, *, brief: bool = False) -> Ended:
    """Run the plan, write the reports, say the verdict. `brief`: say nothing of a run that passed."""
    redactor = Redactor()
    probing = probe_options(plan, request.target, request.safety)
    from pynomaly_itest.cli.instruments import instruments_for, tell

    carried: Carried = (
        {} if request.resume_from is None else carried_from(request.resume_from / "run.jsonl", plan)
    )
    files = read_files(plan)
    make_target(plan, request, redactor)  # refuses before there is a folder
    request.baseline.check()
    against = against_of(request.baseline, plan, request.target, request.seed, files, redactor)
    folder = make_folder(request.out, plan.profile)
    instruments = instruments_for(request.coverage, folder, profiler=request.profiler)
    target = make_target(plan, request, redactor, instruments)
    with console_for(
        "quiet" if brief else request.loudness, [scenario.id for scenario in plan.scenarios]
    ) as console:
        progress = ProgressFile(folder)
        listeners = (console, LogListener(), progress, *(() if against is None else (against,)))
        log = EventLog(folder / "run.jsonl", redactor, listeners=listeners)
        try:
            fresh_target = _fresh_target(plan, request, redactor, instruments)
            options = _options(plan, request, files, probing, fresh_target, carried)
            options = replace(options, afterwards=None if against is None else against.judge)
            lost = _run_to_the_end(plan, target, log, options)
        finally:
            log.close()
            progress.close()
    tell(instruments)  # what it leaves in the folder is linked in the report
    result = fold(read_log(folder / "run.jsonl"))
    paths: list[Path] = []
    try:
        paths = write(result, folder, request.formats)
    except EvidenceLost as problem:
        lost = lost or problem
    except Exception as bug:
        result.aborted = _remember_bug(bug, folder / "run.jsonl", redactor)
    _point_latest(request.out, folder)
    code = result.exit_code if lost is None or result.exit_code is not ExitCode.PASSED else lost.exit_code
    if not brief or code is not ExitCode.PASSED:
        summarise(result, paths, folder, code, lost, quiet=request.loudness == "quiet")
    keep(request.baseline, result, typer.echo)
    return Ended(code, result, folder)


def _remember_bug(bug: Exception, path: Path, redactor: Redactor) -> RunAborted:
    """A report that could not be rendered is a bug of ours: it goes into the log, and the run is no pass."""
    log = EventLog(path, redactor)
    try:
        log.record(RunAborted, **bug_fields(bug))
    finally:
        log.close()
    return RunAborted(at_s=0.0, **bug_fields(bug))


def _run_to_the_end(
    plan: Plan,
    target: Target,
    log: EventLog,
    options: RunOptions,
) -> EvidenceLost | None:
    """Run it, with Ctrl-C and SIGTERM as a request to stop; gives the loss of the log, if it came to that."""

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - we are inside one
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):  # the log tells that it was interrupted
            await run(plan, target, log, options)

    try:
        asyncio.run(main())
    except EvidenceLost as problem:
        return problem
    return None


def _options(
    plan: Plan,
    request: Request,
    files: Mapping[str, Dataset],
    probing: ProbeOptions,
    fresh_target: FreshTarget | None,
    carried: Carried,
) -> RunOptions:
    """What the runner is told of the request."""
    return RunOptions(
        run_id=uuid.uuid4().hex,
        seed=request.seed,
        jobs=request.jobs,
        maxfail=request.maxfail,
        timeout_s=request.timeout_s,
        inconclusive_passes=request.inconclusive_passes,
        reproduce=request.reproduce,
        arguments=request.arguments,
        carried=carried,
        isolate=request.isolate,
        fresh_target=fresh_target,
        files=files,
        probing=probing,
    )


def make_target(
    plan: Plan, request: Request, redactor: Redactor, instruments: Instruments | None = None
) -> Target:
    """The target that `--target` names; raises UsageError where it can't be one."""
    from pynomaly_itest.target.bundled import BundledTarget, Instruments, check_settings
    from pynomaly_itest.target.inprocess import InProcessTarget
    from pynomaly_itest.target.launch import Launch, serve_words
    from pynomaly_itest.target.remote import RemoteTarget

    if request.target in ("bundled", "inprocess"):
        for settings in (plan.target_settings, *(scenario.target_settings for scenario in plan.scenarios)):
            check_settings(settings or {})
        if request.target == "inprocess":
            return InProcessTarget(plan.target_settings, redactor)
        launch = Launch(serve_words(os.environ), seed=request.seed)
        return BundledTarget(plan.target_settings, redactor, instruments or Instruments(), launch)
    credentials = credentials_from(request.user, os.environ)
    return RemoteTarget(
        request.target,
        credentials,
        redactor,
        needs_platform=plan.needs_platform,
        other_tenant=_other_tenant(os.environ),
    )


def _fresh_target(
    plan: Plan, request: Request, redactor: Redactor, instruments: Instruments
) -> FreshTarget | None:
    """What starts a platform for one scenario alone; None where the target is not ours to start."""
    from pynomaly_itest.target.bundled import BundledTarget, Instruments
    from pynomaly_itest.target.launch import Launch, serve_words

    if request.target != "bundled":
        return None
    own = Instruments(instruments.coverage)  # a flame graph is of one process: the run's own
    serve = serve_words(os.environ)
    return lambda settings, needs: BundledTarget(
        {**plan.target_settings, **settings}, redactor, own, Launch(serve, needs, request.seed)
    )


def _other_tenant(environment: Mapping[str, str]) -> Credentials:
    """Who administers another tenant of a URL, where the environment names somebody."""
    return Credentials(
        username=environment.get("PYNOMALY_ITEST_OTHER_TENANT_USER"),
        password=environment.get("PYNOMALY_ITEST_OTHER_TENANT_PASSWORD"),
    )


def credentials_from(user: str | None, environment: os._Environ[str] | dict[str, str]) -> Credentials:
    """Who we are at a URL: the name by flag, every secret by environment; raises UsageError if a part is missing."""
    password = environment.get("PYNOMALY_ITEST_PASSWORD")
    if user and not password:
        raise UsageError("--user needs a password", hint="set $PYNOMALY_ITEST_PASSWORD")
    return Credentials(
        username=user,
        password=password if user else None,
        token=environment.get("PYNOMALY_ITEST_TOKEN"),
        api_key=environment.get("PYNOMALY_ITEST_API_KEY"),
    )


def make_folder(out: Path, profile: str) -> Path:
    """A new folder for this run, `<out>/<UTC time>-<profile>`; raises UsageError where it can't be made."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    safe = "".join(ch if ch.isalnum() or ch in "-_" else "-" for ch in profile)[:_LONGEST_NAME]
    for attempt in range(1, 1000):
        folder = out / (f"{stamp}-{safe}" if attempt == 1 else f"{stamp}-{safe}-{attempt}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError as problem:
            if not out.is_dir():
                raise UsageError(f"--out: {out} is not a folder") from problem
            continue
        except OSError as problem:
            raise UsageError(
                f"--out: can't make {folder}: {problem.strerror}", hint="choose another folder with --out"
            ) from problem
        return folder
    raise UsageError(f"--out: no free name for a run's folder in {out}")


def _point_latest(out: Path, folder: Path) -> None:
    """`<out>/latest` points at the newest run; a file system without links does without."""
    link, fresh = out / "latest", out / f".latest-{os.getpid()}"
    with contextlib.suppress(OSError):
        fresh.symlink_to(folder.name)
        fresh.replace(link)
