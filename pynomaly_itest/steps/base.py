"""What every step kind is, and what it is given when it runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict

from pynomaly_itest.step_kind import StepKind

if TYPE_CHECKING:
    from pynomaly_itest.adapters.base import Adapter
    from pynomaly_itest.adapters.service import Service
    from pynomaly_itest.datasets.base import Dataset
    from pynomaly_itest.measure import Estimate
    from pynomaly_itest.probing.engine import Finding
    from pynomaly_itest.probing.options import ProbeOptions
    from pynomaly_itest.steps.scene import Scene
    from pynomaly_itest.target.base import Target
    from pynomaly_itest.target.http import Http
    from pynomaly_itest.target.observer import Observer
    from pynomaly_itest.target.platform import PlatformApi

Values = dict[str, Any]
"""What a step produced, by name: plain JSON values, `Samples`, `Estimate`s, `Inference`s, and dicts of these."""

Inference: TypeAlias = "Callable[[float], Estimate]"
"""A measurement whose interval is made for the confidence that a gate asks for."""


Mark: TypeAlias = "Callable[[str, float, float, float | None, tuple[str, ...]], None]"


class Ledger(Protocol):
    """What was created and has to be removed again."""

    def created(self, kind: str, id: str, path: str) -> None: ...  # noqa: A002 - the field's word


@dataclass(frozen=True)
class StepContext:
    """What a step may use. `clock` is monotonic, in seconds; `sleep` waits by the same clock.

    `prepare` makes a step of a call given as `{kind: config}`, its look-ups resolved: it is how `measure`
    repeats a step. `scene` is what surrounds the step in its scenario. `seed` makes random choices repeatable.
    `find` records what a probe found, which is judged with the step. `expected` holds the names that the step's
    own `expect` asks about, `gated` those that the scenario's gates ask about of what it saves. `keep` saves what was
    measured so far when a step is being stopped; `shared` is the
    run's own, for what is found out once. `observer` watches the target's memory and CPU, where something does.
    `under_way` is called by a load once it is prepared and begins to send. `adapter` says how the service is spoken
    to; None: it is the platform.
    """

    http: Http
    api: PlatformApi
    ledger: Ledger
    dataset: Callable[[str], Awaitable[Dataset]]
    prepare: Callable[[Mapping[str, Any]], Step]
    progress: Callable[[str], None]
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    seed: int
    label: str
    scene: Scene
    target: Target
    probing: ProbeOptions
    find: Callable[[Finding], None]
    confidence: float = 0.95
    keep: Callable[[Values], None] = lambda values: None
    shared: dict[str, Any] = field(default_factory=dict)
    expected: frozenset[str] = field(default=frozenset())
    gated: frozenset[str] = field(default=frozenset())
    mark: Mark = lambda name, started_s, ended_s, recovered_s, details: None
    observer: Observer | None = None
    under_way: Callable[[], None] = lambda: None
    adapter: Adapter | None = None

    @property
    def service(self) -> Service:
        """The service in the field's operations, asked as whoever takes the step."""
        from pynomaly_itest.adapters.service import Service, platform

        return Service(self.adapter or platform(), self.http, self.api.authorization)


class Step(BaseModel, StepKind, ABC):
    """One line of a profile's `steps`; its fields are its YAML, its class says the rest of what `StepKind` asks."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    @abstractmethod
    async def run(self, context: StepContext) -> Values:
        """Do it. Raises StepFailed where the target misbehaved, CannotMeasure where we could not tell."""
