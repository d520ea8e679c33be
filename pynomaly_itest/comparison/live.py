"""The comparison itself: pair after pair, judged at the planned looks, until every metric is clear or time is up."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from pynomaly_itest.comparison.metrics import PROCESS_METRICS, Metric, absolute, paired
from pynomaly_itest.comparison.outcome import Judged, Outcome, Terms
from pynomaly_itest.comparison.pairing import BLOCKS, Pair, Pairing, PairTerms, SideFailed, cores_for_both
from pynomaly_itest.comparison.resting import at_rest
from pynomaly_itest.comparison.sides import Side, Started, check_alike
from pynomaly_itest.comparison.workload import Preparation
from pynomaly_itest.lifecycle import to_its_end
from pynomaly_itest.measure import Comparison
from pynomaly_itest.measure.regression import compare
from pynomaly_itest.measure.sequential import LOOKS, next_look
from pynomaly_itest.together import all_or_none
from pynomaly_itest.verdicts import Verdict

Say = Callable[[str], None]
MeasurePair = Callable[[tuple[Started, Started], PairTerms, random.Random, threading.Event], Pair]


def measure_pair(
    started: tuple[Started, Started], terms: PairTerms, chance: random.Random, stop: threading.Event
) -> Pair:
    """Ask both in turn, as `Pairing` does."""
    return Pairing(started, terms, chance, stop).run()


_ASKING_MIDDLE_S, _ASKING_TAIL_S, _ASKING_EACH_S = 0.8, 2.0, 0.4
_DEAR_S = 2.0  # a start that takes longer is worth measuring longer
_WITHOUT_TURNS = frozenset({"throughput", "start"})
_WITHOUT_TAIL = frozenset({"p50", *PROCESS_METRICS, "throughput"})

_WEAKER = (
    "these processes are not ours to start afresh: what differs between any two processes of one build "
    "(memory layout, caches, neighbours) counts as a difference of the builds"
)


@dataclass
class LiveComparison:
    """Measures two sides against each other; `say` hears how it goes, `clock` is monotonic, in seconds.

    `rest` waits until both have nothing left to do from their start; `measure` takes what one pair gives, in a
    thread of its own.
    """

    sides: tuple[Side, Side]
    terms: Terms
    say: Say = lambda text: None
    clock: Callable[[], float] = time.monotonic
    measure: MeasurePair = measure_pair
    rest: Callable[[Sequence[Started]], Awaitable[bool]] = at_rest

    def __post_init__(self) -> None:
        self.outcome = Outcome(self.sides[0].label, self.sides[1].label)
        self._begun_s = self.clock()
        self._chance = random.Random(self.terms.seed)  # noqa: S311 - an order of questions, not a secret
        self._stop = threading.Event()
        self._decided: dict[str, Comparison] = {}

    async def run(self, preparation: Preparation) -> Outcome:
        """The whole comparison. Raises what preparing raises; CancelledError after the clean-up, with what there is
        in `outcome`."""
        if not all(side.is_ours for side in self.sides):
            self.outcome.weaker = _WEAKER
        self.outcome.cores = cores_for_both() if any(side.is_ours for side in self.sides) else ()
        try:
            self.say("preparing both sides")
            await all_or_none(side.prepare(preparation) for side in self.sides)
            self.outcome.versions = (self.sides[0].version, self.sides[1].version)
            self.outcome.preparation_s = self.clock() - self._begun_s
            self._begun_s = self.clock()
            await self._pairs()
        except asyncio.CancelledError:
            self.outcome.interrupted = True
            raise
        finally:
            self._conclude(final=True)
            self.outcome.duration_s = self.clock() - self._begun_s
            await to_its_end(self._close())
        return self.outcome

    async def _close(self) -> None:
        for side in self.sides:
            try:
                self.outcome.notes += await side.close()
            except Exception as problem:  # no verdict hangs on it, but what was created may still be there
                self.outcome.notes.append(
                    f"{side.label}: not cleaned up: {problem or type(problem).__name__}"
                )

    async def _pairs(self) -> None:
        try:
            while not self._is_over():
                if self._would_take_too_long():
                    self.outcome.out_of_time = True
                    return
                begun_s = self.clock()
                self.outcome.pairs.append(await self._one_pair(begun_s))
                self.outcome.pair_s.append(self.clock() - begun_s)
                self._conclude()
        except SideFailed as problem:
            self.outcome.failure = problem

    def _is_over(self) -> bool:
        done = len(self.outcome.pairs)
        if done >= self.terms.most_pairs or (done and not self._metrics()):
            return True
        settled = bool(self.outcome.judged) and all(
            each.conclusion.verdict is not Verdict.INCONCLUSIVE for each in self.outcome.judged
        )
        return settled and not self.terms.always_all

    def _would_take_too_long(self) -> bool:
        """Whether another pair would end after the budget; the first one is always measured."""
        known = self.outcome.pair_s
        return bool(known) and self.clock() - self._begun_s + max(known[-3:]) > self.terms.budget_s

    async def _one_pair(self, begun_s: float) -> Pair:
        async with _both(self.sides, self._chance) as started:
            check_alike(*started)
            self.outcome.questions = started[0].questions
            rested = await self.rest(started)
            if not rested:
                self.outcome.notes.append(f"pair {len(self.outcome.pairs) + 1}: a side did not come to rest")
            terms = replace(self._pair_terms(self.clock() - begun_s), rested=rested)
            measuring = asyncio.create_task(
                asyncio.to_thread(self.measure, started, terms, self._chance, self._stop)
            )
            try:
                return await asyncio.shield(measuring)
            except asyncio.CancelledError:
                self._stop.set()
                with contextlib.suppress(Exception):
                    await measuring
                raise

    def _pair_terms(self, start_s: float) -> PairTerms:
        """What is clear already is not measured again, unless it is the machine that is asked about."""
        kinds = self._open_kinds()
        blocks = BLOCKS if start_s > _DEAR_S else BLOCKS // 2
        return PairTerms(
            asking_s=self._asking_s(kinds, start_s),
            blocks=blocks if "throughput" in kinds else 0,
            cores=self.outcome.cores,
        )

    def _asking_s(self, kinds: set[str], start_s: float) -> float:
        """As asked for; else what the metrics need, and more where the start of a pair costs much more than that.

        Pairs differ by how they started more than by their calls' middle, so medians want many short pairs; a tail
        wants calls.
        """
        if kinds <= _WITHOUT_TURNS:
            return 0.0
        if self.terms.asking_s is not None:
            return self.terms.asking_s
        each_s = _ASKING_EACH_S * len(self.outcome.questions)
        if kinds <= _WITHOUT_TAIL:
            return max(each_s, min(max(_ASKING_MIDDLE_S, start_s / 4), 2.0))
        return max(each_s, min(max(_ASKING_TAIL_S, start_s / 2), 6.0))

    def _open_kinds(self) -> set[str]:
        """Of the metrics that are not clear yet."""
        return {metric.kind for metric in self._metrics() if metric.name not in self._settled()}

    def _settled(self) -> set[str]:
        if self.terms.always_all:
            return set()
        return {name for name, each in self._decided.items() if each.verdict is not Verdict.INCONCLUSIVE}

    def _metrics(self) -> list[Metric]:
        processes = all(side.is_ours for side in self.sides)
        return self.terms.wanted.of(self.outcome.questions, processes=processes)

    def _conclude(self, *, final: bool = False) -> None:
        """Judge at a planned look, and when time is up; at another end say what there is, and no verdict."""
        pairs = self.outcome.pairs
        if not final and len(pairs) not in LOOKS:
            self.say(f"pair {len(pairs)} of {next_look(len(pairs)) or LOOKS[-1]}{self._so_far()}")
            return
        metrics, wanted = self._metrics(), self.terms.wanted
        series = [paired(metric, pairs, wanted.tolerance(metric)) for metric in metrics]
        conclusions = compare(
            series, decided=self._decided, error=self.terms.error, is_last=self.outcome.out_of_time
        )
        self._decided = {each.name: each for each in conclusions}
        self.outcome.judged = tuple(
            Judged(
                metric,
                *absolute(metric, pairs),
                self._explained(conclusion),
                wanted.tolerance(metric).ignore,
                wanted.tolerance(metric).forbid,
                _medians(one.clusters),
            )
            for metric, conclusion, one in zip(metrics, conclusions, series, strict=True)
        )
        self.say(f"{len(pairs)} pairs{self._so_far()}")

    def _explained(self, conclusion: Comparison) -> Comparison:
        """Where time ran out between two looks, that is the reason."""
        if conclusion.verdict is not Verdict.INCONCLUSIVE:
            return conclusion
        pairs, next_one = len(self.outcome.pairs), next_look(len(self.outcome.pairs))
        if self.outcome.interrupted:
            return replace(conclusion, reason=f"interrupted after {pairs} pairs")
        if self.outcome.failure is not None:
            return replace(conclusion, reason="a side failed")
        if self.outcome.out_of_time and next_one is not None:
            least = f", the first look is at {next_one}" if pairs < LOOKS[0] else ""
            budget = f"{self.terms.budget_s:g} s ended after {pairs} pairs{least}"
            return replace(conclusion, reason=f"{conclusion.reason}; {budget}")
        return conclusion

    def _so_far(self) -> str:
        import numpy as np

        parts = []
        for metric in self._metrics():
            medians = _medians(
                paired(metric, self.outcome.pairs, self.terms.wanted.tolerance(metric)).clusters
            )
            if medians:
                parts.append(f"{metric.name} {np.expm1(np.median(medians)) * 100:+.1f} %")
        return ": " + ", ".join(parts) if parts else ""


def _medians(clusters: Sequence[object]) -> tuple[float, ...]:
    import numpy as np

    return tuple(float(np.median(np.asarray(cluster, dtype=np.float64))) for cluster in clusters)


@contextlib.asynccontextmanager
async def _both(sides: tuple[Side, Side], chance: random.Random) -> AsyncIterator[tuple[Started, Started]]:
    """Both started at the same time, in an order that chance decides, and ended whatever happens."""
    async with contextlib.AsyncExitStack() as stack:
        opened: dict[int, asyncio.Task[Started]] = {}
        managers = [side.fresh() for side in sides]
        try:
            for number in chance.sample((0, 1), 2):
                opened[number] = asyncio.create_task(managers[number].__aenter__())
            await asyncio.gather(*opened.values())
        except BaseException:
            await to_its_end(_undo(managers, opened))
            raise
        for manager in managers:
            stack.push_async_exit(manager)
        yield opened[0].result(), opened[1].result()


async def _undo(
    managers: Sequence[contextlib.AbstractAsyncContextManager[Started]],
    opened: dict[int, asyncio.Task[Started]],
) -> None:
    """End what did start; a start under way is stopped, and cleans up by itself."""
    for number, task in opened.items():
        task.cancel()
        with contextlib.suppress(BaseException):
            await task
            await managers[number].__aexit__(None, None, None)
