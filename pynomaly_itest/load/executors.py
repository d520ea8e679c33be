"""The shapes of load, under k6's names: what to say in a profile, and what it means.

An open model (arrival rates) sends on a schedule whether or not answers come: users do not know of each other.
A closed model (virtual users, iterations) sends the next request when the last one is answered.
"""

from __future__ import annotations

import math
from typing import ClassVar

import msgspec


class Stage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From the present level to `target` (virtual users, or arrivals a second), evenly over `duration_s`."""

    duration_s: float
    target: float


class _Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="executor"):
    """What all executors share: they are msgspec structs told apart by the key `executor`."""

    is_open: ClassVar[bool] = False
    is_level: ClassVar[bool] = True
    """Whether a steady rate can be expected of it at all."""


class ConstantArrivalRate(_Kind, frozen=True, kw_only=True, tag="constant-arrival-rate"):
    """`rate` arrivals a second, evenly spaced."""

    is_open = True
    rate: float
    duration_s: float

    @property
    def planned_s(self) -> float:
        return self.duration_s


class PoissonArrivals(_Kind, frozen=True, kw_only=True, tag="poisson-arrivals"):
    """`rate` arrivals a second on average, at random, as independent users do."""

    is_open = True
    rate: float
    duration_s: float

    @property
    def planned_s(self) -> float:
        return self.duration_s


class RampingArrivalRate(_Kind, frozen=True, kw_only=True, tag="ramping-arrival-rate"):
    """Arrivals a second, from `start_rate` through the stages."""

    is_open = True
    is_level = False
    start_rate: float = 0.0
    stages: tuple[Stage, ...]

    @property
    def planned_s(self) -> float:
        return sum(stage.duration_s for stage in self.stages)


class ConstantVus(_Kind, frozen=True, kw_only=True, tag="constant-vus"):
    """`vus` virtual users, each sending one request after the other for `duration_s`."""

    vus: int
    duration_s: float

    @property
    def planned_s(self) -> float:
        return self.duration_s


class RampingVus(_Kind, frozen=True, kw_only=True, tag="ramping-vus"):
    """Virtual users, from `start_vus` through the stages."""

    is_level = False
    start_vus: int = 0
    stages: tuple[Stage, ...]

    @property
    def planned_s(self) -> float:
        return sum(stage.duration_s for stage in self.stages)


class SharedIterations(_Kind, frozen=True, kw_only=True, tag="shared-iterations"):
    """`iterations` requests in all, shared by `vus` virtual users."""

    vus: int
    iterations: int
    max_duration_s: float = 600.0

    @property
    def planned_s(self) -> float:
        return self.max_duration_s


class PerVuIterations(_Kind, frozen=True, kw_only=True, tag="per-vu-iterations"):
    """`iterations` requests by each of `vus` virtual users."""

    vus: int
    iterations: int
    max_duration_s: float = 600.0

    @property
    def planned_s(self) -> float:
        return self.max_duration_s


OpenExecutor = ConstantArrivalRate | PoissonArrivals | RampingArrivalRate
ClosedExecutor = ConstantVus | RampingVus | SharedIterations | PerVuIterations
Executor = OpenExecutor | ClosedExecutor

EXECUTORS: dict[str, type[Executor]] = {
    "constant-arrival-rate": ConstantArrivalRate,
    "poisson-arrivals": PoissonArrivals,
    "ramping-arrival-rate": RampingArrivalRate,
    "constant-vus": ConstantVus,
    "ramping-vus": RampingVus,
    "shared-iterations": SharedIterations,
    "per-vu-iterations": PerVuIterations,
}


def planned_requests(executor: Executor) -> float | None:
    """How many requests an executor will send (on average, of random ones); None where nobody knows beforehand."""
    if isinstance(executor, ConstantArrivalRate | PoissonArrivals):
        return executor.rate * executor.duration_s
    if isinstance(executor, SharedIterations):
        return executor.iterations
    if isinstance(executor, PerVuIterations):
        return executor.vus * executor.iterations
    if not isinstance(executor, RampingArrivalRate):
        return None
    total, level = 0.0, executor.start_rate
    for stage in executor.stages:
        total, level = total + stage.duration_s * (level + stage.target) / 2, stage.target
    return total


def peak_rate(executor: Executor) -> float:
    """The highest arrival rate; of virtual users, who send as fast as they are answered, endless."""
    return max(_rates(executor), default=math.inf)


_LONGEST_S = 24 * 3600.0
_FASTEST = 200_000.0
_MOST_USERS = 20_000


def mistakes_of(executor: Executor) -> list[str]:
    """Everything that is wrong with an executor's figures, at once."""
    wrong: list[str] = []
    if not 0 < executor.planned_s <= _LONGEST_S:
        wrong.append(f"the load must take more than 0 s and at most {_LONGEST_S:g} s")
    rates = _rates(executor)
    if any(not (math.isfinite(rate) and 0 <= rate <= _FASTEST) for rate in rates):
        wrong.append(f"an arrival rate must be 0 to {_FASTEST:g} a second")
    elif rates and max(rates) <= 0:
        wrong.append("the arrival rate is never above 0: nothing would be sent")
    users = _users(executor)
    if any(not (math.isfinite(level) and 0 <= level <= _MOST_USERS) for level in users):
        wrong.append(f"virtual users must be 0 to {_MOST_USERS}")
    elif users and max(users) < 1:
        wrong.append("there is never a virtual user: nothing would be sent")
    if isinstance(executor, SharedIterations | PerVuIterations) and executor.iterations < 1:
        wrong.append("iterations must be at least 1")
    if isinstance(executor, RampingArrivalRate | RampingVus) and any(
        s.duration_s < 0 for s in executor.stages
    ):
        wrong.append("a stage can't take less than 0 s")
    return wrong


def _rates(executor: Executor) -> list[float]:
    if isinstance(executor, RampingArrivalRate):
        return [executor.start_rate, *(stage.target for stage in executor.stages)]
    return [executor.rate] if isinstance(executor, ConstantArrivalRate | PoissonArrivals) else []


def _users(executor: Executor) -> list[float]:
    if isinstance(executor, RampingVus):
        return [executor.start_vus, *(stage.target for stage in executor.stages)]
    return [] if isinstance(executor, OpenExecutor) else [executor.vus]
