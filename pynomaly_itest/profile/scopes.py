"""Which names an expression may use at a point of a scenario, and what they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pynomaly_itest.profile.matrix import Cell
from pynomaly_itest.profile.source import Source
from pynomaly_itest.shapes import Record, Scalar, Series, Shape, unit_of

CONSTANT_NAMES = ("benchmarks", "vars", "matrix", "run")
"""Names whose values the target has no part in: a gate on these alone could not fail by its doing."""

TARGET = Record(
    {
        "kind": Scalar("string"),
        "url": Scalar("string"),
        "version": Scalar("any"),
        "rss_mb": Series("mb", "resident memory of the target's process tree"),
        "cpu_percent": Series("%", "CPU of the target's process tree, in percent of one core"),
        "threads": Series("threads"),
        "descriptors": Series("descriptors"),
    },
    doc="the target as it is observed while the scenario runs",
)
RUN = Record({"id": Scalar("string"), "seed": Scalar("number")})


@dataclass
class Scope:
    """The names that exist so far; steps add theirs as they are read."""

    constants: Mapping[str, Shape]
    saved: dict[str, Shape] = field(default_factory=dict)
    saved_at: dict[str, Source] = field(default_factory=dict)

    def record(self, own: Shape | None = None) -> Record:
        """The names for an expression; a step's `expect` sees the step's own result before all others."""
        outer = {**self.constants, **self.saved}
        if isinstance(own, Record):
            return Record({**outer, **own.fields}, open=own.open)
        return Record(outer)

    def save(self, name: str, shape: Shape, source: Source) -> str | None:
        """Enter a step's result; returns what is wrong with the name, if anything is."""
        if name in self.constants:
            return f"{name!r} is the name of something else already"
        if name in self.saved_at:
            return f"{name!r} is saved on line {self.saved_at[name].place.line} already"
        self.saved[name] = shape
        self.saved_at[name] = source
        return None


def scenario_scope(
    benchmarks: Mapping[str, float], variables: Mapping[str, Any], cells: Sequence[Cell]
) -> Scope:
    """The names that exist before a scenario's first step."""
    return Scope(
        {
            "benchmarks": Record({name: Scalar("number", unit_of(name)) for name in benchmarks}),
            "vars": Record({name: shape_of_value(name, value) for name, value in variables.items()}),
            "matrix": Record({name: _over_cells(name, cells) for name in (cells[0] if cells else {})}),
            "run": RUN,
            "target": TARGET,
        }
    )


def shape_of_value(name: str, value: Any) -> Shape:
    """The shape of a value that is known already."""
    if isinstance(value, bool):
        return Scalar("boolean")
    if isinstance(value, int | float):
        return Scalar("number", unit_of(name))
    if isinstance(value, str):
        return Scalar("string")
    if isinstance(value, Mapping):
        return Record({str(key): shape_of_value(str(key), item) for key, item in value.items()})
    return Scalar("any")


def _over_cells(name: str, cells: Sequence[Cell]) -> Shape:
    """One shape for all cells: where their values are unlike, anything."""
    shapes = [shape_of_value(name, cell[name]) for cell in cells]
    return shapes[0] if all(shape == shapes[0] for shape in shapes) else Scalar("any")
