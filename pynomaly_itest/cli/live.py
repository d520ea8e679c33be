"""A terminal's live view: what goes on now, below the lines of what has ended. It is redrawn in place."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pynomaly_itest.cli.console import COLOURS, Console, Loudness, can_be_redrawn
from pynomaly_itest.events import ScenarioFinished, ScenarioStarted, StepStarted
from pynomaly_itest.plain import printable
from pynomaly_itest.verdicts import Verdict

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.console import RenderableType

_REDRAWN_PER_SECOND = 8
_MOST_LINES = 8
_TELLING = 3
"""Scenarios that must have ended before their times say something of the others'."""


def console_for(loudness: Loudness, scenarios: list[str]) -> Console:
    """The console that suits where the output goes."""
    live = loudness != "quiet" and can_be_redrawn(sys.stderr)
    return (LiveConsole if live else Console)(loudness, len(scenarios))


@dataclass
class Doing:
    """A scenario under way: since when, which step, and what that says of itself."""

    since_s: float
    step: str = ""
    progress: str = ""


class LiveConsole(Console):
    """The same lines scrolling by, and below them a line for each scenario in progress and one for the run."""

    def __init__(
        self,
        loudness: Loudness,
        total: int,
        clock: Callable[[], float] = time.monotonic,
        rich_console: RichConsole | None = None,
    ) -> None:
        from rich.console import Console as RichConsole
        from rich.live import Live

        super().__init__(loudness, total)
        self._rich = rich_console or RichConsole(stderr=True, highlight=False)
        self._clock = clock
        self._began_s = clock()
        self._bad = 0
        self._doing: dict[str, Doing] = {}
        self._live = Live(
            console=self._rich,
            transient=True,
            refresh_per_second=_REDRAWN_PER_SECOND,
            get_renderable=self._view,
        )

    def __enter__(self) -> Console:
        super().__enter__()
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._live.stop()

    def heard(self, event: Any) -> None:
        match event:
            case ScenarioStarted():
                self._doing[event.scenario] = Doing(self._clock())
            case StepStarted() if event.scenario in self._doing:
                doing = self._doing[event.scenario]
                doing.step, doing.progress = event.title or event.kind, ""
            case ScenarioFinished():
                self._doing.pop(event.scenario, None)
                self._bad += event.verdict not in (Verdict.PASSED, Verdict.SKIPPED)
            case _:
                pass
        super().heard(event)

    def progress(self, scenario: str, text: str) -> None:
        if scenario in self._doing:
            self._doing[scenario].progress = text

    def say(self, text: str, verdict: Verdict | None = None) -> None:
        from rich.text import Text

        style = COLOURS[verdict] if verdict else ""
        self._rich.print(Text(printable(text), style=style), soft_wrap=False)

    def _view(self) -> RenderableType:
        """What is drawn, eight times a second: no more lines than there are scenarios in progress."""
        from rich.console import Group

        lines = [self._line(name, doing) for name, doing in [*self._doing.items()][:_MOST_LINES]]
        return Group(*lines, self._foot())

    def _line(self, scenario: str, doing: Doing) -> RenderableType:
        from rich.text import Text

        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"  {self._clock() - doing.since_s:>4.0f} s  ", style="dim")
        text.append(printable(scenario))
        said = doing.progress or doing.step
        if doing.step and doing.progress and not doing.progress.startswith(doing.step):
            said = f"{doing.step}: {doing.progress}"
        return text.append(f"  {printable(said)}", style="dim")

    def _foot(self) -> RenderableType:
        from rich.text import Text

        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"{self._done}/{self._total} done", style="bold")
        if self._bad:
            text.append(f", {self._bad} not passed", style="red")
        if not self._doing and not self._done:
            text.append("  starting the target", style="dim")
        elif self._done >= self._total:
            text.append("  ending the target", style="dim")
        text.append(f"  {_span(self._clock() - self._began_s)}", style="dim")
        left_s = self._left_s()
        return text if left_s is None else text.append(f", about {_span(left_s)} left", style="dim")

    def _left_s(self) -> float | None:
        """What the scenarios to come take, if they take what those that ended took; None where that says little."""
        if self._done < max(_TELLING, self._total // 4) or self._done >= self._total:
            return None
        return (self._clock() - self._began_s) / self._done * (self._total - self._done)


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
