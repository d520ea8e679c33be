"""Run security probes: what they find decides, together with `--fail-on`, over the scenario."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.probing.demands import Demands
from pynomaly_itest.probing.probe import Probe, Severity
from pynomaly_itest.registry import PROBES, STEPS, did_you_mean
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import CheckPlan, Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values

_ALL = "all"
_MOST_REPLY_BYTES = 32 << 20
_PATIENCE_S = 20.0


@STEPS.register("probe")
class ProbeStep(Step):
    """Probes by id (`JWT-01`) or family (`JWT`, `all`), at least as severe as `severity`."""

    summary: ClassVar[str] = "security probes, by id or family; their findings are judged by --fail-on"
    exclusive: ClassVar[bool] = True
    impact: ClassVar[Impact] = Impact.PROBES
    needs_platform: ClassVar[bool] = False
    shorthand: ClassVar[str | None] = "select"

    select: str | list[str] = Field(_ALL, description="ids or families of probes, or all")
    exclude: list[str] = Field(default_factory=list, description="ids or families to leave out")
    severity: str = Field("low", pattern="^(critical|high|medium|low)$", description="at least this severe")
    demands: Demands = Field(default_factory=Demands, description="policy, limits and budget")

    @field_validator("select", "exclude")
    @classmethod
    def _known(cls, names: str | list[str]) -> str | list[str]:
        known = {_ALL, *PROBES, *(name.partition("-")[0] for name in PROBES)}
        for name in [names] if isinstance(names, str) else names:
            if name not in known:
                raise ValueError(f"unknown probe {name!r}: {did_you_mean(name, known)}")
        return names

    @classmethod
    def needs(cls, config: Mapping[str, Any]) -> tuple[str, ...]:
        return ("platform",)

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.REPLIES

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0  # the profile's budget bounds it

    @classmethod
    def planned_checks(cls, config: Mapping[str, Any]) -> tuple[CheckPlan, ...]:
        """The chosen probes; of a choice that is looked up nothing is known before it runs."""
        said = {key: config[key] for key in ("select", "exclude", "severity") if key in config}
        try:
            chosen = cls.model_validate(said).chosen()
        except ValueError:
            return ()
        return tuple(CheckPlan(id=one.id, title=one.title, severity=one.severity.value) for one in chosen)

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return Record(
            {name: Scalar("number") for name in ("passed", "failed", "inconclusive", "skipped", "error")}
        )

    def chosen(self) -> list[type[Probe]]:
        """The probes to run, by id."""
        wanted = {self.select} if isinstance(self.select, str) else set(self.select)
        least = Severity(self.severity)
        return [
            probe
            for name, probe in PROBES.items()
            if (_ALL in wanted or {name, probe.family()} & wanted)
            and not {name, probe.family()} & set(self.exclude)
            and probe.severity.at_least(least)
        ]

    async def run(self, context: StepContext) -> Values:
        from pynomaly_itest.probing.engine import examine

        probes = self.chosen()
        if not probes:
            raise CannotMeasure("no probe is selected")
        ctx = self._probe_context(context)
        seen: Counter[str] = Counter()
        async for finding in examine(probes, ctx, context.probing):
            context.progress(f"{finding.probe.id} {finding.verdict}")
            context.find(finding)
            seen[finding.verdict] += 1
        return {name: seen[name] for name in ("passed", "failed", "inconclusive", "skipped", "error")}

    def _probe_context(self, context: StepContext) -> Any:
        from pynomaly_itest.probing.actors import Actors
        from pynomaly_itest.probing.context import Budget, ProbeContext
        from pynomaly_itest.probing.wire import Wire

        target, limits = context.target, self.demands.budget
        budget = Budget(limits.requests, int(limits.sent_mb * 2**20), limits.lockouts, limits.connections)
        ours = target.info.kind in ("bundled", "inprocess")
        address = target.address or urlsplit(target.info.url).hostname or "127.0.0.1"
        http = replace(context.http, cookies=None, max_reply_bytes=_MOST_REPLY_BYTES, timeout_s=_PATIENCE_S)
        return ProbeContext(
            http=http,
            wire=Wire(
                target.info.url,
                address,
                target.redactor,
                budget,
                context.http.run_id,
                target.departures,
                target.tls,
            ),
            actors=Actors(
                http,
                target,
                context.ledger,
                context.scene.ledger_of,
                context.probing.environment,
                context.http.run_id,
            ),
            target=target,
            ledger=context.ledger,
            demands=self.demands,
            budget=budget,
            clock=context.clock,
            sleep=context.sleep,
            seed=context.seed,
            label=context.label,
            allow_disruptive=ours or context.probing.allow_disruptive,
        )
