"""Labels of the same rows from two runs: quality is then paired row by row, which tells far more than two intervals."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict

from pynomaly_itest.comparison.figures import Figure
from pynomaly_itest.measure import Estimate, Labels
from pynomaly_itest.measure.labels import labels_difference
from pynomaly_itest.results import RunResult

_MOST_ROWS = 200_000


class KeptRows(BaseModel):
    """The labels of one evaluation, as the log has them. `save`: the name under which the step's result was saved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scenario: str
    save: str
    n: int
    actual: str
    found: str
    scores: str


Rows = Mapping[tuple[str, str], KeptRows]


def rows_of(run: RunResult) -> list[KeptRows]:
    """Every evaluation's labels."""
    return [
        KeptRows(
            scenario=scenario.id,
            save=rows.name,
            n=rows.n,
            actual=rows.actual,
            found=rows.found,
            scores=rows.scores,
        )
        for scenario in run.scenarios
        for rows in scenario.rows
        if rows.n <= _MOST_ROWS
    ]


def by_place(kept: Iterable[KeptRows]) -> Rows:
    """The labels by scenario and saved name."""
    return {(rows.scenario, rows.save): rows for rows in kept}


def paired_quality(base: Figure, before: Rows, after: Rows) -> Estimate | None:
    """How much higher the figure is than it was, on the same rows; None where they are not, or it is none of them."""
    save, _, metric = base.metric.partition(".")
    one, other = before.get((base.scenario, save)), after.get((base.scenario, save))
    if one is None or other is None or not metric:
        return None
    with contextlib.suppress(ValueError):  # a baseline that somebody edited
        return labels_difference(metric, _labels(one), _labels(other), confidence=base.confidence or 0.95)
    return None


def _labels(rows: KeptRows) -> Labels:
    return Labels.unpacked(rows.n, rows.actual, rows.found, rows.scores)
