"""Pages of a profile's keys: those of the file, a scenario, a step and a gate, and the fields that steps share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pynomaly_itest.profile.file import (
    GateFile,
    ProfileFile,
    QuickFile,
    ScenarioFile,
    StepOptions,
    TargetFile,
)
from pynomaly_itest.reference.fields import type_of
from pynomaly_itest.reference.page import Page, Table, section
from pynomaly_itest.registry import STEPS

_PLACES = (
    ("a profile", ProfileFile),
    ("a profile's `quick`", QuickFile),
    ("`target`", TargetFile),
    ("a scenario", ScenarioFile),
    ("a step", StepOptions),
    ("a gate", GateFile),
)
_MEANINGS = {
    "version": "the version of the format, 1",
    "name": "what the profile is called: `run -p NAME`",
    "description": "what the profile is for, in a sentence",
    "vars": "values by name, for `${{ vars.NAME }}`; `--set vars.NAME=VALUE` changes one",
    "benchmarks": "limits by name, for gates: `latency_ms.p95 <= benchmarks.detection_latency_ms`",
    "datasets": "data by name, each of a `kind`; with `fixed: true` nothing may be put in its place",
    "target": "the settings with which the bundled platform is started; of a scenario: one of its own",
    "scenarios": "what is run: each with steps and gates",
    "title": "what reports show beside the id; a scenario's may look up `${{ matrix.NAME }}`",
    "setup": "steps before the others: where one fails, the others are not run",
    "steps": "what is done, in order",
    "timeout": "how long it may take, in seconds or with a unit (`20s`, `5min`); then it has failed",
}
_INSIDE = {
    "include": ("a list of steps, or cells of a matrix", "in `steps` the name of one of `step_lists`, or a file"),
    "exclude": ("cells of a matrix that are left out", "in `matrix`: a list of mappings of values"),
    "ids": ("what the cells of a matrix are called", "in `matrix`: a name for each cell, for `--scenario 'id[name]'`"),
    "kind": ("what a dataset is made of", "in `datasets.NAME`; `list datasets` shows the kinds"),
    "fixed": ("a dataset that neither --dataset nor --set may change", "in `datasets.NAME`: true or false"),
}  # fmt: skip


def keys() -> Iterator[Page]:
    """Each key once, with every place where it may stand."""
    rows: dict[str, list[tuple[str, str, str]]] = {}
    for place, model in _PLACES:
        schema = model.model_json_schema()
        for name, field in schema["properties"].items():
            meaning = str(field.get("description") or _MEANINGS.get(name, ""))
            rows.setdefault(name, []).append((place, type_of(field, schema.get("$defs", {})), meaning))
    for name, row in _of_steps().items():
        rows.setdefault(name, []).append(row)
    for name, told in rows.items():
        summary = _MEANINGS.get(name) or next((row[2] for row in told if row[2]), "a field of steps")
        yield Page("key", name, summary, section("Where", Table(("in", "takes", "meaning"), tuple(told))))
    for name, (summary, where) in _INSIDE.items():
        if name not in rows:
            yield Page("key", name, summary, section("Where", where))


def _of_steps() -> dict[str, tuple[str, str, str]]:
    """The fields of step kinds, with the kinds that have them; what the first of them says stands for all."""
    found: dict[str, list[tuple[str, Mapping[str, Any], Mapping[str, Any]]]] = {}
    for kind, step in STEPS.items():
        schema = step.model_json_schema()
        for name, field in schema.get("properties", {}).items():
            found.setdefault(name, []).append((kind, field, schema.get("$defs", {})))
    rows = {}
    for name, uses in found.items():
        kinds = ", ".join(f"`{kind}`" for kind, _, _ in uses)
        meaning = next((str(field["description"]) for _, field, _ in uses if field.get("description")), "")
        told = f"{meaning}; " if meaning else ""
        rows[name] = ("steps", type_of(uses[0][1], uses[0][2]), f"{told}of {kinds}")
    return rows
