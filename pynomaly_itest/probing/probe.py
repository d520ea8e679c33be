"""What a probe is, and what it may say: the holes it proved, or that under working controls there were none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from pynomaly_itest.events import Exchange
    from pynomaly_itest.probing.context import ProbeContext
    from pynomaly_itest.target.http import Reply


class Severity(StrEnum):
    """Worst first. A run fails on what is at least as bad as `--fail-on`."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    def at_least(self, other: Severity) -> bool:
        """Whether this is as bad as `other`, or worse."""
        order = list(Severity)
        return order.index(self) <= order.index(other)


class Impact(StrEnum):
    """What a probe does to the target."""

    READS = "R"
    CHANGES_OWN = "M"
    DISRUPTS = "D"
    """May lock an account or slow the service: off unless allowed, always on for the bundled platform."""


@dataclass(frozen=True)
class Hole:
    """One weakness, proved. `where` is a route without ids, `weakness` names the variant: both make the fingerprint."""

    where: str
    weakness: str
    observed: str
    exchange: Exchange | None = None


@dataclass(frozen=True)
class Observation:
    """What a probe saw once its controls had behaved; without holes the target did the safe thing."""

    observed: str
    where: str = ""
    holes: tuple[Hole, ...] = ()
    exchange: Exchange | None = None


SENT_FOR_ALL = ("GET health", "POST auth/login", "POST admin/users", "DELETE admin/users/{id}")
EACH_OPERATION = "each operation of /openapi.json"


class Probe(ABC):
    """One check of the catalogue. Its controls raise CannotMeasure, a missing precondition NotApplicable."""

    id: ClassVar[str]
    title: ClassVar[str]
    cwe: ClassVar[int]
    references: ClassVar[tuple[str, ...]]
    severity: ClassVar[Severity]
    impact: ClassVar[Impact]
    sends: ClassVar[tuple[str, ...]]
    """What it asks the target for: `METHOD path` below the API's prefix, or absolute with its slash; `{…}` is any text.

    Not told: what every probe may send to have its actors and to see the target's health (`SENT_FOR_ALL`).
    """
    needs: ClassVar[tuple[str, ...]] = ()
    """Actors without which there is nothing to try."""
    expected: ClassVar[str]
    why: ClassVar[str]
    mend: ClassVar[str]

    @classmethod
    def family(cls) -> str:
        """The letters before the number: `JWT`."""
        return cls.id.partition("-")[0]

    @classmethod
    def all_references(cls) -> tuple[str, ...]:
        """The weakness' CWE before the probe's other references."""
        return (f"CWE-{cls.cwe}", *cls.references)

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.summary = f"{cls.severity:<8} {cls.impact}  {cls.title} ({', '.join(cls.all_references())})"

    summary: ClassVar[str] = ""

    @abstractmethod
    async def run(self, ctx: ProbeContext) -> Observation:
        """Prove the hole, or see the safe answer where the controls show that the hole would have been seen."""


def hole(where: str, weakness: str, reply: Reply, observed: str | None = None) -> Hole:
    """A hole shown by a reply."""
    return Hole(where, weakness, observed or f"{weakness}: answered {reply.status}", reply.exchange)
