"""The loop of rounds: when the next begins, when it is over, and what it exits with. No time passes here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from pynomaly_itest.cli.execution import Ended
from pynomaly_itest.cli.rounds import Rhythm, Round, go_round, interval_s
from pynomaly_itest.errors import ExitCode, UsageError
from pynomaly_itest.verdicts import Verdict


@dataclass
class Time:
    """A clock that only waiting and working move."""

    now_s: float = 0.0
    waited: list[float] = field(default_factory=list)
    stops_after: int | None = None

    def clock(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        self.now_s += seconds
        return len(self.waited) == self.stops_after


def rounds(
    time: Time,
    round_of: Callable[..., Round],
    codes: Iterable[Verdict | Exception],
    rhythm: Rhythm,
    took_s: float,
) -> tuple[ExitCode, list[Round]]:
    heard: list[Round] = []
    outcomes = enumerate(codes, start=1)

    def once() -> Ended:
        number, outcome = next(outcomes)
        time.now_s += took_s
        if isinstance(outcome, Exception):
            raise outcome
        ended = round_of(number, outcome).ended
        assert ended is not None
        return ended

    return go_round(once, rhythm, clock=time.clock, wait=time.wait, listeners=[heard.append]), heard


P, F, U = Verdict.PASSED, Verdict.FAILED, Verdict.INCONCLUSIVE


def test_rounds_begin_on_the_beat_whatever_they_take(round_of: Callable[..., Round]) -> None:
    time = Time()
    code, heard = rounds(time, round_of, [P, P, P], Rhythm(every_s=60, at_most=3), took_s=7)
    assert (code, time.waited) == (ExitCode.PASSED, [53, 53])
    assert [each.pause_s for each in heard] == [53, 53, None]


def test_a_round_that_lasts_too_long_skips_beats_and_overlaps_none(round_of: Callable[..., Round]) -> None:
    time = Time()
    rounds(time, round_of, [P, P], Rhythm(every_s=10, at_most=2), took_s=25)
    assert time.waited == [5]  # began at 0, ended at 25: the next beat is 30


def test_until_failure_ends_with_the_first_that_does_not_pass(round_of: Callable[..., Round]) -> None:
    code, heard = rounds(Time(), round_of, [P, P, F, P], Rhythm(until_failure=True, at_most=9), took_s=1)
    assert (code, len(heard)) == (ExitCode.FAILED, 3)
    code, heard = rounds(Time(), round_of_from(round_of, 20), [P, U], Rhythm(until_failure=True), took_s=1)
    assert (code, len(heard)) == (ExitCode.INCONCLUSIVE, 2)


def round_of_from(round_of: Callable[..., Round], first: int) -> Callable[..., Round]:
    return lambda number, verdict: round_of(first + number, verdict)


def test_until_failure_passes_where_nothing_failed_within_its_bounds(round_of: Callable[..., Round]) -> None:
    by_time = Rhythm(until_failure=True, within_s=10)
    code, heard = rounds(Time(), round_of, [P] * 9, by_time, took_s=4)
    assert (code, len(heard)) == (ExitCode.PASSED, 3)


@pytest.mark.parametrize(
    ("verdicts", "code"), [([P, F, P], 1), ([U, P, P], 4), ([U, F, P], 1), ([P, P, P], 0)]
)
def test_a_loop_that_ends_exits_with_its_worst_round(
    round_of: Callable[..., Round], verdicts: list[Verdict], code: int
) -> None:
    assert rounds(Time(), round_of, verdicts, Rhythm(every_s=5, at_most=3), took_s=1)[0] == code


def test_being_stopped_while_waiting_is_an_interruption(round_of: Callable[..., Round]) -> None:
    time = Time(stops_after=2)
    code, heard = rounds(time, round_of, [P] * 9, Rhythm(every_s=5), took_s=1)
    assert (code, len(heard)) == (ExitCode.INTERRUPTED, 2)


def test_what_is_wrong_with_the_flags_ends_the_first_round_and_no_later_one(
    round_of: Callable[..., Round],
) -> None:
    with pytest.raises(UsageError):
        rounds(Time(), round_of, [UsageError("--target: not a URL")], Rhythm(every_s=5), took_s=1)
    later = [P, UsageError("--out: no space left"), P]
    code, heard = rounds(Time(), round_of, later, Rhythm(every_s=5, at_most=3), took_s=1)
    assert (code, len(heard)) == (ExitCode.USAGE, 3)
    assert heard[1].ended is None
    assert str(heard[1].problem) == "--out: no space left"


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("5m", 300), ("1h", 3600), ("2", 2)])
def test_intervals(text: str, seconds: float) -> None:
    assert interval_s(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5mb", "0.5s", "-5m", "0", "1e400s", "1e300s"])
def test_what_is_no_interval_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="--every"):
        interval_s(text)
