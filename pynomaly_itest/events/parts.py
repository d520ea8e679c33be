"""What every event is, and what several are made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class TargetInfo(Part):
    """What was tested. `url` never carries credentials."""

    kind: str
    url: str
    version: str | None = None
    build: str | None = None
    """Which code it is, where we started it: "git 1a2b3c4d5e6f", "git 1a2b3c4d5e6f, changed", "wheel pynomaly-…"."""


class PlannedCheck(Part):
    """A check that a step of a scenario is to make."""

    id: str
    title: str
    severity: str


class PlannedScenario(Part):
    """A scenario as it was planned: it appears in every report, whatever becomes of it."""

    id: str
    title: str = ""
    tags: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    where: str = ""
    gates: tuple[str, ...] = ()
    fingerprint: str = ""
    """Of all that the scenario does and demands: the same text, the same values, the same fingerprint."""
    checks: tuple[PlannedCheck, ...] = ()


class Exchange(Part):
    """One request and its reply, redacted and cut to a readable length."""

    method: str
    url: str
    request_headers: dict[str, str] = Field(default_factory=dict)
    request_body: str | None = None
    status: int | None = None
    reply_headers: dict[str, str] = Field(default_factory=dict)
    reply_body: str | None = None
    error: str | None = None
    duration_ms: float | None = None


class Event(Part):
    """`at_s`: seconds since the run started, by a clock that never goes back."""

    at_s: float
