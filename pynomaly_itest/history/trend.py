"""How a figure went from run to run, with its limit and the runs at which its level changed. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pynomaly_itest.history.past import Figure, Key, PastRun
from pynomaly_itest.verdicts import Verdict

_AT_MOST = ("<=", "<")
_AT_LEAST = (">=", ">")


@dataclass(frozen=True)
class Change:
    """A new level from the run `at` (its place among the runs) on: medians before and after.

    `worse`: whether it went to the side of the limit; None where no limit says which side that is.
    """

    at: int
    before: float
    after: float
    relative: float | None
    worse: bool | None


@dataclass(frozen=True)
class Trend:
    """One figure over runs, oldest first; None for a run without it. `latest` is the newest there is."""

    key: Key
    figures: tuple[Figure | None, ...]
    changes: tuple[Change, ...]

    @property
    def latest(self) -> Figure:
        return next(figure for figure in reversed(self.figures) if figure is not None)

    @property
    def judged(self) -> bool:
        """Whether a gate judges it."""
        return self.latest.limit is not None

    @property
    def room(self) -> float:
        """How far the newest is from its limit, as a share of the limit; infinite without one."""
        latest = self.latest
        if latest.limit is None or not latest.limit:
            return math.inf
        share = (latest.limit - latest.value) / abs(latest.limit)
        return -share if latest.op in _AT_LEAST else share


@dataclass(frozen=True)
class Group:
    """The runs of one profile against one target, oldest first."""

    profile: str
    target: str
    runs: tuple[PastRun, ...]


def groups(runs: Sequence[PastRun]) -> list[Group]:
    """The runs by profile and target, the group of the newest run first."""
    by_group: dict[tuple[str, str], list[PastRun]] = {}
    for run in runs:
        by_group.setdefault(run.group, []).append(run)
    ordered = sorted(by_group.items(), key=lambda item: item[1][-1].name, reverse=True)
    return [Group(profile, target, tuple(members)) for (profile, target), members in ordered]


def trends(runs: Sequence[PastRun]) -> list[Trend]:
    """The trend of every figure that at least two of these runs have.

    First what got worse, then what gates judge, the narrowest first, then the rest by name. Runs that did not come
    to their own end count as far as they came; a run under way does not.
    """
    over = [run for run in runs if run.state != "running"]
    keys = dict.fromkeys(key for run in over for key in run.figures)
    found = []
    for key in keys:
        figures = tuple(run.figures.get(key) for run in over)
        if sum(figure is not None for figure in figures) >= 2:
            found.append(Trend(key, figures, _changes(figures)))
    return sorted(found, key=_rank)


def _rank(trend: Trend) -> tuple[bool, bool, float, Key]:
    failed = trend.latest.verdict is Verdict.FAILED
    worse = any(change.worse for change in trend.changes)
    return not (failed or worse), not trend.judged, trend.room, trend.key


def _changes(figures: Sequence[Figure | None]) -> tuple[Change, ...]:
    from pynomaly_itest.measure import change_points

    latest = next(figure for figure in reversed(figures) if figure is not None)
    values = [math.nan if figure is None else figure.value for figure in figures]
    return tuple(
        Change(
            found.index, found.before, found.after, found.change, _worse(latest.op, found.before, found.after)
        )
        for found in change_points(values)
    )


def _worse(op: str | None, before: float, after: float) -> bool | None:
    if op in _AT_MOST:
        return after > before
    return after < before if op in _AT_LEAST else None


_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float | None]) -> str:
    """The values as a line of blocks, from the least to the most of them; a dot where there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return "·" * len(values)
    low, high = min(known), max(known)
    if low == high:
        return "".join("·" if value is None else _BARS[3] for value in values)
    return "".join(
        "·" if value is None else _BARS[min(7, int(8 * (value - low) / (high - low)))] for value in values
    )
