"""What a profile file may say, as strict models: the loader checks files with them, editors complete by them.

Step configs and dataset configs are left open here; each is checked by the model of its own kind.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Confidence = Annotated[float, Field(gt=0.5, lt=1)]
MinSamples = Annotated[int, Field(ge=1, le=1_000_000_000)]
Timeout = Annotated[str | float, Field(description="seconds, or with a unit: 20s, 5min")]
Steps = list[Any]
Requirement = Literal[
    "redis", "database", "bundled", "platform", "scores", "labels", "steady", "authentication"
]
"""What can be looked for (`target/requirements.py`), or a service can have (`adapters/base.py`): one that nobody can
find would be missed by every run."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class GateFile(_Part):
    """A gate with its own demands on the evidence; a plain text takes the profile's."""

    expression: str = Field(description="the condition that must hold")
    confidence: Confidence | None = Field(None, description="how sure the judge must be")
    min_samples: MinSamples | None = Field(None, description="with fewer, the gate is inconclusive")


class StepOptions(_Part):
    """What may stand beside the kind in any step."""

    title: str = Field("", description="what reports call the step", max_length=200)
    save: Identifier | None = Field(None, description="the name by which later expressions know the result")
    expect: str | list[str] = Field(default_factory=list, description="conditions on the step's result")
    timeout: Timeout | None = None
    as_: Identifier | None = Field(
        None, alias="as", description="who takes the step: the saved name of an `actor` step"
    )


class TargetFile(_Part):
    """What the bundled platform is started with."""

    settings: dict[Identifier, str | int | float | bool] = Field(
        default_factory=dict, description="settings of the bundled platform, by name without PYNOMALY_"
    )


class ScenarioFile(_Part):
    """One scenario: set-up, steps and gates; what must run whatever happens stands in `finally`."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$", description="unique; reports use it")
    title: str = Field("", max_length=200)
    tags: list[Identifier] = Field(default_factory=list, description="what -m selects by")
    requires: list[Requirement] = Field(
        default_factory=list, description="preconditions such as redis; without them it is skipped"
    )
    matrix: dict[Identifier, Any] = Field(
        default_factory=dict,
        description="a list of values a name; a cell per combination; include, exclude, ids",
    )
    benchmarks: dict[Identifier, Finite] = Field(default_factory=dict)
    vars: dict[Identifier, Any] = Field(default_factory=dict)
    setup: Steps = Field(default_factory=list)
    steps: Steps = Field(min_length=1)
    gates: list[str | GateFile] = Field(default_factory=list, description="conditions that must hold")
    catch: Steps = Field(default_factory=list, description="collects diagnostics when the scenario failed")
    finally_: Steps = Field(default_factory=list, alias="finally", description="always runs")
    timeout: Timeout | None = None
    alone: bool = Field(False, description="never beside another scenario, whatever --jobs says")
    target: TargetFile | None = Field(
        None, description="it gets a bundled platform of its own, with these settings over the profile's"
    )


class QuickFile(_Part):
    """What `run --quick` changes: fewer requests, shorter loads, fewer cells; never a limit."""

    vars: dict[Identifier, Any] = Field(
        default_factory=dict, description="other values for the profile's vars"
    )


class TlsFile(_Part):
    """Whom to trust at a target that speaks TLS, and who we are to it: paths of PEM files."""

    ca: str | None = Field(None, min_length=1, description="authorities to trust instead of the system's")
    cert: str | None = Field(None, min_length=1, description="our own certificate, with its chain")
    key: str | None = Field(None, min_length=1, description="its key, where that is not in the same file")


class ProfileFile(_Part):
    """A profile of pynomaly-itest."""

    version: Literal[1] = Field(description="the version of this format")
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    description: str = ""
    extends: str | list[str] = Field(default_factory=list, description="profiles that this one builds on")
    benchmarks: dict[Identifier, Finite] = Field(
        default_factory=dict, description="limits by name; the unit is the name's last word"
    )
    vars: dict[Identifier, Any] = Field(default_factory=dict, description="values for ${{ vars.… }}")
    quick: QuickFile = Field(default_factory=QuickFile, description="what `run --quick` changes")
    datasets: dict[Identifier, dict[str, Any]] = Field(default_factory=dict)
    target: TargetFile = Field(default_factory=TargetFile)
    service: dict[str, Any] | str | None = Field(
        None, description="how the service is spoken to: an adapter's block, or a file that holds one"
    )
    tls: TlsFile | None = Field(None, description="whom to trust, and our own certificate")
    confidence: Confidence | None = Field(None, description="how sure gates must be; 0.95 if not said")
    require_checks: Literal["critical", "high", "medium", "low"] | None = Field(
        None, description="a check of this severity (or worse) that was not made leaves the run inconclusive"
    )
    min_samples: MinSamples | None = Field(None, description="with fewer, a gate is inconclusive")
    step_lists: dict[Identifier, Steps] = Field(
        default_factory=dict, description="lists of steps for `include`"
    )
    scenarios: list[ScenarioFile] = Field(default_factory=list)
