"""From work that goes well, through a fault, to what is left: the order in which it all happens."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from pynomaly_itest.errors import NotEnoughEvidence
from pynomaly_itest.faulting.fault import Fault, Site
from pynomaly_itest.faulting.front import fronted
from pynomaly_itest.faulting.moments import Work, begin_work
from pynomaly_itest.faulting.recovery import Health, Recovered
from pynomaly_itest.faulting.stage import Stage
from pynomaly_itest.faulting.tally import Tally
from pynomaly_itest.faulting.witness import Witness
from pynomaly_itest.target.http import RequestFailed

_SETTLE_S = 20.0
_LEAST_PROMISED = 5
_LOOK_S = 0.02
_SHOWN = 3


@dataclass
class Course:
    """One fault from before it to after it; `run` gives the figures, `complaints` what must not be."""

    name: str
    fault: Fault
    stage: Stage
    amid: str
    clients: int
    after_s: float
    patience_s: float
    within_s: float
    recovered: Recovered | str = "it was not looked at"
    lost: list[str] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)
    _span_s: tuple[float, float] = (0.0, 0.0)

    async def run(self) -> dict[str, Any]:
        """Do it all; raises NotApplicable where it can't be done here, NotEnoughEvidence where it touched nothing."""
        with ExitStack() as undo:
            async with self._site(undo) as (stage, site):
                self.fault.check(site)
                witness = self._witness(stage)
                await witness.prepare()
                health = await Health.learn(witness)
                during = await self._break_under_way(stage, site, health)
                self._mark(site)
                values = await self._look(witness, during)
                if not site.is_felt:
                    raise NotEnoughEvidence(f"{self.name} touched nothing: no request met it", values)
                return values

    def complaints(self) -> list[str]:
        """What no target may do, as sentences."""
        found = []
        if isinstance(self.recovered, Recovered):
            if self.recovered.seconds > self.within_s:
                found.append(
                    f"not as before within {self.within_s:g} s: after {self.recovered.seconds:.1f} s only"
                )
        elif not self.wrong:
            found.append(f"not as before within {self.within_s:g} s: {self.recovered}")
        wrong = [f"{sentence} ({count} times)" for sentence, count in self.wrong.most_common()]
        for what, sentences in (("lost", self.lost), ("wrong", wrong)):
            if sentences:
                more = f" (and {len(sentences) - _SHOWN} more)" if len(sentences) > _SHOWN else ""
                found.append(f"{what}: {', '.join(sentences[:_SHOWN])}{more}")
        return found

    @asynccontextmanager
    async def _site(self, undo: ExitStack) -> AsyncIterator[tuple[Stage, Site]]:
        """What the fault may touch, and the stage as it is for all that is done meanwhile."""
        stage = self.stage
        chance = random.Random(stage.seed)  # noqa: S311 - to be repeated, not to be secret
        site = Site(stage.target, undo, stage.sleep, chance)
        if not self.fault.in_network:
            yield stage, site
            return
        self.fault.check(site)
        async with fronted(stage) as (behind, proxy):
            yield behind, replace(site, front=proxy)

    def _witness(self, stage: Stage) -> Witness:
        return Witness(
            stage.api,
            stage.ledger,
            f"{stage.label} {self.name} {secrets.token_hex(3)}",
            stage.seed,
            stage.sleep,
            stage.clock,
            self.patience_s,
        )

    async def _break_under_way(self, stage: Stage, site: Site, health: Health) -> dict[str, Any]:
        """Let the clients work, break it, mend it, until all is as before; what the step meanwhile gave."""
        witness, stop = health.witness, asyncio.Event()
        during: dict[str, Any] = {}
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(witness.work(stop)) for _ in range(self.clients)]
            step = group.create_task(self._during(stage, during))
            work: Work | None = None
            try:
                await _begun(stage, step)
                await self._until_promised(stage, witness.tally)
                if self.amid != "anything":
                    work = await begin_work(self.amid, witness)
                    await work.under_way()
                await self._break(stage, site, witness)
                if work is not None:
                    work.go_on()
                self.recovered = await health.back(*self._span_s, self.within_s)
                stop.set()
                await step
                if work is not None:
                    await work.done
            finally:
                stop.set()
                if work is not None:
                    work.done.cancel()
            await asyncio.wait(tasks)
        return during

    async def _until_promised(self, stage: Stage, tally: Tally) -> None:
        """Let the clients work until there is something to lose; raises NotEnoughEvidence where that takes too long."""
        await stage.sleep(self.after_s)
        ends_s = stage.clock() + _SETTLE_S
        while (count := len(tally.facts)) < _LEAST_PROMISED:
            if stage.clock() >= ends_s:
                things = f"{count} thing{'' if count == 1 else 's'}"
                said = f"only {things} in {self.after_s + _SETTLE_S:g} s: there was nothing to lose"
                raise NotEnoughEvidence(
                    f"the target acknowledged {said}", {}
                )  # no figures: nothing was broken
            await stage.sleep(_LOOK_S)

    async def _break(self, stage: Stage, site: Site, witness: Witness) -> None:
        stage.progress(f"{self.name} begins")
        started_s = stage.clock()
        witness.tally.fault_begins()
        try:
            await self.fault.begin(site)
            await self._feed(site, witness)
            await stage.sleep(self.fault.lasts_s)
        finally:
            site.undo.close()
        witness.tally.fault_is_over()
        self._span_s = (started_s, stage.clock())
        stage.progress(f"{self.name} is over")

    async def _feed(self, site: Site, witness: Witness) -> None:
        """Ask for more and more where only that can feel the fault; raises NotEnoughEvidence where nothing does."""
        for rows in self.fault.hungry_rows:
            if not await witness.predict_many(rows):
                site.notes.append(f"a prediction of {rows:,} rows was not answered")
                return
        if most := self.fault.hungry_rows:
            said = f"{self.name} was not felt: even a prediction of {most[-1]:,} rows was answered"
            raise NotEnoughEvidence(said, {})

    async def _during(self, stage: Stage, values: dict[str, Any]) -> None:
        if stage.meanwhile is not None:
            values.update(await stage.meanwhile(stage))

    async def _look(self, witness: Witness, during: dict[str, Any]) -> dict[str, Any]:
        """Hold the target to what it acknowledged, and count."""
        values: dict[str, Any] = {**witness.tally.counts(), "during": during}
        self.wrong = witness.tally.wrong
        is_well = isinstance(self.recovered, Recovered)
        try:
            self.lost = await witness.lost(_SETTLE_S if is_well else 0.0)
            values["lost"] = len(self.lost)
            values["unacknowledged"] = await witness.adopt()
        except RequestFailed:
            if is_well:
                raise
        if isinstance(self.recovered, Recovered):
            values["recovery_seconds"] = self.recovered.seconds
            values["downtime_seconds"] = self.recovered.downtime_s
        return values

    def _mark(self, site: Site) -> None:
        """Tell the log when it was, and what was done."""
        at_s = self.recovered.at_s if isinstance(self.recovered, Recovered) else None
        self.stage.mark(self.name, *self._span_s, at_s, site.story)


async def _begun(stage: Stage, step: asyncio.Task[None]) -> None:
    """Until the step meanwhile is under way, where it says when, or is over already."""
    if stage.begun is None:
        return
    waiting = asyncio.create_task(stage.begun.wait())
    try:
        await asyncio.wait({waiting, step}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
