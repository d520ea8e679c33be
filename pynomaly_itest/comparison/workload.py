"""What both sides are asked: the requests that a profile measures, after the steps that make them possible.

Every `load`, `capacity` and `measure` step of the chosen scenarios stands for the request it would repeat; the
steps before the last of them are run, once a side, and what they made stays until the comparison is over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pynomaly_itest.datasets.base import Dataset
from pynomaly_itest.errors import CannotMeasure, NothingSelected
from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.ledger import CleanupLedger
from pynomaly_itest.lifecycle import Services
from pynomaly_itest.lifecycle.judging import Judge
from pynomaly_itest.lifecycle.recorder import Recorder
from pynomaly_itest.lifecycle.scope import Scope
from pynomaly_itest.lifecycle.stepping import StepRunner
from pynomaly_itest.load.plan import Endpoint
from pynomaly_itest.profile.model import Plan, Scenario
from pynomaly_itest.profile.walk import Found, inside
from pynomaly_itest.registry import STEPS
from pynomaly_itest.steps.load_requests import Creating, Loadable
from pynomaly_itest.target.accounts import Accounts
from pynomaly_itest.target.base import Target
from pynomaly_itest.target.http import Http
from pynomaly_itest.target.observer import Observer
from pynomaly_itest.target.platform import PlatformApi
from pynomaly_itest.verdicts import Verdict


@dataclass(frozen=True)
class Question:
    """One kind of request. `scenario` and `save` say where the profile measures it."""

    name: str
    scenario: str
    save: str
    endpoint: Endpoint


@dataclass(frozen=True)
class Workload:
    """The questions of one side, and what was made for them."""

    questions: tuple[Question, ...]
    ledgers: tuple[CleanupLedger, ...]

    async def clean(self, api: PlatformApi) -> list[str]:
        """Take away what was made; what is left, as sentences."""
        return [left for ledger in reversed(self.ledgers) for left in await ledger.clean(api)]


@dataclass(frozen=True)
class Preparation:
    """The plan, and what the steps that prepare it need beside a target."""

    plan: Plan
    dataset: Callable[[str], Awaitable[Dataset]]
    folder: Path
    seed: int
    run_id: str

    def scenarios(self) -> list[Scenario]:
        """Those that measure a request on the run's own platform; raises NothingSelected where none does."""
        found = [
            scenario
            for scenario in self.plan.scenarios
            if scenario.target_settings is None and any(STEPS[call.kind].measures for call in scenario.steps)
        ]
        if not found:
            raise NothingSelected(
                "no scenario of the profile measures a request that can be compared",
                hint=f"what is compared are the requests of its {', '.join(_measuring())} steps",
            )
        return found

    async def prepare(self, target: Target, http: Http, api: PlatformApi) -> Workload:
        """Run what comes before, and make the questions. Raises CannotMeasure where a step does not pass."""
        log = EventLog(
            self.folder / f"preparation-{target.info.url.rpartition(':')[2]}.jsonl", target.redactor
        )
        try:
            services = self._services(target, http, api, log)
            questions: list[Question] = []
            ledgers: list[CleanupLedger] = []
            for scenario in self.scenarios():
                ledger = CleanupLedger(scenario.id, log)
                ledgers.append(ledger)
                questions += [each async for each in _questions(scenario, services, ledger)]
        finally:
            log.close()
        if not questions:
            raise NothingSelected("no measured step of the profile sends a request that can be asked in turn")
        return Workload(tuple(_named(questions)), tuple(ledgers))

    def _services(self, target: Target, http: Http, api: PlatformApi, log: EventLog) -> Services:
        return Services(
            target=target,
            http=http,
            api=api,
            observer=Observer(target, log.now_s, lambda reading: None),
            log=log,
            dataset=self.dataset,
            confidence=self.plan.confidence,
            seed=self.seed,
            run_id=self.run_id,
            accounts=Accounts(api, target, self.run_id),
        )


async def _questions(scenario: Scenario, services: Services, ledger: CleanupLedger) -> Any:
    """The scenario's questions, its other steps run on the way."""
    recorder = Recorder(services.log, scenario.id)
    judge = Judge(recorder, services.confidence, services.min_samples)
    runner = StepRunner(Scope(scenario, services, services.log.now_s()), recorder, judge, ledger)
    last = max(number for number, call in enumerate(scenario.steps) if STEPS[call.kind].measures)
    for call in (*scenario.setup, *scenario.steps[: last + 1]):
        if STEPS[call.kind].measures:
            for kind, config in inside(Found(call.kind, call.config)):
                step = runner.prepare({kind: config})
                if isinstance(step, Loadable) and not isinstance(step, Creating):
                    endpoint = await step.endpoint(runner.context(call), name=kind, weight=1.0)
                    yield Question(kind, scenario.id, call.save or "", endpoint)
            continue
        outcome = await runner.run("steps", call)
        if outcome.verdict is not Verdict.PASSED:
            raise CannotMeasure(f"{scenario.id}: {call.title or call.kind}: {outcome.reason}")


def _measuring() -> list[str]:
    """The step kinds that repeat a request and measure it."""
    return [name for name, kind in STEPS.items() if kind.measures]


def _named(questions: list[Question]) -> Iterator[Question]:
    """Each with a name of its own: its kind where that is enough, else with scenario and place in front."""
    from dataclasses import replace

    seen: dict[str, int] = {}
    for question in questions:
        name = question.name
        if len(questions) > 1:
            name = ".".join(filter(None, (question.scenario, question.save))) or name
        seen[name] = seen.get(name, 0) + 1
        yield replace(question, name=name if seen[name] == 1 else f"{name}#{seen[name]}")
