"""What every kind of step says about itself, for all who have to know without running it.

A kind that doesn't say gets the answer that is safe: it runs alone, needs permission beyond this machine, and its
having run is no evidence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from pynomaly_itest.shapes import ANYTHING, Shape

if TYPE_CHECKING:
    from pathlib import Path


class Impact(StrEnum):
    """What a step does to a service; the value completes "scenario … "."""

    ORDINARY = "uses it as its users do"
    UNKNOWN = "has a step of a kind that doesn't say what it does to a service"
    STRESSES = "puts it under stress"
    PROBES = "probes its security"
    BREAKS = "breaks things on purpose"


class Evidence(StrEnum):
    """What it shows that a step passed, where no gate and no `expect` judges what it gave."""

    REPLIES = "its replies are as they must be"
    INSIDE = "what the steps inside of it show"
    ASSERTIONS = "what its workflow asserts"
    NOTHING = "nothing: it says how it is, whatever it is"


@dataclass(frozen=True)
class PlannedSamples:
    """About how many samples a step takes of each of its series, and the field that says so.

    `field` is what its YAML calls it, `value` what stands there now (in seconds where `is_span`).
    """

    n: int
    field: str
    value: float
    is_span: bool = False


@dataclass(frozen=True)
class CheckPlan:
    """A check that a step is to make."""

    id: str
    title: str
    severity: str


class StepKind:
    """A step kind (the class in `steps/<kind>.py`): a strict pydantic model, whose fields are what YAML may say."""

    summary: ClassVar[str] = ""
    """One line for `list steps`."""
    needs_platform: ClassVar[bool] = True
    """Whether it speaks the platform's API rather than plain HTTP; of steps inside of it, they say it themselves."""
    nested: ClassVar[tuple[str, ...]] = ()
    """The fields that hold steps themselves: a mapping of one kind to its config, or a list of such.

    `mix.request` means the field of each item of a list.
    """
    raw_nested: ClassVar[str | None] = None
    """The kind whose bare config it takes there, too."""
    shorthand: ClassVar[str | None] = None
    """The field that a config given as a plain text means."""
    dataset_fields: ClassVar[tuple[str, ...]] = ()
    """The fields that name a dataset of the profile: a name that it lacks is a mistake."""
    exclusive: ClassVar[bool] = True
    """Whether its scenario runs alone, as others beside it would spoil what it measures, or it would spoil them."""
    measures: ClassVar[bool] = False
    """Whether it repeats the request of the steps inside of it and measures it: a comparison asks both sides that."""
    announces: ClassVar[bool] = False
    """Whether it calls the context's `under_way` once it begins to send."""
    impact: ClassVar[Impact] = Impact.UNKNOWN

    @classmethod
    def needs(cls, config: Mapping[str, Any]) -> tuple[str, ...]:
        """The capabilities that a service must have for it, by name, for this (unresolved) config."""
        return ("platform",) if cls.needs_platform else ()

    @classmethod
    def speaks_platform(cls, config: Mapping[str, Any], folder: Path) -> bool:
        """Whether it needs the platform for what stands in files of the profile's `folder`."""
        return False

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        """The names that `save` gives to later expressions, for this (unresolved) config."""
        return ANYTHING

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        """What it shows that a step of this config passed."""
        return Evidence.NOTHING

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        """How many requests a second a step of this config sends to be what it says it is; `inf`: as many as it can.

        0 where the pace doesn't matter: beyond this machine the tool slows it down where nobody has allowed more.
        Of what stands inside of it, the steps there say it themselves.
        """
        return math.inf

    @classmethod
    def planned_samples(cls, config: Mapping[str, Any]) -> PlannedSamples | None:
        """How many samples this config will take; None where nobody knows before the run.

        config: as far as it is known: what depends on an earlier step still holds its `${{ … }}`.
        """
        return None

    @classmethod
    def planned_checks(cls, config: Mapping[str, Any]) -> tuple[CheckPlan, ...]:
        """The checks that a step of this config is to make, each of which is told if it was not made."""
        return ()

    @classmethod
    def disturbs(cls, config: Mapping[str, Any]) -> frozenset[str]:
        """Of "redis", "database", "disk", "clock": what must be ours, as a step of this config disturbs it."""
        return frozenset()

    if TYPE_CHECKING:  # pydantic's

        @classmethod
        def model_validate(cls, obj: Any) -> Any: ...

        @classmethod
        def model_json_schema(cls) -> dict[str, Any]: ...
