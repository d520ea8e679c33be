"""What a Python scenario gets by parameter name, made when it is asked for and cleared away behind it."""

from __future__ import annotations

import contextlib
import inspect
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pynomaly_itest.errors import CannotMeasure, UsageError
from pynomaly_itest.registry import DATASETS, did_you_mean
from pynomaly_itest.target.accounts import Accounts, Actor
from pynomaly_itest.target.http import Body, Http
from pynomaly_itest.target.platform import PlatformApi
from pynomaly_itest.testing.assertions import IntegrationTestAssertions
from pynomaly_itest.testing.helper import Act, Clean, IntegrationTestHelper, Ledger

if TYPE_CHECKING:
    from pynomaly_itest.datasets.base import Dataset

Expect = Callable[..., None]
"""`expect("latency_ms <= benchmarks.detection_latency_ms", latency_ms=…)`: judged and recorded as in YAML."""

_SAMPLES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "normal": ("gaussian", {"rows": 1000, "features": 5, "seed": 42}),
    "anomalous": ("gaussian", {"rows": 1000, "features": 5, "contamination": 0.1, "seed": 42}),
    "time_series": ("time_series", {"rows": 1000, "contamination": 0.05, "seed": 42}),
}


@dataclass(frozen=True)
class Stage:
    """What a scenario has to work with; fixtures are made of it."""

    http: Http
    api: PlatformApi
    ledger: Ledger
    act: Act
    clean: Clean
    accounts: Accounts
    own_by: Callable[[PlatformApi], Ledger]
    expect: Expect
    dataset: Callable[[str], Awaitable[Dataset]]
    values: Mapping[str, Any]
    restart: Callable[..., Awaitable[None]]


@dataclass(frozen=True)
class TestSettings:
    """How the run was asked for."""

    __test__ = False  # pytest: this is no test

    target_kind: str
    target_url: str
    target_version: str | None
    seed: int
    run_id: str
    benchmarks: Mapping[str, float]
    vars: Mapping[str, Any]


@dataclass(frozen=True)
class TestCache:
    """The platform's cache as its own /metrics tell of it."""

    __test__ = False

    http: Http

    async def hits(self) -> float:
        """Answers that came from the cache so far."""
        return await self._count("pynomaly_cache_hits_total")

    async def misses(self) -> float:
        """Answers that had to be worked out so far."""
        return await self._count("pynomaly_cache_misses_total")

    async def _count(self, name: str) -> float:
        reply = await self.http.send("GET", "/metrics")
        for line in reply.body.decode(errors="replace").splitlines():
            words = line.split()
            if len(words) == 2 and words[0] == name:
                return float(words[1])
        raise CannotMeasure(f"the target's /metrics (status {reply.status}) has no {name}")


@dataclass(frozen=True)
class TestSecurityService:
    """Users and keys for a scenario; all of them are removed behind it."""

    __test__ = False

    accounts: Accounts
    own_by: Callable[[PlatformApi], Ledger]

    async def create_user(self, role: str = "data_scientist", *, tenant: str = "own") -> Actor:
        """A new user; `actor.api` speaks as them. `tenant="other"`: of another tenant than the run's own."""
        actor = await self.accounts.enrol(role, tenant=tenant)
        self.own_by(actor.administration).created("user", actor.id, actor.path)
        return actor

    async def create_api_key(self, actor: Actor, permissions: list[str] | None = None) -> PlatformApi:
        """A key of that user's with these permissions (all of theirs, if none are named), as an API to call."""
        wanted: dict[str, Any] = {"name": "itest"}
        if permissions is not None:
            wanted["permissions"] = permissions
        made = await actor.api.call("POST", "auth/api-keys", accept=(200, 201), body=Body(json=wanted))
        return self.accounts.with_api_key(str(made["api_key"]))

    def anonymous(self) -> PlatformApi:
        """Nobody."""
        return self.accounts.anonymous()


@dataclass(frozen=True)
class Container:
    """Everything at once, for a scenario that wants to choose as it goes."""

    http: Http
    api: PlatformApi
    settings: TestSettings
    cache: TestCache
    security: TestSecurityService
    helper: IntegrationTestHelper
    dataset: Callable[[str], Awaitable[Dataset]]
    restart: Callable[..., Awaitable[None]]


@dataclass
class Measurements:
    """Numbers by name, in the order in which they were observed; they are judged as series of that name."""

    series: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        """One more observation of `name`; its unit is its name's last word (`latency_ms`)."""
        self.series.setdefault(name, []).append(float(value))


@dataclass
class Injector:
    """Gives arguments to a workflow; `measurements` holds what it measured."""

    stage: Stage
    arguments: Mapping[str, Any] = field(default_factory=dict)
    measurements: Measurements = field(default_factory=Measurements)
    _made: dict[str, Any] = field(default_factory=dict)

    async def arguments_of(self, workflow: Any, clearing: contextlib.ExitStack) -> dict[str, Any]:
        """What the workflow's parameters ask for; raises UsageError for a name that nothing answers to."""
        given: dict[str, Any] = {}
        for name, parameter in inspect.signature(workflow).parameters.items():
            if name in self.arguments:
                given[name] = self.arguments[name]
            elif name in FIXTURES:
                given[name] = await self.get(name, clearing)
            elif parameter.default is inspect.Parameter.empty:
                known = {*FIXTURES, *self.arguments}
                raise UsageError(
                    f"nothing can be given for the parameter {name!r}", hint=did_you_mean(name, known)
                )
        return given

    async def get(self, name: str, clearing: contextlib.ExitStack) -> Any:
        """The fixture, made once a scenario."""
        if name not in self._made:
            made = FIXTURES[name](self, clearing)
            self._made[name] = await made if inspect.isawaitable(made) else made
        return self._made[name]

    # --- each fixture -----------------------------------------------------------------------------------------

    def helper(self, _: contextlib.ExitStack) -> IntegrationTestHelper:
        stage = self.stage
        return IntegrationTestHelper(stage.act, stage.api, stage.ledger, stage.clean)

    def settings(self, _: contextlib.ExitStack) -> TestSettings:
        values = self.stage.values
        target, run = values["target"], values["run"]
        return TestSettings(
            target_kind=target["kind"],
            target_url=target["url"],
            target_version=target["version"],
            seed=run["seed"],
            run_id=run["id"],
            benchmarks=dict(values["benchmarks"]),
            vars=dict(values["vars"]),
        )

    def security(self, _: contextlib.ExitStack) -> TestSecurityService:
        return TestSecurityService(self.stage.accounts, self.stage.own_by)

    async def container(self, clearing: contextlib.ExitStack) -> Container:
        return Container(
            http=self.stage.http,
            api=self.stage.api,
            settings=await self.get("test_settings", clearing),
            cache=await self.get("test_cache", clearing),
            security=await self.get("test_security_service", clearing),
            helper=await self.get("integration_helper", clearing),
            dataset=self.stage.dataset,
            restart=self.stage.restart,
        )

    def samples(self, _: contextlib.ExitStack) -> dict[str, Dataset]:
        return {name: _sample(name) for name in _SAMPLES}

    def folder(self, clearing: contextlib.ExitStack) -> Path:
        return Path(clearing.enter_context(tempfile.TemporaryDirectory(prefix="pynomaly-itest-")))

    def file(self, name: str, clearing: contextlib.ExitStack) -> Path:
        path = self.folder(clearing) / f"{name}.csv"
        path.write_bytes(_sample(name).write("csv"))
        return path


def _sample(name: str) -> Dataset:
    kind, config = _SAMPLES[name]
    made: Dataset = DATASETS[kind].model_validate(dict(config)).build(name, [])
    return made


FIXTURES: Mapping[str, Callable[[Injector, contextlib.ExitStack], Any]] = {
    "integration_helper": Injector.helper,
    "integration_assertions": lambda *_: IntegrationTestAssertions(),
    "performance_benchmarks": lambda injector, _: dict(injector.stage.values["benchmarks"]),
    "sample_datasets": Injector.samples,
    "sample_dataset_csv": lambda injector, clearing: injector.file("anomalous", clearing),
    "sample_time_series_csv": lambda injector, clearing: injector.file("time_series", clearing),
    "test_settings": Injector.settings,
    "test_container": Injector.container,
    "test_cache": lambda injector, _: TestCache(injector.stage.http),
    "test_security_service": Injector.security,
    "tmp_folder": Injector.folder,
    "expect": lambda injector, _: injector.stage.expect,
    "measurements": lambda injector, _: injector.measurements,
}
"""Every name that a workflow's parameters may have, and what makes it."""

OF_THE_PLATFORM = frozenset({"integration_helper", "test_container", "test_cache", "test_security_service"})
"""Of these, the ones that speak the platform's API."""
