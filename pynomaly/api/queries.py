"""Query strings, typed as strictly as bodies."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from pynomaly.api.schemas import Id, Request


class PageQuery(Request, frozen=True, kw_only=True):
    """A window of a listing, newest first; `X-Total-Count` tells how many there are in all."""

    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100
    offset: Annotated[int, Meta(ge=0, le=10**9)] = 0


class ResultQuery(PageQuery, frozen=True, kw_only=True):
    """Only the results of one detector or dataset, if named."""

    detector_id: Id | None = None
    dataset_id: Id | None = None


class SampleQuery(Request, frozen=True, kw_only=True):
    """How many rows; with a seed at random, else the first."""

    n: Annotated[int, Meta(ge=1, le=10_000)] = 10
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] | None = None


class ExportQuery(Request, frozen=True, kw_only=True):
    """Which kind of file."""

    format: Annotated[str, Meta(pattern="^(csv|parquet|npy)$")] = "csv"
