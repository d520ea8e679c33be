"""The terms of a comparison: the flags that `compare`, `noise` and `run --baseline` share, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pynomaly_itest.errors import UsageError

if TYPE_CHECKING:
    from pynomaly_itest.comparison.outcome import Terms

Workload = Annotated[
    list[str] | None,
    typer.Option("--profile", "-p", help="Whose measured requests are asked; repeatable."),
]
Metrics = Annotated[
    str | None,
    typer.Option("--metric", help="p50, p95, p99, throughput, cpu, memory, peak_memory, start; by commas."),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="[METRIC=]2%", help="Smaller changes do not matter."),
]
Forbid = Annotated[
    list[str] | None, typer.Option("--forbid", metavar="[METRIC=]5%", help="So large a change must not pass.")
]
Budget = Annotated[str, typer.Option(help="How long pairs are measured at most: 120s, 5min.")]
Seconds = Annotated[
    float | None,
    typer.Option(
        min=0.2, max=60, help="How long the two are asked in each pair; else what the metrics need."
    ),
]
DEFAULT_WORKLOAD = ("compare",)
DEFAULT_BUDGET = "120s"


def terms_of(
    *,
    budget: str,
    seconds: float | None,
    seed: int,
    metric: str | None = None,
    ignore: Sequence[str] = (),
    forbid: Sequence[str] = (),
) -> Terms:
    """What is measured, for how long, and which change matters; raises UsageError."""
    from pynomaly_itest.comparison.metrics import wanted
    from pynomaly_itest.comparison.outcome import Terms
    from pynomaly_itest.profile.expression import parse_quantity

    try:
        budget_s = parse_quantity(budget, "s")
    except ValueError as problem:
        raise UsageError(f"--budget: {problem}", hint="write 120s or 5min") from problem
    if not 0 < budget_s <= 86_400:
        raise UsageError("--budget must be more than 0 and at most a day")
    return Terms(wanted(metric, ignore, forbid), budget_s, seconds, seed=seed)
