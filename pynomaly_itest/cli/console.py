"""What the screen says while a run goes on: plain lines, one a scenario; a terminal gets a live view as well."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, Literal, TextIO

from pynomaly_itest.cli.requests import Requests
from pynomaly_itest.events import (
    ScenarioFinished,
    StepFinished,
    TargetReady,
    Warned,
)
from pynomaly_itest.plain import printable, shows
from pynomaly_itest.verdicts import Verdict

Loudness = Literal["quiet", "normal", "verbose"]
_SHOWS_SIGNS = all(shows("✓✗", stream) for stream in (sys.stdout, sys.stderr))
MARKS = {
    Verdict.PASSED: "✓" if _SHOWS_SIGNS else "ok",
    Verdict.FAILED: "✗" if _SHOWS_SIGNS else "failed",
    Verdict.INCONCLUSIVE: "?",
    Verdict.ERROR: "!",
    Verdict.SKIPPED: "-",
}
COLOURS = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.ERROR: "magenta",
    Verdict.SKIPPED: "bright_black",
}


def can_be_redrawn(stream: TextIO) -> bool:
    """Whether lines on it can be drawn anew in place: a terminal that knows how."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


@contextlib.contextmanager
def whoever_listens() -> Iterator[None]:
    """What is said inside may go unheard (`| head -1`, a full disk): that changes no verdict and no exit code."""
    try:
        yield
        sys.stdout.flush()
    except (OSError, SystemExit):  # by SystemExit a library that draws says that nobody reads any more
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


class Console:
    """Plain lines on standard error: one a scenario, with its verdict; `verbose`: steps and requests as well."""

    def __init__(self, loudness: Loudness, total: int, stream: TextIO | None = None) -> None:
        self._loudness = loudness
        self._total = total
        self._done = 0
        self._requests = Requests(self.say) if loudness == "verbose" else None
        self._stream = sys.stderr if stream is None else stream

    def __enter__(self) -> Console:
        if self._requests is not None:
            self._requests.listen()
        return self

    def __exit__(self, *_: object) -> None:
        if self._requests is not None:
            self._requests.stop()

    def heard(self, event: Any) -> None:
        match event:
            case TargetReady():
                version = f" {event.target.version}" if event.target.version else ""
                self.say(
                    f"target {event.target.url} ({event.target.kind}{version}) ready in {event.duration_s:.1f} s"
                )
            case ScenarioFinished():
                self._done += 1
                self.scenario_finished(event)
            case StepFinished() if self._loudness == "verbose":
                if self._requests is not None:
                    self._requests.flush()
                title = event.title or event.kind
                self.say(f"    {MARKS[event.verdict]} {title}  {event.duration_s:.2f} s", event.verdict)
            case Warned():
                self.say(f"warning: {event.message}", Verdict.INCONCLUSIVE)
            case _:
                pass

    def scenario_finished(self, event: ScenarioFinished) -> None:
        width = len(str(self._total))
        count = f"[{self._done:>{width}}/{self._total}]"
        self.say(f"{count} {MARKS[event.verdict]} {event.scenario}  {event.duration_s:.1f} s", event.verdict)
        if event.verdict is not Verdict.PASSED and event.reason:
            self.say(f"      {event.verdict}: {event.reason}", event.verdict)

    def progress(self, scenario: str, text: str) -> None:
        """Plain output shows no progress within a step."""

    def say(self, text: str, verdict: Verdict | None = None) -> None:
        """One line, unless quiet; control characters of a target never reach the screen."""
        if self._loudness != "quiet":
            print(printable(text), file=self._stream, flush=True)
