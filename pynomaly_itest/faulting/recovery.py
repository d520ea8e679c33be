"""When a target is whole again: ready as before, answering as before, storing, and with its cache back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pynomaly_itest.errors import ItestError
from pynomaly_itest.faulting.tally import Tally
from pynomaly_itest.faulting.witness import Witness

_EVERY_S = 0.05
_IN_A_ROW = 3
_NOT_READY = "it is not ready"


@dataclass(frozen=True)
class Recovered:
    """Seconds from the fault's end to the end of the first of three good rounds; `at_s` by the witness's clock."""

    seconds: float
    at_s: float
    downtime_s: float


@dataclass
class Health:
    """What the target said of itself, and how it answered, before anything was broken."""

    witness: Witness
    checks: dict[str, Any]
    caches: bool

    @classmethod
    async def learn(cls, witness: Witness) -> Health:
        """Look at a target that nobody has touched yet."""
        again = await witness.detect()
        caches = again is not None and again.headers.get("x-cache", "").lower() == "hit"
        return cls(witness, await _checks(witness) or {}, caches)

    def __post_init__(self) -> None:
        """Its questions are not those of the clients: only facts and wrong answers are shared."""
        tally = self.witness.tally
        self._asker = replace(self.witness, tally=Tally(wrong=tally.wrong, facts=tally.facts))

    async def back(self, begun_s: float, ended_s: float, within_s: float) -> Recovered | str:
        """Wait until all is as before; what is amiss where that is not within `within_s` of `ended_s`, or can't be."""
        witness, good, since_s = self.witness, 0, ended_s
        while True:
            amiss = await self._amiss(stores=good == 0)
            if amiss is None:
                since_s = witness.clock() if good == 0 else since_s  # answered, not asked
                good += 1
                if good == _IN_A_ROW:
                    return Recovered(max(0.0, since_s - ended_s), since_s, since_s - begun_s)
                continue
            good = 0
            is_hopeless = self._asker.tally.wrong and amiss != _NOT_READY  # a wrong answer stays one
            if is_hopeless or witness.clock() - ended_s > within_s:
                return amiss
            await witness.sleep(_EVERY_S)

    async def _amiss(self, *, stores: bool) -> str | None:
        """What is not as it was; None where all is. stores: whether to try an upload too."""
        checks = await _checks(self._asker)
        if checks is None:
            return _NOT_READY
        for name, before in self.checks.items():
            if checks.get(name) != before:
                return f"its {name} was {before!r} and is {str(checks.get(name))[:100]!r}"
        if not await self._asker.predict():
            return "it does not predict as before"
        if stores and not await self._asker.upload():
            return "it stores nothing"
        reply = await self._asker.detect()
        if reply is None:
            return "it detects nothing"
        if self.caches and stores and reply.headers.get("x-cache", "").lower() != "hit":
            reply = await self._asker.detect()  # the first asks, the second finds
            if reply is None or reply.headers.get("x-cache", "").lower() != "hit":
                return "its cache finds nothing any more"
        return None


async def _checks(witness: Witness) -> dict[str, Any] | None:
    """What /health/ready says of the parts; None where it is not ready."""
    try:
        reply = await witness.api.send("GET", "health/ready", timeout_s=witness.patience_s)
        said = reply.json()
    except ItestError:
        return None
    if reply.status != 200 or not isinstance(said, dict):
        return None
    checks = said.get("checks")
    return checks if isinstance(checks, dict) else {}
