"""Score rows of a dataset on any service: what every other measurement of detection is made of."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from pynomaly_itest.adapters.fitting import OWN_ROWS
from pynomaly_itest.datasets.rows import Rows
from pynomaly_itest.errors import CannotMeasure, NotApplicable
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values

if TYPE_CHECKING:
    from pynomaly_itest.load import Endpoint

_LOAD_BODIES = 64
"""How many different bodies a load draws from: prepared once, so that making them costs nothing under load."""


@STEPS.register("score")
class ScoreStep(Step):
    """Send rows for scoring, the way the service's adapter says, and read scores and labels from the answer.

    Without `rows` all rows of the dataset are sent, in their order. As load, 64 requests with different rows are
    drawn from; `verify` compares scores and labels with what the same rows are answered alone.
    """

    summary: ClassVar[str] = "score rows on any service, by its adapter"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY
    needs_platform: ClassVar[bool] = False
    dataset_fields: ClassVar[tuple[str, ...]] = ("dataset",)

    model: str | None = Field(None, description="the model's id, where the service has several")
    dataset: str | None = Field(
        None, description="a name from the profile's `datasets`; without one, the service's own `data`"
    )
    rows: int | None = Field(None, ge=1, le=1_000_000, description="how many rows; without it, all")
    draw: Literal["first", "random"] = Field("random", description="random: other rows in every request")
    format: Literal["json", "npy"] = Field("json", description="npy: in binary, where the service takes that")
    timeout_s: float = Field(60.0, gt=0)

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.REPLIES

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return Record(
            {
                "n_samples": Scalar("number", "1"),
                "n_anomalies": Scalar("number", "1"),
                "anomaly_rate": Scalar("number", "1"),
                "latency_ms": Scalar("number", "ms"),
                "requests": Scalar("number", "1", "in how many requests the rows went"),
                "threshold": Scalar("any", doc="the score from which on a row is an anomaly, or null"),
                "scores": Scalar(
                    "any", doc="a score for each row, higher is more anomalous; null where there are none"
                ),
                "labels": Scalar(
                    "any", doc="1 for each row that is an anomaly, else 0; null where there are none"
                ),
                "cached": Scalar("boolean"),
            }
        )

    @classmethod
    def needs(cls, config: Mapping[str, Any]) -> tuple[str, ...]:
        return ("score",)

    async def run(self, context: StepContext) -> Values:
        rows = await self._chosen(context, context.seed)
        scored = await context.service.score(
            rows, model=self.model, compact=self.format == "npy", timeout_s=self.timeout_s
        )
        labels = scored.reply.labels
        found = (
            {} if labels is None else {"n_anomalies": sum(labels), "anomaly_rate": sum(labels) / len(labels)}
        )
        return {
            **found,
            "n_samples": len(rows),
            "latency_ms": scored.latency_ms,
            "requests": scored.requests,
            "threshold": scored.reply.threshold,
            "scores": _listed(scored.reply.scores),
            "labels": _listed(labels),
            "cached": scored.is_cached,
        }

    async def endpoint(self, context: StepContext, *, name: str, weight: float) -> Endpoint:
        """The same request for load: bodies with different rows, each answer to have a score for every row."""
        from pynomaly_itest.load import Check, Endpoint
        from pynomaly_itest.load.answers import Tolerance

        adapter = context.service.adapter
        count = _LOAD_BODIES if self.draw == "random" and self.rows is not None else 1
        asked = []
        for number in range(count):
            rows = await self._chosen(context, context.seed + number)
            if adapter.most_rows is not None and len(rows) > adapter.most_rows:
                raise NotApplicable(
                    f"a load sends single requests, and {len(rows)} rows are more than the {adapter.most_rows} that "
                    "one may carry (`most_rows`)"
                )
            asked.append(adapter.score_request(rows, model=self.model, compact=self.format == "npy"))
        picks = adapter.answers.picks
        tolerance = adapter.answers.tolerance
        return Endpoint(
            name=name,
            method=asked[0].method,
            path=asked[0].path,
            headers=tuple({**asked[0].headers, **await context.api.authorization()}.items()),
            bodies=tuple(each.body for each in asked),
            weight=weight,
            picks=dict(picks),
            tolerance=Tolerance(tolerance.relative, tolerance.absolute),
            checks=tuple(
                Check(pick=expression, operator="series", value=len(rows)) for expression in picks.values()
            ),
        )

    async def _chosen(self, context: StepContext, seed: int) -> Rows:
        """The rows to send: the first ones, or from a random place on, wrapping around at the end."""
        name = OWN_ROWS if self.dataset is None else self.dataset
        if self.dataset is None and context.service.adapter.trains:
            raise CannotMeasure("the step names no dataset, and the platform has none of its own")
        table = await context.dataset(name)
        if self.rows is None:
            return Rows.of(table)
        start = random.Random(seed).randrange(len(table.X)) if self.draw == "random" else 0  # noqa: S311 - no secret
        return Rows.of(table, range(start, start + self.rows))


def _listed(values: Any) -> list[Any] | None:
    return None if values is None else list(values)
