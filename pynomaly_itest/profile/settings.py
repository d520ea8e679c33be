"""Values that several places may say, and which of them is heeded: the strongest, with where it came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pynomaly_itest.errors import Mistake, UsageError
from pynomaly_itest.profile.file import ProfileFile
from pynomaly_itest.profile.layers import Layer
from pynomaly_itest.profile.nodes import MappingNode, ScalarNode, YamlNode, mapping_at, plain
from pynomaly_itest.profile.overrides import (
    ENVIRONMENT_BENCHMARKS,
    ENVIRONMENT_SETTINGS,
    Assignment,
    Overrides,
    collect,
    environment_number,
    parse_assignment,
)
from pynomaly_itest.profile.source import Source
from pynomaly_itest.registry import did_you_mean

DEFAULT_BENCHMARKS: Mapping[str, float] = {
    "detection_latency_ms": 100,
    "training_time_seconds": 30,
    "memory_usage_mb": 512,
    "throughput_samples_per_second": 1000,
    "cache_hit_rate": 0.8,
    "accuracy_threshold": 0.7,
    "precision_threshold": 0.6,
    "recall_threshold": 0.6,
}
DEFAULT_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Setting:
    """A value, and which place said it last; `source` is set if that place is a file."""

    value: Any
    origin: str
    source: Source | None = None


Settings = dict[str, Setting]


@dataclass
class Strengths:
    """The values of one profile by strength: `weak` ones a scenario may override, `forced` ones it may not.

    Keys are dotted: `benchmarks.detection_latency_ms`, `vars.rows`, `target.settings.log_level`, `confidence`,
    `min_samples`, `datasets.normal.rows`.
    """

    weak: Settings
    forced: Settings

    def effective(self, own: Mapping[str, Setting] | None = None) -> Settings:
        """Everything as it is heeded, where `own` is what a scenario says itself."""
        return {**self.weak, **(own or {}), **self.forced}


def default_settings() -> Settings:
    """What holds where nobody says anything."""
    benchmarks = {
        f"benchmarks.{name}": Setting(value, "default") for name, value in DEFAULT_BENCHMARKS.items()
    }
    return {
        **benchmarks,
        "confidence": Setting(DEFAULT_CONFIDENCE, "default"),
        "min_samples": Setting(None, "default"),
        "require_checks": Setting(None, "default"),
    }


def layer_settings(layer: Layer, *, extended: bool) -> Settings:
    """What a profile file says."""
    kind = "extended profile" if extended else "profile"
    found: Settings = {}
    for section in ("benchmarks", "vars"):
        found.update(mapping_settings(mapping_at(layer.node, section), section, kind))
    target = mapping_at(layer.node, "target")
    found.update(mapping_settings(mapping_at(target, "settings"), "target.settings", kind))
    for key in ("confidence", "min_samples", "require_checks"):
        value = layer.node.entries.get(key)
        if isinstance(value, ScalarNode) and value.value is not None:
            found[key] = _said(value, layer.node.key_source(key), kind)
    return found


def quick_settings(layers: Iterable[Layer]) -> Settings:
    """What `--quick` sets: the variables below `quick` in any of the files, stronger than those beside it."""
    found: Settings = {}
    for layer in layers:
        variables = mapping_at(mapping_at(layer.node, "quick"), "vars")
        found.update(mapping_settings(variables, "vars", "--quick, profile"))
    return found


def mapping_settings(node: MappingNode | None, prefix: str, kind: str) -> Iterator[tuple[str, Setting]]:
    """Each entry of a mapping as a setting under the prefix."""
    for key, value in node.entries.items() if node else ():
        yield f"{prefix}.{key}", _said(value, node.key_source(key) if node else value.source, kind)


def forced_settings(overrides: Overrides, weak: Settings, mistakes: list[Mistake]) -> Settings:
    """What the environment and, stronger, the command line say; a name that nobody knows is a mistake."""
    found: Settings = {}
    for variable, name in ENVIRONMENT_BENCHMARKS.items():
        try:
            number = environment_number(overrides, variable)
        except UsageError as problem:
            collect(mistakes, problem)
            continue
        if number is not None:
            found[f"benchmarks.{name}"] = Setting(number, f"environment {variable}")
    for variable, name in ENVIRONMENT_SETTINGS.items():
        if overrides.environment.get(variable):
            found[f"target.settings.{name}"] = Setting(
                overrides.environment[variable], f"environment {variable}"
            )
    for text in overrides.set:
        try:
            assignment = parse_assignment(text)
            _check(assignment, weak)
        except UsageError as problem:
            collect(mistakes, problem)
            continue
        found[".".join(assignment.path)] = Setting(assignment.value, "command line --set")
    return found


def section(settings: Mapping[str, Setting], prefix: str) -> dict[str, Any]:
    """The values under a prefix, by the name behind it."""
    start = f"{prefix}."
    return {
        key.removeprefix(start): setting.value for key, setting in settings.items() if key.startswith(start)
    }


def _check(assignment: Assignment, weak: Settings) -> None:
    """The name must be one that something can use, the value one that the file could say."""
    key = ".".join(assignment.path)
    first = assignment.path[0]
    if first in ("benchmarks", "vars") and key not in weak:
        known = section(weak, first)
        noun = "benchmark" if first == "benchmarks" else "variable"
        raise UsageError(
            f"--set {assignment.text!r}: unknown {noun} {assignment.path[1]!r}",
            hint=did_you_mean(assignment.path[1], known),
        )
    if first == "datasets":
        return  # checked with the dataset's own model
    nested: Any = assignment.value
    for part in reversed(assignment.path):
        nested = {part: nested}
    _check_value(assignment, {"version": 1, "name": "override", **nested})


def _check_value(assignment: Assignment, document: dict[str, Any]) -> None:
    from pydantic import ValidationError

    try:
        ProfileFile.model_validate(document)
    except ValidationError as problem:
        said = problem.errors(include_url=False)[0]["msg"]
        message = said[0].lower() + said[1:]
        raise UsageError(f"--set {assignment.text!r}: {message}") from problem


def _said(value: YamlNode, source: Source, kind: str) -> Setting:
    return Setting(plain(value), f"{kind} {source.place.file}:{source.place.line}", source)
