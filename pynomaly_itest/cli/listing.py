"""`pynomaly-itest list …`: what there is to choose from, straight from the registries."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import typer


class Family(StrEnum):
    """What can be listed."""

    PROFILES = "profiles"
    SCENARIOS = "scenarios"
    STEPS = "steps"
    PROBES = "probes"
    FAULTS = "faults"
    GATES = "gates"
    METRICS = "metrics"
    ALGORITHMS = "algorithms"
    DATASETS = "datasets"
    ADAPTERS = "adapters"
    REPORTS = "reports"
    REQUIREMENTS = "requirements"


class Row(NamedTuple):
    name: str
    description: str


def list_(
    family: Annotated[Family, typer.Argument(help="What to list.")],
    profile: Annotated[
        list[str] | None, typer.Option("--profile", "-p", help="For scenarios: of these profiles.")
    ] = None,
) -> None:
    """List profiles, scenarios, steps, metrics, …"""
    rows = list(_rows(family, profile or []))
    if not rows:
        typer.echo(f"there are no {family.value}")
    width = min(max((len(row.name) for row in rows), default=0), 44)
    for row in rows:
        for line in _lines(row, width):
            typer.echo(line)


def _lines(row: Row, width: int) -> list[str]:
    """A row in one line; on a terminal in as many as it takes, the description below itself."""
    line = f"{row.name:<{width}}  {row.description}".rstrip()
    columns = shutil.get_terminal_size().columns
    if sys.stdout is None or not sys.stdout.isatty() or len(line) <= columns:
        return [line]
    indent = min(width + 2, columns // 3)
    return textwrap.wrap(line, columns, subsequent_indent=" " * indent, break_long_words=False)


def _rows(family: Family, profiles: list[str]) -> Iterator[Row]:
    from pynomaly_itest import registry

    kinds: dict[Family, registry.Registry[Any]] = {
        Family.STEPS: registry.STEPS,
        Family.DATASETS: registry.DATASETS,
        Family.ADAPTERS: registry.ADAPTERS,
        Family.PROBES: registry.PROBES,
        Family.FAULTS: registry.FAULTS,
        Family.REPORTS: registry.REPORTS,
    }
    if family in kinds:
        yield from (Row(name, kind.summary) for name, kind in kinds[family].items())
        return
    match family:
        case Family.PROFILES:
            yield from _profiles()
        case Family.SCENARIOS:
            yield from _scenarios(profiles)
        case Family.METRICS:
            yield from _metrics()
        case Family.GATES:
            yield from _gates()
        case Family.ALGORITHMS:
            yield from _algorithms()
        case Family.REQUIREMENTS:
            from pynomaly_itest.reference.kinds import requirements

            yield from (Row(page.name, page.summary) for page in requirements())


def _profiles() -> Iterator[Row]:
    from pynomaly_itest.profile.finder import profile_folders
    from pynomaly_itest.profile.loader import load

    for name in profile_folders().available():
        yield Row(name, load([name]).description)


def _scenarios(profiles: list[str]) -> Iterator[Row]:
    from pynomaly_itest.profile.finder import profile_folders
    from pynomaly_itest.profile.loader import load

    for name in profiles or profile_folders().available():
        for scenario in load([name]).scenarios:
            yield Row(scenario.id, f"{name}: {scenario.title}")


def _metrics() -> Iterator[Row]:
    """The names that a gate can ask about, by the step that gives them."""
    from pynomaly_itest.profile.scopes import TARGET
    from pynomaly_itest.registry import STEPS
    from pynomaly_itest.shapes import Record, Scalar, Series

    sources = {kind: STEPS[kind].shape({}) for kind in STEPS}
    for source, shape in {**sources, "target": TARGET}.items():
        if not isinstance(shape, Record):
            continue
        for name, field in shape.fields.items():
            match field:
                case Series(unit):
                    yield Row(f"{source}.{name}.<statistic>", f"in {unit}; p50, p95, p99.9, mean, max, n, …")
                case Scalar(type, unit):
                    yield Row(f"{source}.{name}", f"{type}{f' in {unit}' if unit not in (None, '1') else ''}")
                case _:
                    yield Row(f"{source}.{name}.…", "whatever the reply holds")


def _gates() -> Iterator[Row]:
    """What can be said in a gate; the grammar is one for `expect`, `gates` and `${{ … }}`."""
    yield Row("NAME <= LIMIT", "also < > >= == !=; judged with confidence where NAME is measured")
    yield Row("NAME in [A, B]", "also `not in`")
    yield Row('NAME matches "regex"', "for texts")
    yield Row("A and B, A or B, not A", "three-valued: no data never makes a pass")
    yield Row("resource_cleanup", "by itself: what a scenario created is gone afterwards")


def _algorithms() -> Iterator[Row]:
    from importlib import import_module

    for spec in import_module("pynomaly.detection").algorithms():
        yield Row(spec.name, f"{spec.platform_name}: {spec.title}")
