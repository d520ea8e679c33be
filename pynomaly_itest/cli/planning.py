"""From the flags of `run` to a plan, from a plan to what `--dry-run` shows, and the command that runs it again."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from pynomaly_itest.cli.safety import probes_of
from pynomaly_itest.profile.loader import load
from pynomaly_itest.profile.model import Gate, Plan, Scenario, StepCall
from pynomaly_itest.profile.overrides import Overrides
from pynomaly_itest.redaction import Redactor


def make_plan(
    profiles: Sequence[str],
    *,
    set_: Sequence[str] = (),
    datasets: Sequence[str] = (),
    data_dir: Path | None = None,
    tags: str | None = None,
    words: str | None = None,
    scenarios: Sequence[str] = (),
    repeat: int = 1,
    shuffle_seed: int | None = None,
    quick: bool = False,
    service: Path | None = None,
) -> Plan:
    """The plan of these profiles and flags; raises UsageError, ProfileError or NothingSelected."""
    overrides = Overrides(
        set=tuple(set_),
        datasets=tuple(datasets),
        environment=dict(os.environ),
        tags=tags,
        words=words,
        scenarios=tuple(scenarios),
        data_dir=data_dir,
        shuffle_seed=shuffle_seed,
        quick=quick,
        service=service,
    )
    plan = load(list(profiles), overrides)
    if repeat == 1:
        return plan
    again = [
        replace(scenario, id=f"{scenario.id}#{number}")
        for number in range(1, repeat + 1)
        for scenario in plan.scenarios
    ]
    return replace(plan, scenarios=tuple(again))


def fitted_for_show(plan: Plan) -> Plan:
    """The plan as its service lets it run; secrets need not be set for that."""
    if plan.service is None:
        return plan
    from pynomaly_itest.adapters.binding import bind
    from pynomaly_itest.adapters.fitting import fitted

    class Pretended(dict[str, str]):
        def get(self, name: str, default: Any = None) -> Any:
            return super().get(name) or "not set"

    return fitted(plan, bind(plan.service, Pretended(os.environ), Redactor()))


def show_plan(plan: Plan, target: str) -> None:
    """`--dry-run`: what would run, and each effective value with its origin."""
    typer.echo(f"profile {plan.profile}: {plan.description}".rstrip(": "))
    typer.echo(f"target  {Redactor().text(target)}")
    typer.echo(f"\n{len(plan.scenarios)} scenarios ({plan.deselected} deselected):")
    for scenario in plan.scenarios:
        tags = f"  [{', '.join(scenario.tags)}]" if scenario.tags else ""
        typer.echo(f"  {scenario.id}{tags}")
        if scenario.unmet is not None:
            typer.echo(f"      skipped: {scenario.unmet}")
            continue
        for call in (*scenario.setup, *scenario.steps):
            typer.echo(f"      {call.kind}")
            if call.kind == "probe":
                _show_probes(call)
        _show_gates(scenario, plan)
    typer.echo("\neffective values:")
    width = max((len(origin.name) for origin in plan.origins), default=0)
    for origin in plan.origins:
        typer.echo(f"  {origin.name:<{width}}  {origin.value!s:<12}  {origin.origin}")


def _show_gates(scenario: Scenario, plan: Plan) -> None:
    """Each gate, with the samples that its comparisons need and get, as far as that is known beforehand."""
    from pynomaly_itest.foresight import Foresight, foresee_scenario

    foreseen: dict[Gate, list[Foresight]] = {}
    for each in foresee_scenario(scenario, plan.confidence, plan.min_samples or 1):
        foreseen.setdefault(each.gate, []).append(each)
    for gate in scenario.gates:
        typer.echo(f"      gate {gate.expression.text}")
        for each in foreseen.get(gate, ()):
            told = [] if each.is_enough else [f"warning: it can't pass with so few: {each.remedy}"]
            for line in (*each.summary(), *told):
                typer.echo(f"        {line}")


def _show_probes(call: StepCall) -> None:
    """Each probe, and each request that it may send."""
    from pynomaly_itest.probing.probe import SENT_FOR_ALL

    for probe in probes_of(call):
        typer.echo(f"        {probe.id}  {probe.summary}")
        for request in probe.sends:
            typer.echo(f"          {request}")
    typer.echo(f"        for actors and health: {', '.join(SENT_FOR_ALL)}")


def reproduction(
    profiles: Sequence[str],
    *,
    target: str,
    set_: Sequence[str],
    datasets: Sequence[str],
    seed: int,
    user: str | None,
    more: Mapping[str, Any],
) -> str:
    """A command that runs the same again, made of the flags that matter; never of the command line itself.

    more: the other flags by their names, of which those are taken that change what is done or what it counts for.
    """
    words = ["pynomaly-itest", "run"]
    for flag, values in (("-p", profiles), ("--set", set_), ("--dataset", datasets)):
        for value in values:
            words += [flag, value]
    if target != "bundled":
        words += ["--target", target]
    if user:
        words += ["--user", user]
    return Redactor().text(shlex.join([*words, *_that_matter(more), "--seed", str(seed)]))


_SWITCHES = ("quick", "isolate", "allow_disruptive")
_USUAL = {
    "data_dir": None,
    "service": None,
    "probe": None,
    "fail_on": "high",
    "require_checks": None,
    "waivers": None,
    "authorisations": None,
}


def _that_matter(flags: Mapping[str, Any]) -> list[str]:
    """Without these a scenario finds other files, is refused, or comes out otherwise."""
    words = [f"--{name.replace('_', '-')}" for name in _SWITCHES if flags.get(name)]
    for name, usual in _USUAL.items():
        said = flags.get(name, usual)
        if said is not None and said != usual:
            for value in said if isinstance(said, list | tuple) else [said]:
                words += [f"--{name.replace('_', '-')}", str(value)]
    return words
