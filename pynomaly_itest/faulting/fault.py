"""What every kind of fault is: a strict config, what it needs, how it begins; its end is entered before it begins."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pynomaly_itest.errors import CannotMeasure, NotApplicable
from pynomaly_itest.profile.expression import parse_quantity
from pynomaly_itest.target.base import Target
from pynomaly_itest.target.proxy import Condition, TcpProxy

Timespan = str | float


@dataclass
class Site:
    """What a fault may touch. `undo` holds whatever takes the fault back; it is run in the end, come what may.

    `front` stands between the tool and the target where the fault asked for it. `notes` say what was done to the
    target itself; what a bad network did to whom is in that network's record.
    """

    target: Target
    undo: ExitStack
    sleep: Callable[[float], Awaitable[None]]
    chance: random.Random
    front: TcpProxy | None = None
    notes: list[str] = field(default_factory=list)
    _records: list[list[str]] = field(default_factory=list)

    def impose(self, proxy: TcpProxy, condition: Condition) -> None:
        """Make that network bad until the fault is over; what happens to its connections is part of the story."""
        self.undo.callback(proxy.lift)
        self._records.append(proxy.impose(condition))

    @property
    def story(self) -> tuple[str, ...]:
        """All that was done, so that it can be read afterwards."""
        return (*self.notes, *(line for record in self._records for line in record))

    @property
    def is_felt(self) -> bool:
        """Whether it did anything to anybody: a bad network that no connection met has broken nothing."""
        return any(self._records) if self._records else bool(self.notes)

    @property
    def root(self) -> int:
        """The target's first process; raises NotApplicable where its processes are not ours."""
        pid = self.target.root_pid()
        if pid is None:
            raise NotApplicable("only the bundled platform's processes are ours to touch")
        return pid

    @property
    def network(self) -> TcpProxy:
        """The network between the tool and the target."""
        if self.front is None:
            raise CannotMeasure("nothing stands between the tool and the target")
        return self.front


class Fault(BaseModel, ABC):
    """One kind of fault; its fields are its YAML. What `begin` breaks, it first promises in `site.undo` to mend."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    summary: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset()
    """Of "redis", "database", "disk", "clock": what must be ours before the platform starts."""
    in_network: ClassVar[bool] = False
    """Whether it happens between the tool and the target, and so to any target."""
    hungry_rows: ClassVar[tuple[int, ...]] = ()
    """Where only large requests feel it: the rows of predictions that are asked for, until one is refused."""
    disrupts: ClassVar[bool] = False
    """Whether others who use the target would feel it although it is done from outside."""

    def check(self, site: Site) -> None:
        """Raise NotApplicable, with the reason, where this can't be done here."""
        _ = site.root

    @property
    def lasts_s(self) -> float:
        """How long it lasts until it is taken back; 0: it is over as soon as it has happened."""
        return 0.0

    @abstractmethod
    async def begin(self, site: Site) -> None:
        """Break it."""


class LastingFault(Fault):
    """A fault that goes on for a while."""

    lasts: Timespan = Field(1.5, description="how long until it is mended: 2s")

    @field_validator("lasts")
    @classmethod
    def _is_a_time(cls, lasts: Timespan) -> Timespan:
        if not 0 < parse_quantity(lasts, "s") <= 600:
            raise ValueError("a fault lasts more than 0 and at most 600 s")
        return lasts

    @property
    def lasts_s(self) -> float:
        return parse_quantity(self.lasts, "s")


class NetworkFault(LastingFault):
    """A bad network between the tool and the target."""

    in_network: ClassVar[bool] = True

    def check(self, site: Site) -> None:
        """Any target that speaks plain HTTP can be reached through a proxy of ours."""
        kind, url = site.target.info.kind, site.target.info.url
        if kind == "inprocess":
            raise NotApplicable("no network leads to a platform in this process")
        if url.startswith("https:"):
            raise NotApplicable(
                "a proxy of ours can't stand in for an HTTPS server: its certificate is for its name"
            )
