"""The fixed list of how a request can end: reports, gates and counters all speak of these and no others."""

from __future__ import annotations

from enum import IntEnum


class Outcome(IntEnum):
    """How one request ended. The first five are the status classes, numbered so that status // 100 is one."""

    STATUS_1XX = 1
    STATUS_2XX = 2
    STATUS_3XX = 3
    STATUS_4XX = 4
    STATUS_5XX = 5
    REFUSED = 6
    """No connection could be made (or no secure one)."""
    RESET = 7
    """The connection ended before the answer did."""
    TIMED_OUT = 8
    BAD_BODY = 9
    """What came back is not HTTP, is too large, or is not the JSON that was asked for."""
    WRONG_ANSWER = 10
    """A check of the answer's content failed."""
    DROPPED = 11
    """It could not be sent before its time was up: every permitted connection was taken."""
    UNFINISHED = 12
    """The load was interrupted while it waited: neither success nor failure."""
    SWAPPED = 13
    """It was the right answer to another body."""
    SHED = 14
    """429 or 503 with Retry-After: the target sheds load, and says when to come back."""
    SHED_UNTOLD = 15
    """429 or 503 without Retry-After."""

    @property
    def label(self) -> str:
        """The name that reports use: "2xx", "timed_out"."""
        return f"{self.value}xx" if self <= Outcome.STATUS_5XX else self.name.lower()


WAITED = frozenset({Outcome.TIMED_OUT, Outcome.DROPPED})
"""Nobody answered, but somebody waited: these count in the latency, with at least as long as they waited."""

ANSWERED = frozenset(
    {
        *(outcome for outcome in Outcome if outcome <= Outcome.STATUS_5XX),
        Outcome.WRONG_ANSWER,
        Outcome.SWAPPED,
        Outcome.SHED,
        Outcome.SHED_UNTOLD,
    }
)
"""A whole HTTP answer came, whatever it said."""

UNANSWERED = frozenset({Outcome.RESET, Outcome.TIMED_OUT})
"""The target took the request and never answered it."""

CODE_OUTCOME_SHIFT = 1
CODE_ENDPOINT_SHIFT = 8
"""A request's code in the stream of rows: endpoint << 8 | outcome << 1 | whether it succeeded."""
SUCCEEDED = 1
PLAIN_SUCCESS = Outcome.STATUS_2XX << CODE_OUTCOME_SHIFT | SUCCEEDED
"""What a 2xx that nobody looks into adds to its endpoint's part of the code."""
