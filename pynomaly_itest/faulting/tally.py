"""How a witness's requests ended: what was acknowledged, refused, broken off, hung, and what was wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pynomaly_itest.faulting.facts import Fact
from pynomaly_itest.target.http import NO_BODY, Body, Reply, RequestFailed

if TYPE_CHECKING:
    from pynomaly_itest.target.platform import PlatformApi

_OVERLOADED = 429
_INTERNAL_ERROR = 500


@dataclass
class Tally:
    """Counts of requests by how they ended, each when it ended. `wrong`: answers that can't be true, as sentences.

    refused: the target said no (429, 5xx). internal_errors: those of them that say 500, which tells nobody what to
    do. broken: no answer, and whoever asked knew at once. hung: no answer in time. `facts`: all that was
    acknowledged; the first `promised` of them before the fault was over, so that it could have cost them.
    """

    asked: int = 0
    answered: int = 0
    refused: int = 0
    internal_errors: int = 0
    broken: int = 0
    hung: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    facts: list[Fact] = field(default_factory=list)
    promised: int = 0

    def fault_begins(self) -> None:
        """Count anew: what ended before tells nothing of a target that is broken."""
        self.asked = self.answered = self.refused = self.internal_errors = self.broken = self.hung = 0

    def fault_is_over(self) -> None:
        """What is acknowledged from now on was never in danger."""
        self.promised = len(self.facts)

    def is_wrong(self, sentence: str) -> None:
        """Enter an answer that can't be true."""
        self.wrong[sentence] += 1

    async def ask(
        self,
        api: PlatformApi,
        method: str,
        path: str,
        *,
        accept: Collection[int],
        patience_s: float,
        body: Body = NO_BODY,
    ) -> Reply | None:
        """Send a request and count how it ends; its reply where it succeeded."""
        try:
            reply = await api.send(method, path, body=body, timeout_s=patience_s)
        except RequestFailed as problem:
            self.unanswered(hung=" within " in problem.message)
            return None
        if reply.status in accept:
            self.succeeded()
            return reply
        self.declined(f"{method} {path}", reply.status)
        return None

    def succeeded(self) -> None:
        """Count a request that was answered as it should."""
        self.asked += 1
        self.answered += 1

    def unanswered(self, *, hung: bool) -> None:
        """Count a request that got no answer: `hung`, or told at once."""
        self.asked += 1
        self.hung += hung
        self.broken += not hung

    def declined(self, asked: str, status: int) -> None:
        """Count an answer that is no success: a refusal, or a lie."""
        self.asked += 1
        if status == _OVERLOADED or status >= _INTERNAL_ERROR:
            self.refused += 1
            self.internal_errors += status == _INTERNAL_ERROR
        else:
            self.is_wrong(f"{asked} answered {status}")

    def counts(self) -> dict[str, Any]:
        """The figures by the names that gates use."""
        return {
            "asked": self.asked,
            "answered": self.answered,
            "answered_ratio": self.answered / self.asked if self.asked else None,
            "refused": self.refused,
            "internal_errors": self.internal_errors,
            "broken": self.broken,
            "hung": self.hung,
            "acknowledged": self.promised,
            "wrong": self.wrong.total(),
        }
