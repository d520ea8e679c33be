"""Between the flags of `run` and the runner: plan, target, run folder, signals, reports, and what the screen says."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import typer

from pynomaly_itest.adapters.base import Adapter
from pynomaly_itest.adapters.binding import bind
from pynomaly_itest.adapters.fitting import fitted
from pynomaly_itest.carrying import Carried, carried_from, target_of
from pynomaly_itest.cli.console import whoever_listens
from pynomaly_itest.cli.folders import make_folder
from pynomaly_itest.cli.live import console_for
from pynomaly_itest.cli.logs import LogListener
from pynomaly_itest.cli.run_baseline import against_of, keep
from pynomaly_itest.cli.run_request import RunRequest
from pynomaly_itest.cli.safety import probe_options
from pynomaly_itest.cli.stopping import run_until_stopped
from pynomaly_itest.cli.summary import summarise
from pynomaly_itest.cli.targets import addressed, fresh_target_of, make_target
from pynomaly_itest.datasets.base import Dataset
from pynomaly_itest.errors import EvidenceLost, ExitCode, bug_fields
from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import RunAborted, read_log
from pynomaly_itest.history.latest import point_latest
from pynomaly_itest.history.progress import ProgressFile
from pynomaly_itest.isolation import FreshTarget
from pynomaly_itest.probing.options import ProbeOptions
from pynomaly_itest.profile.finder import hiding, profile_folders
from pynomaly_itest.profile.model import Plan
from pynomaly_itest.redaction import Redactor, secrets_in
from pynomaly_itest.report import write
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.run_options import RunOptions
from pynomaly_itest.runner import run
from pynomaly_itest.shelf import read_files
from pynomaly_itest.target.base import Target


@dataclass(frozen=True)
class Ended:
    """A run that came to an end: what the process exits with, what its log tells, and where that lies."""

    code: ExitCode
    result: RunResult
    folder: Path


def execute(plan: Plan, request: RunRequest, *, brief: bool = False) -> Ended:
    """Run the plan, write the reports, say the verdict. `brief`: say nothing of a run that passed."""
    redactor = Redactor(tuple(_secrets_of(plan)))
    plan, request, adapter = _fitted(plan, request, redactor)
    probing = probe_options(plan, request.target, request.safety)
    from pynomaly_itest.cli.instruments import instruments_for, tell

    resumed = request.resume_from
    carried: Carried = {} if resumed is None else carried_from(resumed / "run.jsonl", plan)
    files = read_files(plan)
    make_target(plan, request, redactor, adapter=adapter)  # refuses before there is a folder
    request.baseline.check()
    against = against_of(request.baseline, plan, request.target, request.seed, files, redactor)
    folder = make_folder(request.out, plan.profile)
    # a run that is killed is the newest all the same; of rounds, the last that ended is shown
    unmoved = None if brief else point_latest(request.out, folder)
    instruments = instruments_for(request.coverage, folder, profiler=request.profiler)
    target = make_target(plan, request, redactor, instruments, adapter)
    with console_for(
        "quiet" if brief else request.loudness, [scenario.id for scenario in plan.scenarios]
    ) as console:
        progress = ProgressFile(folder)
        listeners = (console, LogListener(), progress, *(() if against is None else (against,)))
        log = EventLog(folder / "run.jsonl", redactor, listeners=listeners)
        try:
            is_deployed = adapter is not None and not adapter.trains
            fresh_target = fresh_target_of(plan, request, redactor, instruments, is_deployed=is_deployed)
            options = replace(
                _options(plan, request, files, probing, fresh_target, carried),
                adapter=adapter,
                afterwards=None if against is None else against.judge,
                warnings=(*(() if unmoved is None else (unmoved,)), *_hiding(plan)),
            )
            lost = _run_to_the_end(plan, target, log, options)
        finally:
            log.close()
            progress.close()
    tell(instruments)  # what it leaves in the folder is linked in the report
    return _concluded(request, folder, redactor, lost, brief=brief)


def _concluded(
    request: RunRequest, folder: Path, redactor: Redactor, lost: EvidenceLost | None, *, brief: bool
) -> Ended:
    """What the log in `folder` tells, with the reports written and the verdict said."""
    result = fold(read_log(folder / "run.jsonl"))
    reports = _write_reports(result, folder, request.formats, redactor)
    lost = lost or reports.lost
    unmoved = point_latest(request.out, folder)
    code = result.exit_code if lost is None or result.exit_code is not ExitCode.PASSED else lost.exit_code
    with whoever_listens():
        if not brief or code is not ExitCode.PASSED:
            summarise(result, reports.paths, folder, code, lost, quiet=request.loudness == "quiet")
    _warn(unmoved)
    keep(request.baseline, result, whoever_listens()(typer.echo))
    return Ended(code, result, folder)


@whoever_listens()
def _warn(message: str | None) -> None:
    if message is not None:
        typer.echo(f"warning: {message}", err=True)


class _Fitted(NamedTuple):
    """A plan and a request as they are on the service that the plan speaks of, and how that is spoken to."""

    plan: Plan
    request: RunRequest
    adapter: Adapter | None = None


def _hiding(plan: Plan) -> list[str]:
    """Which profiles of the working folder were taken in the place of those that the tool brings."""
    return hiding(map(Path, plan.files), profile_folders())


def _fitted(plan: Plan, request: RunRequest, redactor: Redactor) -> _Fitted:
    """What the service can do of the plan, at its address; raises UsageError where that or a secret is missing."""
    if plan.service is None:
        return _Fitted(plan, request)
    adapter = bind(plan.service, os.environ, redactor)
    return _Fitted(fitted(plan, adapter), addressed(request, adapter), adapter)


class _Reports(NamedTuple):
    """The files that were written, and why the others were not."""

    paths: list[Path]
    lost: EvidenceLost | None = None


def _write_reports(result: RunResult, folder: Path, formats: Sequence[str], redactor: Redactor) -> _Reports:
    """Write the run's reports; a bug in one is entered in the result, which then is no pass."""
    try:
        return _Reports(write(result, folder, formats))
    except EvidenceLost as problem:
        return _Reports([], problem)
    except Exception as bug:
        result.aborted = _remember_bug(bug, folder / "run.jsonl", redactor)
        return _Reports([])


def _secrets_of(plan: Plan) -> set[str]:
    """What the profile and `--set` say under names that hold secrets: hidden wherever it turns up."""
    said = [plan.target_settings]
    for scenario in plan.scenarios:
        said += [scenario.vars, scenario.matrix, scenario.target_settings or {}]
    return {secret for values in said for secret in secrets_in(values)}


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
    """Run it until it ends or is stopped, which the log tells; gives the loss of the log, if it came to that."""
    try:
        run_until_stopped(run(plan, target, log, options))
    except EvidenceLost as problem:
        return problem
    except SystemExit:  # of a task that somebody's workflow left running: the verdict is the log's
        return None
    return None


def _options(
    plan: Plan,
    request: RunRequest,
    files: Mapping[str, Dataset],
    probing: ProbeOptions,
    fresh_target: FreshTarget | None,
    carried: Carried,
) -> RunOptions:
    """What the runner is told of the request."""
    resumed = request.resume_from
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
        carried_target=None if resumed is None else target_of(resumed / "run.jsonl"),
        isolate=request.isolate,
        fresh_target=fresh_target,
        files=files,
        probing=probing,
        require_checks=request.safety.require_checks,
    )
