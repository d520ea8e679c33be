"""What is stronger than a profile: the command line and the environment, parsed and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pynomaly_itest.errors import Mistake, ProfileError, UsageError
from pynomaly_itest.profile.finder import is_there
from pynomaly_itest.profile.nodes import YamlNode, plain
from pynomaly_itest.profile.yaml_reader import parse_yaml

ENVIRONMENT_BENCHMARKS = {
    "PYNOMALY_TEST_MAX_LATENCY_MS": "detection_latency_ms",
    "PYNOMALY_TEST_MIN_THROUGHPUT": "throughput_samples_per_second",
}
ENVIRONMENT_SETTINGS = {
    "PYNOMALY_TEST_DATABASE_URL": "database_url",
    "PYNOMALY_TEST_REDIS_URL": "redis_url",
}
ENVIRONMENT_DATA_DIR = "PYNOMALY_TEST_DATA_DIR"

_SETTABLE = "benchmarks.NAME, vars.NAME, target.settings.NAME, datasets.NAME.KEY, confidence or min_samples"


@dataclass(frozen=True)
class Overrides:
    """Everything that the caller lays over the profiles.

    `set`: texts `NAME=VALUE` of --set; `datasets`: texts `NAME=FILE[:LABEL]` of --dataset; `scenarios`: ids of
    --scenario; `tags`: the expression of -m; `words`: those of -k. With `shuffle_seed` the scenarios run in an
    order that this number decides. `service`: the file with the `service:` block. `environment` is handed in, never
    read here. `quick`: heed what the profiles say under that key.
    """

    set: Sequence[str] = ()
    datasets: Sequence[str] = ()
    tags: str | None = None
    words: str | None = None
    scenarios: Sequence[str] = ()
    shuffle_seed: int | None = None
    data_dir: Path | None = None
    service: Path | None = None
    quick: bool = False
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Assignment:
    """One --set: the path on its left, the YAML value on its right, and the text as it was given."""

    path: tuple[str, ...]
    node: YamlNode
    text: str

    @property
    def value(self) -> Any:
        return plain(self.node)


@dataclass(frozen=True)
class DatasetFile:
    """One --dataset: the profile's dataset `name` is read from this file instead."""

    name: str
    path: Path
    label: str | None


def parse_assignment(text: str) -> Assignment:
    """`benchmarks.detection_latency_ms=50`; the value is YAML. Raises UsageError."""
    left, equals, right = text.partition("=")
    path = tuple(part.strip() for part in left.split("."))
    if not equals or not all(path):
        raise UsageError(f"--set {text!r} is not NAME=VALUE", hint=f"NAME is {_SETTABLE}")
    if not _is_settable(path):
        raise UsageError(f"--set {text!r}: {left!r} can't be set", hint=f"settable are {_SETTABLE}")
    try:
        node = parse_yaml((right if right.strip() else "''").encode(), f"--set {left}")
    except ProfileError as problem:
        raise UsageError(
            f"--set {text!r}: the value is no YAML", hint=problem.mistakes[0].message
        ) from problem
    return Assignment(path, node, text)


def parse_dataset(text: str) -> DatasetFile:
    """`anomalous=../data/thyroid.csv:label`. Raises UsageError where it isn't NAME=FILE[:LABEL] or no file."""
    name, equals, rest = text.partition("=")
    if not equals or not name.strip() or not rest:
        raise UsageError(f"--dataset {text!r} is not NAME=FILE[:LABEL]")
    path, label = Path(rest), None
    if not is_there(path) and ":" in rest:
        file, _, column = rest.rpartition(":")
        path, label = Path(file), column or None
    if not is_there(path):
        raise UsageError(f"--dataset {name}: there is no file {path}", hint="is the path right?")
    return DatasetFile(name.strip(), path.resolve(), label)


def environment_number(overrides: Overrides, variable: str) -> float | None:
    """The number in an environment variable; None where it isn't set or empty. Raises UsageError."""
    text = overrides.environment.get(variable, "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not 0 <= number < float("inf"):
        raise UsageError(f"{variable}={text!r} is not a number of 0 or more")
    return number


def collect(mistakes: list[Mistake], problem: UsageError) -> None:
    """Enter a refusal among the other mistakes, so that all are told at once."""
    if isinstance(problem, ProfileError):
        mistakes.extend(problem.mistakes)
    else:
        mistakes.append(Mistake(problem.message, hint=problem.hint))


def _is_settable(path: tuple[str, ...]) -> bool:
    match path:
        case ("benchmarks" | "vars", _) | ("confidence",) | ("min_samples",):
            return True
        case ("target", "settings", _) | ("datasets", _, _):
            return True
        case _:
            return False
