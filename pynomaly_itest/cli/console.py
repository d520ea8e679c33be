"""What the screen shows while a run goes on: live in a terminal, plain lines where there is none."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any, Literal, TextIO

from pynomaly_itest.events import (
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepStarted,
    TargetReady,
    Warned,
)
from pynomaly_itest.plain import printable
from pynomaly_itest.verdicts import Verdict

MARKS = {
    Verdict.PASSED: "✓",
    Verdict.FAILED: "✗",
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
_PROGRESS_EVERY_S = 0.1


def console_for(loudness: Literal["quiet", "normal", "verbose"], scenarios: list[str]) -> Console:
    """The console that suits where the output goes."""
    live = sys.stderr.isatty() and loudness != "quiet" and os.environ.get("TERM") != "dumb"
    return LiveConsole(loudness, len(scenarios)) if live else Console(loudness, len(scenarios))


class Console:
    """Plain lines on standard error: one a scenario, with its verdict; `verbose`: one a step as well."""

    def __init__(
        self, loudness: Literal["quiet", "normal", "verbose"], total: int, stream: TextIO | None = None
    ) -> None:
        self._loudness = loudness
        self._total = total
        self._done = 0
        self._stream = sys.stderr if stream is None else stream

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *_: object) -> None:
        return None

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


class LiveConsole(Console):
    """The same lines scrolling by, and below them one that tells what goes on now."""

    def __init__(
        self,
        loudness: Literal["quiet", "normal", "verbose"],
        total: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        from rich.console import Console as RichConsole
        from rich.live import Live

        super().__init__(loudness, total)
        self._rich = RichConsole(stderr=True, highlight=False)
        self._live = Live(console=self._rich, transient=True, auto_refresh=True, refresh_per_second=8)
        self._clock = clock
        self._drawn_at = 0.0
        self._step = ""

    def __enter__(self) -> Console:
        self._live.start()
        self._draw("starting the target", "")
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def heard(self, event: Any) -> None:
        super().heard(event)
        match event:
            case ScenarioStarted():
                self._draw(event.scenario, "")
            case StepStarted():
                self._draw(event.scenario, event.title or event.kind)
            case _:
                pass

    def progress(self, scenario: str, text: str) -> None:
        if self._clock() - self._drawn_at >= _PROGRESS_EVERY_S:
            self._draw(scenario, text)

    def _draw(self, what: str, detail: str) -> None:
        from rich.spinner import Spinner
        from rich.text import Text

        self._drawn_at = self._clock()
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"{self._done}/{self._total} ", style="bold")
        text.append(printable(what))
        text.append(f"  {printable(detail)}", style="dim")
        self._live.update(Spinner("dots", text=text))

    def say(self, text: str, verdict: Verdict | None = None) -> None:
        from rich.text import Text

        self._rich.print(
            Text(printable(text), style=COLOURS.get(verdict, "") if verdict else ""), soft_wrap=False
        )
