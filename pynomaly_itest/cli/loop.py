"""`run --every` and `run --until-failure` put together: rounds, what is kept of them, and who is told."""

from __future__ import annotations

import os
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from pynomaly_itest.cli.console import COLOURS, MARKS, whoever_listens
from pynomaly_itest.cli.execution import Ended, execute
from pynomaly_itest.cli.exposition import Exposition
from pynomaly_itest.cli.retention import Retention
from pynomaly_itest.cli.rounds import Listener, Rhythm, Round, go_round, interval_s
from pynomaly_itest.cli.run_request import RunRequest
from pynomaly_itest.cli.stopping import Stop
from pynomaly_itest.cli.webhook import VARIABLE, Webhook
from pynomaly_itest.errors import ExitCode
from pynomaly_itest.plain import printable
from pynomaly_itest.verdicts import Verdict

if TYPE_CHECKING:
    from pynomaly_itest.profile.model import Plan


def go_on(plan: Plan, request: RunRequest, said: dict[str, Any]) -> ExitCode:
    """Round after round, as the flags say; returns the worst round's exit code, 130 after Ctrl-C."""
    every_s = None if said["every"] is None else interval_s(said["every"])
    rhythm = Rhythm(
        every_s=every_s,
        until_failure=said["until_failure"],
        at_most=said["repeat"] if said["repeat"] > 1 else None,
        within_s=request.timeout_s if said["until_failure"] else None,
    )
    listeners: list[Listener] = [Retention(request.out, plan.profile, said["keep"])]
    with ExitStack() as open_:
        if said["metrics_port"] is not None:
            exposition = open_.enter_context(Exposition(said["metrics_port"], time.time))
            listeners.append(exposition)
            typer.echo(f"metrics at {exposition.url}", err=True)
        told = Told(quiet=request.loudness == "quiet")
        listeners.append(told)
        if url := os.environ.get(VARIABLE):
            listeners.append(Webhook(url, partial(typer.echo, err=True)))
        stop = open_.enter_context(Stop())

        def once() -> Ended:
            try:
                return execute(plan, request, brief=True)
            finally:
                stop.listen()

        code = go_round(once, rhythm, clock=time.monotonic, wait=stop.wait, listeners=listeners)
    told.all(code)
    return code


class Told:
    """A line for each round, and one for all of them."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.console import Console

        self._quiet = quiet
        self._screen = Console(highlight=False, soft_wrap=True)
        self._seen: Counter[ExitCode] = Counter()

    @whoever_listens()
    def __call__(self, done: Round) -> None:
        self._seen[done.code] += 1
        if self._quiet and done.code is ExitCode.PASSED:
            return
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        after = "" if not done.pause_s else f"; next in {done.pause_s:.0f} s"
        from rich.text import Text

        if done.ended is None:
            message = printable(done.problem.message) if done.problem else "it could not be made"
            typer.echo(
                f"{now}  round {done.number}: {MARKS[Verdict.ERROR]} {message} (exit {int(done.code)}){after}"
            )
            return
        run = done.ended.result
        verdict = f"{MARKS[run.verdict]} {run.verdict} in {run.duration_s:.1f} s (exit {int(done.code)})"
        line = Text(f"{now}  round {done.number}: ")
        line.append(verdict, style=COLOURS[run.verdict])
        self._screen.print(line.append(f"  {done.ended.folder}{after}"))

    @whoever_listens()
    def all(self, code: ExitCode) -> None:
        """What became of all the rounds."""
        passed, rounds = self._seen[ExitCode.PASSED], sum(self._seen.values())
        ended = "interrupted, " if code is ExitCode.INTERRUPTED else ""
        typer.echo(f"{ended}{passed} of {rounds} rounds passed (exit {int(code)})")
