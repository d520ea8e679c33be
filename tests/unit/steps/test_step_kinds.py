"""Every kind of step, plug-ins among them, says what it does; what a kind doesn't say is taken for the worst."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pynomaly_itest.cli.safety import reason_for_permission
from pynomaly_itest.faulting.needs import needs_of
from pynomaly_itest.lifecycle.evidence import unasserted
from pynomaly_itest.profile.finder import ProfileFolders
from pynomaly_itest.profile.loader import load
from pynomaly_itest.profile.model import Plan
from pynomaly_itest.profile.overrides import Overrides
from pynomaly_itest.profile.walk import Found, inside, walk
from pynomaly_itest.registry import STEPS
from pynomaly_itest.step_kind import Evidence, Impact, StepKind
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.testing.checking import Checks

CONFIGS: dict[str, dict[str, Any]] = {
    "load": {"request": {"path": "/"}, "rate": "5/s", "duration": "5s"},
    "measure": {"step": {"request": {"path": "/"}}, "repeat": 3, "warmup": 0},
    "fault": {"inject": {"redis_gone": {"lasts": "1s"}}, "during": {"load": {"request": {"path": "/"}}}},
    "repeat": {"times": 2, "steps": [{"request": {"path": "/"}}]},
    "python": {"workflow": "nowhere.py::flow"},
}


class Silent(Step):
    """A plug-in's step that says nothing of itself."""

    async def run(self, context: StepContext) -> Values:
        return {}


@pytest.fixture
def plug_in() -> Iterator[None]:
    STEPS.register("silent")(Silent)
    yield
    del STEPS._kinds["silent"]


def plan_of(tmp_path: Path, *steps: str, **scenario: str) -> Plan:
    more = "".join(f"    {name}: {value}\n" for name, value in scenario.items())
    lines = "".join(f"      - {step}\n" for step in steps)
    (tmp_path / "p.yaml").write_text(
        f"version: 1\nname: p\ndatasets: {{d: {{kind: gaussian, rows: 9, features: 2}}}}\n"
        f"scenarios:\n  - id: a\n{more}    steps:\n{lines}"
    )
    return load([str(tmp_path / "p.yaml")], Overrides(), ProfileFolders((tmp_path,)))


def test_every_kind_answers_every_question(plug_in: None, tmp_path: Path) -> None:
    for name, kind in STEPS.items():
        assert issubclass(kind, StepKind), name
        for config in ({}, CONFIGS.get(name, {}), {"repeat": "${{ vars.x }}", "rate": "?", "every": "x"}):
            assert kind.offered_rate(config) >= 0, name
            assert isinstance(kind.evidence(config), Evidence), name
            assert isinstance(kind.speaks_platform(config, tmp_path), bool), name
            assert kind.disturbs(config) <= {"redis", "database", "disk", "clock"}, name
            assert kind.planned_samples(config) is None or kind.planned_samples(config).n >= 0, name
            assert next(each.kind for each in walk(name, config)) == name
        assert isinstance(kind.impact, Impact), name
        assert {type(kind.exclusive), type(kind.measures), type(kind.announces)} == {bool}, name
        assert not kind.measures or kind.nested, f"{name} measures, and has no request inside"


def test_the_tools_own_kinds_say_it_all() -> None:
    """None of them leaves an answer to the default, which is for those who don't say."""
    for name, kind in STEPS.items():
        said = {each for base in kind.__mro__ if base not in (Step, StepKind) for each in vars(base)}
        assert {"summary", "exclusive", "impact", "evidence", "offered_rate"} <= said, name


def test_a_kind_that_says_nothing_runs_alone_needs_permission_and_shows_nothing(
    plug_in: None, tmp_path: Path
) -> None:
    plan = plan_of(tmp_path, "silent: {}")
    (scenario,) = plan.scenarios
    assert scenario.exclusive
    assert scenario.needs_platform
    assert "doesn't say what it does" in str(reason_for_permission(plan))
    outcome = unasserted(scenario, Checks())
    assert outcome is not None
    assert "nothing judges" in str(outcome.reason)
    assert Silent.offered_rate({}) == math.inf


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("request: {path: /}", None),
        ("upload_dataset: {dataset: d}", None),
        ("retry: {step: {request: {path: /}}}", None),
        ("repeat: {times: 100, steps: [{request: {path: /}}]}", None),
        ("measure: {step: {request: {path: /}}, repeat: 5, warmup: 5}", None),
        ("measure: {step: {request: {path: /}}, repeat: 6, warmup: 5}", "more than 10 requests/s (measure)"),
        ("measure: {step: {request: {path: /}}, concurrency: 64, repeat: 3000}", "(measure)"),
        ("measure: {step: {request: {path: /}}, repeat: '${{ vars.few }}', warmup: 0}", None),
        ("measure: {step: {request: {path: /}}, repeat: '${{ vars.many }}', warmup: 0}", "(measure)"),
        ("measure: {step: {request: {path: /}}, repeat: 1, until: decided}", "(measure)"),
        ("repeat: {times: 2, steps: [{measure: {step: {request: {path: /}}}}]}", "(measure)"),
        (
            "retry: {step: {repeat: {times: 2, steps: [{measure: {step: {request: {path: /}}}}]}}}",
            "(measure)",
        ),
        ("side_by_side: {steps: [{request: {path: /}}, {request: {path: /}}]}", "(side_by_side)"),
        ("scaling: {step: {request: {path: /}}, field: path, sizes: [1, 2, 3]}", "(scaling)"),
        ("recovery: {request: {path: /}}", "(recovery)"),
        ("recovery: {request: {path: /}, every: 100ms}", None),
        ("load: {request: {path: /}, rate: 10/s, duration: 5s}", None),
        ("load: {request: {path: /}, rate: 600/min, duration: 5s}", None),
        ("load: {request: {path: /}, rate: 11/s, duration: 5s}", "(load)"),
        ("load: {request: {path: /}, rate: '${{ vars.many }}/s', duration: 5s}", "(load)"),
        ("load: {request: {path: /}, executor: constant-vus, vus: 1, duration: 5s}", "(load)"),
        ("load: {mix: [{request: {path: /}}], rate: 5/s, duration: 5s, shape: spike}", "(load)"),
        ("capacity: {request: {path: /}, objectives: {error_ratio: 0}, from: 1/s, to: 2/s}", "stress"),
        ("probe: {select: JWT-01}", "probes its security"),
        ("repeat: {times: 1, steps: [{probe: JWT-01}]}", "probes its security"),
        ("fault: {inject: {slow_clients: {lasts: 1s}}}", "breaks things on purpose"),
    ],
)
def test_permission_follows_from_what_a_step_does(tmp_path: Path, step: str, reason: str | None) -> None:
    told = reason_for_permission(plan_of(tmp_path, step, vars="{few: 5, many: 200}"))
    assert (told is None) is (reason is None), told
    assert reason is None or reason in str(told)


@pytest.mark.parametrize("phase", ["setup", "catch", "finally"])
def test_permission_is_asked_for_every_step_that_may_be_taken(tmp_path: Path, phase: str) -> None:
    plan = plan_of(tmp_path, "request: {path: /}", **{phase: "[{probe: JWT-01}]"})
    assert "probes its security" in str(reason_for_permission(plan))


def test_a_tag_asks_for_no_permission_and_gives_none(tmp_path: Path) -> None:
    assert reason_for_permission(plan_of(tmp_path, "request: {path: /}", tags="[stress]")) is None
    assert reason_for_permission(plan_of(tmp_path, "probe: JWT-01", tags="[smoke]")) is not None


def test_steps_inside_of_steps_are_found_wherever_they_stand() -> None:
    config = {
        "times": 1,
        "steps": [
            {
                "retry": {
                    "step": {"load": {"mix": [{"request": {"path": "/"}}, {"request": {"predict": {}}}]}}
                }
            },
            {"measure": {"step": {"request": {"path": "/x"}}}},
            {"probe": "JWT-01"},
        ],
    }
    kinds = [each.kind for each in walk("repeat", config)]
    assert kinds == ["repeat", "retry", "load", "request", "predict", "measure", "request", "probe"]
    assert list(walk("repeat", config))[-1].config == {"select": "JWT-01"}
    assert list(inside(Found("repeat", {"steps": "${{ vars.steps }}"}))) == []
    assert list(inside(Found("measure", {"step": {"nothing": {}}}))) == []


def test_a_fault_inside_of_another_step_has_its_own_platform(tmp_path: Path) -> None:
    fault = "{fault: {inject: {redis_gone: {lasts: 1s}}}}"
    (scenario,) = plan_of(tmp_path, f"repeat: {{times: 1, steps: [{fault}]}}").scenarios
    assert needs_of(scenario) == {"redis"}
    assert scenario.exclusive
