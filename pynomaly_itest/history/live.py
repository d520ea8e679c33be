"""A run in progress: what its log has told so far, read as it grows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pynomaly_itest.eventlog import is_being_written
from pynomaly_itest.events import (
    GateJudged,
    RunAborted,
    RunFinished,
    RunInterrupted,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepStarted,
    TargetReady,
    TargetSampled,
    Warned,
    decode,
)
from pynomaly_itest.history.progress import progress_of
from pynomaly_itest.report.untrusted import clean, one_line
from pynomaly_itest.verdicts import Verdict

_MOST_TOLD = 40
_MOST_SAMPLES = 240
_LARGEST_READ = 64 << 20
# Large, and nothing that a page of a run in progress shows: not even parsed.
_PASSED_OVER = b'"event":"metric_recorded"'


@dataclass
class LiveRun:
    """Follows the log of one run; `state` reads what was added since the last time."""

    log: Path
    _offset: int = 0
    _rest: bytes = b""
    _started: RunStarted | None = None
    _target: str = ""
    _verdicts: dict[str, str] = field(default_factory=dict)
    _doing: dict[str, str] = field(default_factory=dict)
    _told: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_MOST_TOLD))
    _memory: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_MOST_SAMPLES))
    _at_s: float = 0.0
    _over: bool = False

    def state(self) -> dict[str, Any]:
        """Everything that the page shows, as JSON; texts are clean. Raises OSError where the log can't be read."""
        running = is_being_written(self.log)  # asked first: what is written until it ends is then read below
        for event in self._new():
            self._take(event)
        plan = [] if self._started is None else [one_line(planned.id) for planned in self._started.plan]
        told = progress_of(self.log.parent) if running else {}
        return {
            "state": "ended" if self._over else "running" if running else "stopped",
            "profile": "" if self._started is None else one_line(self._started.profile),
            "started_at": "" if self._started is None else clean(self._started.started_at),
            "target": self._target,
            "at_s": round(self._at_s, 1),
            "planned": len(plan),
            "ended": len(self._verdicts),
            "counts": {v.value: sum(seen == v for seen in self._verdicts.values()) for v in Verdict},
            "scenarios": [self._scenario(name, told.get(name)) for name in plan],
            "told": list(self._told),
            "memory": [[round(at, 2), round(rss, 1)] for at, rss in self._memory],
        }

    def _scenario(self, name: str, told: str | None) -> dict[str, str]:
        state = self._verdicts.get(name) or ("running" if name in self._doing else "waiting")
        return {"id": name, "state": state, "doing": told or self._doing.get(name, "")}

    def _new(self) -> Iterator[Any]:
        """The events written since the last time; a line that isn't whole yet waits."""
        with self.log.open("rb") as file:
            file.seek(self._offset)
            read = file.read(_LARGEST_READ)
        self._offset += len(read)
        *lines, self._rest = (self._rest + read).split(b"\n")
        for line in lines:
            if line and _PASSED_OVER not in line[:200]:
                try:
                    yield decode(line)
                except ValidationError:
                    self._tell("note", "a line of the log could not be read")

    def _take(self, event: Any) -> None:
        self._at_s = max(self._at_s, event.at_s)
        match event:
            case RunStarted():
                self._started = event
                self._target = one_line(f"{event.target.kind} {event.target.url}")
            case TargetReady():
                version = f" {event.target.version}" if event.target.version else ""
                self._target = one_line(f"{event.target.kind} {event.target.url}{version}")
            case TargetSampled():
                self._memory.append((event.at_s, event.rss_mb))
            case Warned():
                self._tell("note", event.message)
            case RunInterrupted():
                self._end("error", f"interrupted: {event.reason}")
            case RunAborted():
                self._end("error", f"given up: {event.message}")
            case RunFinished():
                self._over = True
            case _:
                self._take_part(event)

    def _take_part(self, event: Any) -> None:
        match event:
            case ScenarioStarted():
                self._doing[one_line(event.scenario)] = ""
            case StepStarted():
                self._doing[one_line(event.scenario)] = one_line(event.title or event.kind)
            case StepFinished() if event.verdict is not Verdict.PASSED:
                self._tell(
                    event.verdict, f"{event.title or event.kind}: {event.reason or ''}", event.scenario
                )
            case GateJudged() if event.verdict is not Verdict.PASSED:
                self._tell(event.verdict, f"{event.expression}: {event.reason or ''}", event.scenario)
            case ScenarioFinished():
                self._doing.pop(one_line(event.scenario), None)
                self._verdicts[one_line(event.scenario)] = event.verdict.value
                self._tell(event.verdict, event.reason or "", event.scenario)
            case _:
                pass

    def _end(self, verdict: str, text: str) -> None:
        self._over = True
        self._tell(verdict, text)

    def _tell(self, verdict: str, text: str, scenario: str = "") -> None:
        self._told.append(
            {
                "at_s": round(self._at_s, 1),
                "verdict": str(verdict),
                "scenario": one_line(scenario),
                "text": one_line(text, 300),
            }
        )
