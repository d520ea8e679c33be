"""A profile as the rest of the tool sees it: typed, checked, resolved as far as it can be before a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pynomaly_itest.profile.expression import Expression
from pynomaly_itest.profile.source import Source
from pynomaly_itest.transport.tls import SYSTEM, Tls

__all__ = ["DatasetSpec", "Gate", "Origin", "Plan", "Scenario", "ServiceSpec", "Source", "StepCall"]


@dataclass(frozen=True)
class StepCall:
    """One line of `setup`, `steps`, `catch` or `finally`: a step kind, its config, what is expected.

    `config` may hold `${{ … }}` look-ups; they are resolved right before the step runs, and the kind's model
    then validates the result. `save` names the step's result for later expressions, `actor` the saved result of
    an `actor` step who takes this one.
    """

    kind: str
    config: Mapping[str, Any]
    source: Source
    title: str = ""
    save: str | None = None
    expect: tuple[Gate, ...] = ()
    timeout_s: float | None = None
    actor: str | None = None


@dataclass(frozen=True)
class Gate:
    """A checked expression that must hold; `confidence` and `min_samples` None: the profile's own."""

    expression: Expression
    source: Source
    confidence: float | None = None
    min_samples: int | None = None


@dataclass(frozen=True)
class DatasetSpec:
    """A named dataset: its kind and that kind's config (validated); `base` resolves relative paths.

    `fixed`: scenarios are written for these very rows and columns, so nothing may be put in their place.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    base: str
    source: Source | None = None
    fixed: bool = False


@dataclass(frozen=True)
class ServiceSpec:
    """The `service:` block: the kind of adapter and its config, whose `${{ env.NAME }}` are not looked up yet;
    `base` resolves relative paths."""

    adapter: str
    config: Mapping[str, Any] = field(repr=False)
    base: str
    source: Source


@dataclass(frozen=True)
class Scenario:
    """One scenario of the plan: a scenario of the profile in one cell of its matrix.

    `exclusive`: it measures time or load, and must run alone. `target_settings`: it wants a bundled platform of its
    own with these settings over the profile's; None: the run's platform will do. `needs_platform`: some step of it
    speaks the platform's API rather than plain HTTP. `needs`: what a service must be able to do for it, by the
    names of capabilities; `unmet`: why it is passed over, where that is known before the run.

    `id` is the profile's id, with the cell behind it: `detection-latency[algorithm=isolation_forest]`.
    `benchmarks` and `vars` are the effective ones, after every override.
    """

    id: str
    title: str
    tags: tuple[str, ...]
    requires: tuple[str, ...]
    matrix: Mapping[str, Any]
    benchmarks: Mapping[str, float]
    vars: Mapping[str, Any]
    steps: tuple[StepCall, ...]
    gates: tuple[Gate, ...]
    source: Source
    setup: tuple[StepCall, ...] = ()
    catch: tuple[StepCall, ...] = ()
    finally_: tuple[StepCall, ...] = ()
    timeout_s: float | None = None
    exclusive: bool = True
    target_settings: Mapping[str, Any] | None = field(default=None, repr=False)
    needs_platform: bool = False
    needs: tuple[str, ...] = ()
    unmet: str | None = None


@dataclass(frozen=True)
class Origin:
    """An effective value and where it came from, for `run --dry-run`."""

    name: str
    value: Any
    origin: str


@dataclass(frozen=True)
class Plan:
    """What a run will do: profile, scenarios x matrix after selection, effective values, their origins."""

    profile: str
    description: str
    files: tuple[str, ...]
    scenarios: tuple[Scenario, ...]
    deselected: int
    datasets: Mapping[str, DatasetSpec]
    benchmarks: Mapping[str, float]
    target_settings: Mapping[str, Any] = field(repr=False)  # a database's address may hold its password
    origins: tuple[Origin, ...]
    confidence: float = 0.95
    min_samples: int | None = None
    require_checks: str | None = None
    needs_platform: bool = False
    needed_datasets: tuple[str, ...] = ()
    authorisations: Mapping[str, Any] = field(default_factory=dict)
    service: ServiceSpec | None = None
    tls: Tls = SYSTEM
