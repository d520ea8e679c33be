"""Adds up what the workers report while the load runs: raw up to a million requests, in counts beyond."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from pynomaly_itest.load.outcomes import ANSWERED, CODE_ENDPOINT_SHIFT, CODE_OUTCOME_SHIFT, WAITED, Outcome
from pynomaly_itest.measure.histogram import Histogram
from pynomaly_itest.measure.samples import RAW_LIMIT

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Rows = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

COLUMNS = 6
BINS_PER_S = 10
_NS = 1_000_000_000
_OUTCOMES = 128  # seven bits of a row's code
_MOST_WINDOWS = 64
_REMEMBERED_S = 5.0


@dataclass(frozen=True)
class Batch:
    """Some requests, column by column. Times in seconds from the load's beginning, durations in ms; each (k,)."""

    endpoint: Rows
    outcome: Rows
    succeeded: Flags
    due_s: Floats
    done_s: Floats
    latency_ms: Floats
    service_ms: Floats
    first_byte_ms: Floats
    lag_ms: Floats

    @property
    def n(self) -> int:
        return int(self.due_s.size)

    @cached_property
    def waited_for(self) -> Flags:
        """Which belong to the response time: successes, and what nobody answered at all."""
        waited: Flags = self.succeeded | _among(self.outcome, WAITED)
        return waited

    @cached_property
    def failed(self) -> Flags:
        failed: Flags = ~self.succeeded & (self.outcome != Outcome.UNFINISHED)
        return failed

    @cached_property
    def answered(self) -> Flags:
        return _among(self.outcome, ANSWERED)


def _among(outcomes: Rows, wanted: frozenset[Outcome]) -> Flags:
    import numpy as np

    is_wanted = np.zeros(_OUTCOMES, dtype=bool)
    is_wanted[list(wanted)] = True
    flags: Flags = is_wanted[outcomes]
    return flags


def batch_of(rows: Rows, origin_ns: int) -> Batch:
    """rows: (k, 6) as `client` writes them: code, intended, dispatched, sent, first byte, done."""
    import numpy as np

    code, intended, dispatched, sent, first, done = np.ascontiguousarray(rows.T)
    return Batch(
        endpoint=code >> CODE_ENDPOINT_SHIFT,
        outcome=(code >> CODE_OUTCOME_SHIFT) & (_OUTCOMES - 1),
        succeeded=(code & 1).astype(bool),
        due_s=(intended - origin_ns) / _NS,
        done_s=(done - origin_ns) / _NS,
        latency_ms=(done - intended) / 1e6,
        service_ms=(done - sent) / 1e6,
        first_byte_ms=(first - sent) / 1e6,
        lag_ms=(dispatched - intended) / 1e6,
    )


@dataclass
class Windows:
    """Histograms of consecutive stretches of time, at most 64: when they run out, neighbours are merged."""

    width_s: float = 1.0
    held: list[Histogram] = field(default_factory=list)

    def record(self, times_s: Floats, values: Floats) -> None:
        """values: (k,), at `times_s`: (k,) seconds from the beginning."""
        import numpy as np

        if values.size == 0:
            return
        while float(times_s.max()) >= self.width_s * _MOST_WINDOWS:
            self._halve()
        numbers = np.maximum(0, times_s // self.width_s).astype(np.int64)
        for number in np.unique(numbers):
            while len(self.held) <= number:
                self.held.append(Histogram())
            self.held[number].record(values[numbers == number])

    def _halve(self) -> None:
        for first, second in zip(self.held[::2], self.held[1::2], strict=False):
            first.merge(second)
        self.held = self.held[::2]
        self.width_s *= 2


_OPEN_SECONDS = 3


class SecondCounts:
    """Latencies a second, as counts of the buckets that occur: small, whatever the number of requests.

    The last seconds are full histograms; older ones keep only the buckets that are used, and gain another part
    when a request that was due then ends late.
    """

    def __init__(self) -> None:
        self._open: dict[int, Histogram] = {}
        self._closed: dict[int, list[SparseCounts]] = {}

    def record(self, due_s: Floats, latency_ms: Floats) -> None:
        import numpy as np

        if due_s.size == 0:
            return
        seconds = np.maximum(0, due_s).astype(np.int64)
        first, last = int(seconds.min()), int(seconds.max())
        for second in range(first, last + 1):
            here = latency_ms if first == last else latency_ms[seconds == second]
            if here.size:
                self._open.setdefault(second, Histogram()).record(here)
        for second in [open_one for open_one in self._open if open_one <= last - _OPEN_SECONDS]:
            self._close(second)

    def of(self, second: int) -> Counter[int]:
        """Counts per bucket of `measure.histogram`."""
        if second in self._open:
            self._close(second)
        counts: Counter[int] = Counter()
        for part in self._closed.get(second, []):
            counts.update(dict(zip(part.buckets.tolist(), part.counts.tolist(), strict=True)))
        return counts

    def _close(self, second: int) -> None:
        import numpy as np

        counts = self._open.pop(second).counts
        used = np.flatnonzero(counts)
        self._closed.setdefault(second, []).append(SparseCounts(used, counts[used]))


@dataclass(frozen=True)
class SparseCounts:
    """The buckets that are used, and their counts; (k,) each."""

    buckets: Rows
    counts: Rows


class Ledger:
    """All that was reported so far."""

    def __init__(
        self,
        warm_up_s: float,
        endpoints: int,
        raw_limit: int = RAW_LIMIT,
        objective_ms: float = float("inf"),
    ) -> None:
        self.origin_ns = 0
        self.warm_up_s = warm_up_s
        self.objective_ms = objective_ms
        self.outcomes: list[Counter[Outcome]] = [Counter() for _ in range(endpoints)]
        self.failed_by_endpoint: list[int] = [0] * endpoints
        self.warm_up_requests = 0
        self.warm_up_failures = 0
        self.requests = 0
        self.failures = 0
        self.progress = Histogram()
        self.seconds = SecondCounts()
        self.answered_bins: Counter[int] = Counter()
        self.succeeded_bins: Counter[int] = Counter()
        self.good_bins: Counter[int] = Counter()
        self.due_bins: Counter[int] = Counter()
        self.failed_bins: Counter[int] = Counter()
        self.heartbeat_lags_ms: list[Floats] = []
        self.last_done_s = 0.0
        self.stopped = False
        self.before = 0
        """Requests of the parts of the load that are over."""
        self.recent: deque[Batch] = deque()
        self.folded: dict[str, Windows] | None = None
        self.by_endpoint: list[Windows] = [Windows() for _ in range(endpoints)]
        self._raw: list[Rows] = []
        self._raw_limit = raw_limit

    def add_lags(self, payload: bytes) -> None:
        """Heartbeats of a closed model: how late the generator itself was."""
        import numpy as np

        self.heartbeat_lags_ms.append(np.frombuffer(payload, dtype=np.int64) / 1e6)

    def add_rows(self, payload: bytes, paused_ns: int = 0) -> None:
        """Rows as a worker sends them. paused_ns: how long nothing was sent between the parts of the load."""
        import numpy as np

        rows = np.frombuffer(payload, dtype=np.int64).reshape(-1, COLUMNS)
        if paused_ns:
            rows = rows - np.array([0] + [paused_ns] * (COLUMNS - 1), dtype=np.int64)
        counted = rows[:, 1] >= self.origin_ns + round(self.warm_up_s * _NS)
        if not counted.all():
            batch = batch_of(rows[~counted], self.origin_ns)
            self.warm_up_requests += batch.n
            self.warm_up_failures += int(batch.failed.sum())
            rows = rows[counted]
        self._count(rows)

    def raw(self) -> Batch | None:
        """Every request, in the order in which they were due; None if there were too many to keep."""
        import numpy as np

        if self.folded is not None:
            return None
        rows = np.concatenate(self._raw) if self._raw else np.empty((0, COLUMNS), dtype=np.int64)
        return batch_of(rows[np.argsort(rows[:, 1], kind="stable")], self.origin_ns)

    def _count(self, rows: Rows) -> None:
        if rows.size == 0:
            return
        batch = batch_of(rows, self.origin_ns)
        self.requests += batch.n
        self.failures += int(batch.failed.sum())
        self.last_done_s = max(self.last_done_s, float(batch.done_s.max()))
        self._remember(batch)
        self._count_outcomes(batch)
        self._count_bins(batch)
        counted = batch.waited_for
        self.progress.record(batch.latency_ms[counted])
        self.seconds.record(batch.due_s[counted], batch.latency_ms[counted])
        if self.folded is None:
            self._raw.append(rows)
            if self.requests > self._raw_limit:
                self._fold_all()
        else:
            self._fold(batch)

    def ended_since(self, since_s: float) -> Iterator[Batch]:
        """What ended lately (at most the last few seconds are remembered), in parts that may begin a little earlier."""
        return (batch for batch in self.recent if float(batch.done_s.max()) >= since_s)

    def _remember(self, batch: Batch) -> None:
        self.recent.append(batch)
        while float(self.recent[0].done_s.max()) < self.last_done_s - _REMEMBERED_S:
            self.recent.popleft()

    def _count_outcomes(self, batch: Batch) -> None:
        import numpy as np

        by_key = np.bincount(batch.endpoint << 8 | batch.outcome)
        for key in np.flatnonzero(by_key).tolist():
            self.outcomes[key >> 8][Outcome(key & 0xFF)] += int(by_key[key])
        for endpoint, count in enumerate(np.bincount(batch.endpoint[batch.failed]).tolist()):
            self.failed_by_endpoint[endpoint] += count

    def _count_bins(self, batch: Batch) -> None:
        bins = (batch.done_s * BINS_PER_S).astype(int)
        _tally(self.answered_bins, bins[batch.answered])
        _tally(self.succeeded_bins, bins[batch.succeeded])
        _tally(self.good_bins, bins[batch.succeeded & (batch.latency_ms <= self.objective_ms)])
        _tally(self.due_bins, (batch.due_s * BINS_PER_S).astype(int))
        _tally(self.failed_bins, bins[batch.failed])

    def _fold_all(self) -> None:
        """There are too many by now: from here on, counts."""
        self.folded = {name: Windows() for name in ("latency_ms", "service_ms", "error_latency_ms", "lag_ms")}
        for rows in self._raw:
            self._fold(batch_of(rows, self.origin_ns))
        self._raw.clear()

    def _fold(self, batch: Batch) -> None:
        if self.folded is None:
            return
        counted, ok = batch.waited_for, batch.succeeded
        errors = batch.failed & ~counted
        since_s = batch.due_s - self.warm_up_s
        self.folded["latency_ms"].record(since_s[counted], batch.latency_ms[counted])
        self.folded["service_ms"].record(since_s[ok], batch.service_ms[ok])
        self.folded["error_latency_ms"].record(since_s[errors], batch.latency_ms[errors])
        self.folded["lag_ms"].record(since_s, batch.lag_ms)
        for endpoint, windows in enumerate(self.by_endpoint):
            here = counted & (batch.endpoint == endpoint)
            windows.record(since_s[here], batch.latency_ms[here])


def _tally(counter: Counter[int], bins: Rows) -> None:
    """Count neighbouring numbers: a batch spans few of them."""
    import numpy as np

    if bins.size == 0:
        return
    first = int(bins.min())
    for offset, count in enumerate(np.bincount(bins - first).tolist()):
        if count:
            counter[first + offset] += count


def quantile_of_counts(counts: Counter[int], p: float) -> float:
    """The p-quantile of counts per bucket, within 0.05 %; NaN of none."""
    from pynomaly_itest.measure.histogram import lower_edge

    wanted, seen = p * sum(counts.values()), 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= wanted:
            return (lower_edge(bucket) + lower_edge(bucket + 1)) / 2
    return float("nan")
