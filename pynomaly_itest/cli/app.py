"""The commands by name, and the one place where an error becomes a line on the screen and an exit code."""

from __future__ import annotations

import io
import os
import sys
from typing import NoReturn

import typer

from pynomaly_itest import __version__
from pynomaly_itest.cli import (
    baseline,
    cleanup,
    compare,
    doctor,
    explain,
    history,
    init,
    listing,
    noise,
    replay,
    report,
    rerun,
    resume,
    run,
    schema,
    service,
    validate,
)
from pynomaly_itest.errors import ExitCode, ItestError, ProfileError, UsageError
from pynomaly_itest.plain import SPELLED_OUT, printable, screen_width

app = typer.Typer(
    name="pynomaly-itest",
    help="Tells whether a release of an anomaly-detection service is good to go.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("list")(listing.list_)
app.command("validate")(validate.validate)
app.command("schema")(schema.schema)
app.command("report")(report.report)
app.command("history")(history.history)
app.command("replay")(replay.replay)
app.command("rerun")(rerun.rerun)
app.command("resume")(resume.resume)
app.command("cleanup")(cleanup.cleanup)
app.command("explain")(explain.explain)
app.command("init")(init.init)
app.command("doctor")(doctor.doctor)
app.command("compare")(compare.compare)
app.add_typer(baseline.app, name="baseline")
app.add_typer(service.app, name="service")
app.command("noise")(noise.noise)


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        typer.echo(f"pynomaly-itest {__version__}")
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit the process with its code; known errors are lines, never tracebacks."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them costs 15 ms
    _make_writable()
    _mend_width()
    try:
        _stand_somewhere()
        app(args=arguments, prog_name="pynomaly-itest")
    except ProfileError as problem:
        for mistake in problem.mistakes:
            _tell(mistake.render(screen_width()) + "\n")
        _fail(problem)
    except ItestError as problem:
        _fail(problem)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:  # `list … | head` closed the pipe: not an error of anybody's
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.PASSED)
    except Exception as bug:
        _bug(bug)


def _make_writable() -> None:
    """A screen that is closed, or knows no ✓, is no reason not to test: what it can't show is left out."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=SPELLED_OUT)


def _mend_width() -> None:
    """A terminal of no columns is one that did not say: with COLUMNS=0 the last lines would vanish."""
    said = os.environ.get("COLUMNS", "").strip()
    if said and not (said.isdecimal() and int(said) > 0):
        del os.environ["COLUMNS"]


def _stand_somewhere() -> None:
    """Raises UsageError where the working directory was deleted."""
    try:
        os.getcwd()
    except OSError as problem:
        raise UsageError("the working directory is not there any more", hint="cd to one that is") from problem


def _fail(problem: ItestError) -> None:
    _tell(f"error: {problem.message}")
    if problem.hint:
        _tell(f"  hint: {problem.hint}")
    sys.exit(problem.exit_code)


def _tell(text: str) -> None:
    """On standard error, line by line; what a target put into it can't speak to the terminal."""
    for line in text.split("\n"):
        print(printable(line), file=sys.stderr)  # noqa: T201 - the screen is what this is for


def _bug(bug: Exception) -> NoReturn:
    """One line on the screen; the traceback goes into a file."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="pynomaly-itest-bug-", suffix=".txt", delete=False) as file:
        file.write("".join(traceback.format_exception(bug)))
    _tell(f"error: a bug of pynomaly-itest: {type(bug).__name__}: {bug}")
    _tell(f"  hint: the traceback is in {file.name}; please report it")
    sys.exit(ExitCode.BUG)
