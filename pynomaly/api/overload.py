"""Overload: told by how long requests stand in line, and met by refusing some at once, so that the others are served.

There is a line for the event loop, where requests lie in their sockets until it comes round to them, and one for each
group of threads. That a line is long says nothing: a pause of the machine or a burst makes one, and it is gone at once.
Overload is a line that *stays*, so it is asked what CoDel asks (Nichols and Jacobson, "Controlling Queue Delay", 2012):
was there, for a whole interval, no moment at which the wait was within the target? From then on whoever would wait
longer than the target is refused, until there was for a whole interval no moment at which it was longer.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import cycle
from typing import Any, TypeVar

from starlette.types import Scope

from pynomaly.domain.errors import Overloaded

T = TypeVar("T")

logger = logging.getLogger(__name__)

LOOP = "loop"
PERIOD_S = 0.05
"""How often it is looked, while there is anything to look at: an idle server has no timer."""
FEWEST = 8
"""Where fewer stand in line nobody is refused: it is not their number that takes the time."""
_COME_BACK_S = (1, 2, 3)
"""Told in turn, so that those who are refused together do not come back together."""


class Shed(Overloaded):
    """This request was refused so that others can be served."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a wait may be (0: however long), and for how long it may be longer; in seconds."""

    target_s: float
    interval_s: float


class Line:
    """Whether a line is there to stay, judged by the waits that were seen in it."""

    def __init__(self, name: str, patience: Patience) -> None:
        self.name = name
        self.stays = False
        self._patience = patience
        self._since_s: float | None = None  # since when all that was seen speaks against `stays`

    def is_long(self, wait_s: float) -> bool:
        """Whether a wait is longer than it should be."""
        return wait_s > self._patience.target_s

    def saw(self, wait_s: float, now_s: float) -> None:
        """Take notice of a wait."""
        if self.is_long(wait_s) == self.stays:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = now_s
        elif now_s - self._since_s >= self._patience.interval_s:
            self._since_s = None
            self.stays = not self.stays
            said = "overloaded: requests are refused" if self.stays else "no longer overloaded"
            logger.warning(said, extra={"line": self.name, "wait_s": round(wait_s, 3)})


class ThreadLine(Line):
    """Requests that wait for one of a group's threads, in the order in which they get one."""

    def __init__(self, name: str, patience: Patience) -> None:
        super().__init__(name, patience)
        self._places: deque[Place] = deque()

    def join(self, place: Place) -> None:
        """Stand at the end."""
        self._places.append(place)

    def longest_wait_s(self, now_s: float) -> float:
        """How long the first in line has been waiting; 0 where nobody is."""
        places = self._places
        while places and places[0].is_left:
            places.popleft()
        return now_s - places[0].since_s if places else 0.0

    def is_full(self, now_s: float) -> bool:
        """Whether the wait is, and stays, too long for anyone else to join."""
        return self.stays and self.is_long(self.longest_wait_s(now_s))

    def look(self, now_s: float) -> bool:
        """Take notice of how long the first has been waiting; whether anyone is."""
        wait_s = self.longest_wait_s(now_s)
        self.saw(wait_s if len(self._places) >= FEWEST else 0.0, now_s)
        return bool(self._places)


class Admission:
    """Decides which requests are taken on. `call_later(delay_s, function)` is the event loop's; `clock_s` monotonic.

    lines: the groups of threads. line_of: which one a request will stand in; None where it needs no thread.
    is_exempt: must be answered whatever happens (health). on_shed: told the line for which a request was refused.
    """

    def __init__(
        self,
        patience: Patience,
        clock_s: Callable[[], float],
        call_later: Callable[[float, Callable[[], None]], Any],
        *,
        lines: Sequence[str] = (),
        line_of: Callable[[Scope], str | None] = lambda scope: None,
        is_exempt: Callable[[Scope], bool] = lambda scope: False,
        on_shed: Callable[[str], Any] = lambda line: None,
    ) -> None:
        self._is_on = patience.target_s > 0
        self._target_s = patience.target_s
        self._clock_s = clock_s
        self._call_later = call_later
        self._line_of = line_of
        self._is_exempt = is_exempt
        self._on_shed = on_shed
        self._come_back_s = cycle(_COME_BACK_S)
        self._loop = Line(LOOP, patience)
        self._lines = {name: ThreadLine(name, patience) for name in lines}
        self._due_s: float | None = None  # when the next look is due; None: nobody looks
        self._n_lately = 0  # requests since the last look
        # Before this nothing is to be decided: the usual request costs one comparison.
        self._decide_from_s = float("-inf") if self._is_on else float("inf")

    @property
    def is_overloaded(self) -> bool:
        """Whether requests that would wait too long are refused at present."""
        return self._loop.stays or any(line.stays for line in self._lines.values())

    def refuse(self, scope: Scope, now_s: float) -> Shed | None:
        """The refusal of a request that has just come, or None where it is taken on."""
        self._n_lately += 1
        if now_s < self._decide_from_s:
            return None
        due_s = self._look_later(now_s) if self._due_s is None else self._due_s
        if self._is_exempt(scope):
            return None
        late_s = now_s - due_s
        if self._n_lately >= FEWEST and self._loop.is_long(late_s):
            self._loop.saw(late_s, now_s)
            if self._loop.stays:
                return self.shed(LOOP)
        line = self._lines.get(self._line_of(scope) or "")
        return self.shed(line.name) if line is not None and line.is_full(now_s) else None

    def enter(self) -> None:
        """From now on this task's first call in a thread stands in line here."""
        if self._is_on:
            _admission.set(self)

    def stand(self, name: str) -> Place:
        """A place in the line of that name; raises Shed where it would be for too long."""
        line, now_s = self._lines[name], self._clock_s()
        if line.is_full(now_s):
            raise self.shed(name)
        place = Place(self, line, now_s)
        line.join(place)
        return place

    def look(self) -> None:
        """See how late the loop is, and how long the first ones have been waiting for a thread."""
        now_s = self._clock_s()
        late_s = now_s - (self._due_s if self._due_s is not None else now_s)
        self._loop.saw(late_s if self._n_lately >= FEWEST else 0.0, now_s)
        waiting = [line for line in self._lines.values() if line.look(now_s)]
        if self._n_lately or waiting or self.is_overloaded:
            self._look_later(now_s)
        else:
            self._due_s, self._decide_from_s = None, float("-inf")

    def shed(self, name: str) -> Shed:
        """A refusal for the sake of that line, counted."""
        self._on_shed(name)
        return Shed("There is more to do than can be done in time.", retry_after_s=next(self._come_back_s))

    def is_too_late(self, place: Place) -> bool:
        """Whether who stood there waited so long, in a line that stays, that it is not worth beginning."""
        return place.line.stays and place.line.is_long(self._clock_s() - place.since_s)

    def _look_later(self, now_s: float) -> float:
        """Have it looked; when that is due."""
        self._n_lately = 0
        self._due_s = due_s = now_s + PERIOD_S
        is_tight = any(line.stays for line in self._lines.values())
        self._decide_from_s = float("-inf") if is_tight else due_s + self._target_s
        self._call_later(PERIOD_S, self.look)
        return due_s


class Place:
    """One request's place in the line for a thread."""

    __slots__ = ("_admission", "is_left", "line", "since_s")

    def __init__(self, admission: Admission, line: ThreadLine, since_s: float) -> None:
        self._admission = admission
        self.line = line
        self.since_s = since_s
        self.is_left = False

    def work(self, function: Callable[[], T]) -> T:
        """In the thread: do what was stood in line for; raises Shed where it took too long to begin."""
        self.is_left = True
        if self._admission.is_too_late(self):
            raise self._admission.shed(self.line.name)
        return function()


_admission: ContextVar[Admission | None] = ContextVar("admission", default=None)


def place_in_line(name: str) -> Place | None:
    """A place for the present request's first call in a thread; None for later ones: what was begun is finished.

    Raises Shed where it would be for too long.
    """
    admission = _admission.get()
    if admission is None:
        return None
    _admission.set(None)
    return admission.stand(name)
