"""Goes through the steps of a scenario and those inside of them: the one way for all who look for something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pynomaly_itest.profile.expression import lookup_in, resolve
from pynomaly_itest.profile.model import Scenario, StepCall
from pynomaly_itest.registry import STEPS
from pynomaly_itest.step_kind import StepKind


class Found(NamedTuple):
    """A step's kind by name, and its (unresolved) config."""

    kind: str
    config: Mapping[str, Any]

    @property
    def of(self) -> type[StepKind]:
        return STEPS[self.kind]


def calls_of(scenario: Scenario) -> tuple[StepCall, ...]:
    """Every step that the scenario may take, in the order of a run."""
    return (*scenario.setup, *scenario.steps, *scenario.catch, *scenario.finally_)


def walk(kind: str, config: Any) -> Iterator[Found]:
    """A step, and every step inside of it, outermost first."""
    found = Found(kind, config if isinstance(config, Mapping) else {})
    yield found
    for inner in inside(found):
        yield from walk(*inner)


def inside(step: Found) -> Iterator[Found]:
    """The steps right inside of a step, as its kind says where they stand."""
    for path in step.of.nested:
        values: list[Any] = [step.config]
        for part in path.split("."):
            found = [value[part] for value in values if isinstance(value, Mapping) and part in value]
            values = [
                item for value in found for item in (value if isinstance(value, list | tuple) else (value,))
            ]
        yield from (one for value in values if (one := _step(value, step.of.raw_nested)) is not None)


def as_known(config: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The config with its look-ups of these names resolved; one that asks for what only a run can tell stays."""
    return {name: _as_known(value, known) for name, value in config.items()}


def _as_known(value: Any, known: Mapping[str, Any]) -> Any:
    try:
        return resolve(value, lookup_in(known))
    except (KeyError, TypeError, ValueError):
        return value


def _step(value: Any, raw: str | None) -> Found | None:
    """`{kind: config}`, or the bare config of the kind `raw`; None for what is neither."""
    if not isinstance(value, Mapping) or not value:
        return None
    kind, config = next(iter(value.items()))
    if raw is not None and not (len(value) == 1 and isinstance(config, Mapping)):
        return Found(raw, value)
    if kind not in STEPS:
        return None
    if isinstance(config, str) and (field := STEPS[kind].shorthand):
        config = {field: config}
    return Found(kind, config if isinstance(config, Mapping) else {})
