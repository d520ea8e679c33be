"""Pages of what a profile can name: steps, datasets, adapters, faults, report formats, requirements, algorithms."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import get_args

from pynomaly_itest.reference import examples
from pynomaly_itest.reference.fields import fields_table
from pynomaly_itest.reference.metrics import given_by
from pynomaly_itest.reference.page import Code, Page, Table, paragraphs, section
from pynomaly_itest.registry import ADAPTERS, DATASETS, FAULTS, REPORTS, STEPS

_BESIDE = "Beside the kind, any step takes `title`, `save`, `expect`, `timeout` and `as`."


def steps() -> Iterator[Page]:
    """Each step kind: what it does, its fields, what `save` gives to gates."""
    for name, kind in STEPS.items():
        example = examples.of_step(name)
        yield Page(
            "step",
            name,
            kind.summary,
            (
                *section("What it does", *paragraphs(kind)),
                *section("Fields", fields_table(kind.model_json_schema()), _BESIDE),
                *section("What it gives", Table(("name", "unit", "meaning"), given_by(name))),
                *section("Example", Code(example) if example else None),
            ),
        )


def datasets() -> Iterator[Page]:
    """Each dataset kind."""
    for name, kind in DATASETS.items():
        example = examples.of_dataset(name)
        yield Page(
            "dataset kind",
            name,
            kind.summary,
            (
                *section("What it is", *paragraphs(kind)),
                *section("Fields", fields_table(kind.model_json_schema())),
                *section("Example", Code(f"datasets:\n  {example}") if example else None),
            ),
        )


def adapters() -> Iterator[Page]:
    """Each kind of service that can be spoken to."""
    for name, kind in ADAPTERS.items():
        yield Page(
            "adapter",
            name,
            kind.summary,
            (
                *section("What it speaks to", *paragraphs(kind)),
                *section("Fields", fields_table(kind.model_json_schema())),
                *section("Example", Code(kind.example)),
            ),
        )


def faults() -> Iterator[Page]:
    """Each fault."""
    for name, kind in FAULTS.items():
        example = examples.of_fault(name)
        needs = ", ".join(f"`{need}`" for need in sorted(kind.needs))
        yield Page(
            "fault",
            name,
            kind.summary,
            (
                *section("What it does", *paragraphs(kind)),
                *section(
                    "What it needs", f"{needs}; where that is missing the step is skipped." if needs else None
                ),
                *section("Fields", fields_table(kind.model_json_schema())),
                *section("Example", Code(example) if example else None),
            ),
        )


def reports() -> Iterator[Page]:
    """Each report format."""
    for name, kind in REPORTS.items():
        command = f"pynomaly-itest run -p smoke --report {name}\npynomaly-itest report reports/latest --format {name}"
        yield Page(
            "report format",
            name,
            kind.summary,
            (
                *section("Where it lands", f"`{kind.filename}` in the run's folder, as {kind.media}."),
                *section("Example", Code(command, "console")),
            ),
        )


_REQUIREMENTS = {
    "redis": "A Redis server answers, at `$PYNOMALY_TEST_REDIS_URL` or at its usual place.",
    "database": "A PostgreSQL server answers, at `$PYNOMALY_TEST_DATABASE_URL` or at its usual place.",
    "bundled": "The tool starts the target (the bundled platform, or a service by `start:`): its processes are ours.",
}
_FOUND = {True: "It is found by trying.", False: "The service's adapter says it."}


def requirements() -> Iterator[Page]:
    """Each precondition that a scenario can name."""
    from pynomaly_itest.adapters.base import Capability
    from pynomaly_itest.profile.file import Requirement
    from pynomaly_itest.target.requirements import CHECKS

    named = {name: _REQUIREMENTS[name] for name in CHECKS}
    able = {
        name: f"The service has {Capability(name).means}."
        for name in get_args(Requirement)
        if name not in CHECKS
    }
    for name, summary in {**named, **able}.items():
        yield Page(
            "requirement",
            name,
            summary,
            section(
                "What becomes of it",
                f"{_FOUND[name in CHECKS]} Where it is not met the scenario is skipped, with the reason; a run in "
                "which everything was skipped is inconclusive.",
                Code(f"requires: [{name}]"),
            ),
        )


def algorithms() -> Iterator[Page]:
    """Each algorithm of the bundled platform; none where the platform is not installed."""
    for spec in import_module("pynomaly.detection").algorithms():
        yield Page(
            "algorithm",
            spec.name,
            f"{spec.title} (`{spec.platform_name}`)",
            section(
                "Example",
                Code(f"- create_detector: {{algorithm: {spec.name}, contamination: 0.1}}\n  save: detector"),
            ),
            also=(spec.platform_name,),
        )
