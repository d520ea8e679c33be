"""Scoring without an end: a row a line in, a score a line out, in bounded memory.

Each line is a JSON list of numbers or an object by column name; each answer is {"index", "score", "label"}, or
{"index", "error"} for a line that can't be used, after which the stream goes on. Account, session and detector are
asked for again at each batch of lines: where one has ended, an {"index", "error"} that says so is the last answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from starlette.types import Receive

from pynomaly.api import schemas
from pynomaly.api.bodies import ClientGone, require_plain
from pynomaly.api.endpoint import Answer, Call, Endpoint, encode
from pynomaly.api.off_loop import SCORING, off_loop
from pynomaly.domain.datasets import Block
from pynomaly.domain.detections import ScoredRows
from pynomaly.domain.errors import (
    DimensionMismatch,
    Forbidden,
    InvalidInput,
    NotFound,
    PynomalyError,
    TooLarge,
    Unauthenticated,
)
from pynomaly.domain.permissions import Permission
from pynomaly.json_text import NO_JSON
from pynomaly.usecases.platform import principal_of
from pynomaly.usecases.predict import Predictor, find_predictor

MAX_LINE_BYTES = 1 << 20
_BATCH_LINES = 512
_decode_line = msgspec.json.Decoder(list[schemas.Value] | dict[str, schemas.Value]).decode


class StreamQuery(schemas.Request, frozen=True, kw_only=True):
    """Which detector scores."""

    detector_id: schemas.Id


class Scored(schemas.Reply, frozen=True, kw_only=True):
    """One row's score; `index` counts the lines that came, from 0."""

    index: int
    score: float
    label: int


class Refused(schemas.Reply, frozen=True, kw_only=True):
    """One line that couldn't be used."""

    index: int
    error: str
    code: str


async def stream(call: Call) -> Answer:
    """Score lines as they come."""
    require_plain(call.scope, 1 << 62)
    predictor = await off_loop(find_predictor, call.services.platform, call.caller, call.query.detector_id)
    watch = call.services.security.standing.watch(principal_of(call.caller))

    def score(lines: list[bytes], n_before: int) -> bytes:
        """As far as the caller may still use the detector, and it is still there."""
        caller = replace(call.caller, principal=watch.principal())
        call.services.platform.detector(caller, predictor.detector.id, Permission.DETECTION_RUN)
        return _score_lines(predictor, lines, n_before)

    return Answer(media_type=b"application/x-ndjson", pieces=_scored(score, _batches(call.receive)))


async def _scored(
    score: Callable[[list[bytes], int], bytes], batches: AsyncIterator[list[bytes]]
) -> AsyncIterator[bytes]:
    """The answers of each batch; where one is refused as a whole, that is the last line and the stream's end."""
    n_before = 0
    async for lines in batches:
        try:
            yield await SCORING.call(score, lines, n_before)
        except (Unauthenticated, Forbidden, NotFound) as refusal:
            yield encode(Refused(index=n_before, error=refusal.detail, code=refusal.code)) + b"\n"
            return
        n_before += len(lines)


async def _batches(receive: Receive) -> AsyncIterator[list[bytes]]:
    """The lines that came so far, at most _BATCH_LINES at a time; blank lines are no lines.

    Each byte is looked at once, in however small pieces a long line comes.
    """
    rest = bytearray()
    has_more = True
    while has_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        has_more = message.get("more_body", False)
        first, *others = message.get("body", b"").split(b"\n")
        rest += first
        lines = []
        if others:
            lines = [bytes(rest), *others[:-1]]
            rest = bytearray(others[-1])
        if len(rest) > MAX_LINE_BYTES:
            raise TooLarge(f"A line is over the limit of {MAX_LINE_BYTES} bytes.")
        if not has_more and rest:
            lines.append(bytes(rest))
        lines = [line for line in lines if line.strip()]
        for start in range(0, len(lines), _BATCH_LINES):
            yield lines[start : start + _BATCH_LINES]


def _score_lines(predictor: Predictor, lines: list[bytes], n_before: int) -> bytes:
    """All lines at once; if that can't be done, one by one, so that a bad line spoils only itself."""
    try:
        rows = _score(predictor, [_decode_line(line) for line in lines])
    except (PynomalyError, *NO_JSON):
        return b"".join(_score_line(predictor, line, n_before + i) for i, line in enumerate(lines))
    pairs = zip(rows.scores.tolist(), rows.labels.tolist(), strict=True)
    return b"".join(
        encode(Scored(index=index, score=score, label=label)) + b"\n"
        for index, (score, label) in enumerate(pairs, n_before)
    )


def _score_line(predictor: Predictor, line: bytes, index: int) -> bytes:
    try:
        rows = _score(predictor, [_decode_line(line)])
    except PynomalyError as error:
        return encode(Refused(index=index, error=error.detail, code=error.code)) + b"\n"
    except NO_JSON:
        return (
            encode(Refused(index=index, error="The line is not a row in JSON.", code="invalid-input")) + b"\n"
        )
    return encode(Scored(index=index, score=float(rows.scores[0]), label=int(rows.labels[0]))) + b"\n"


def _score(predictor: Predictor, rows: list[Any]) -> ScoredRows:
    if all(isinstance(row, list) for row in rows):
        try:
            matrix = np.array(rows)
        except ValueError:
            raise DimensionMismatch("Rows of different lengths.") from None
        if matrix.dtype.kind != "f":
            raise InvalidInput("A row as a list must be all numbers.")
        return predictor.predict(matrix).rows
    names = rows[0].keys() if isinstance(rows[0], dict) else ()
    if any(not isinstance(row, dict) or row.keys() != names for row in rows):
        raise InvalidInput("Rows of different forms.")
    columns = {}
    for name in names:
        columns[name] = np.empty(len(rows), object)
        columns[name][:] = [row[name] for row in rows]
    return predictor.predict(Block(columns, len(rows))).rows


ENDPOINTS = [
    Endpoint(
        method="POST", path="/api/v1/detection/stream", handler=stream, summary="Score rows as they come",
        tag="detection", permission=Permission.DETECTION_RUN, query=StreamQuery, media="application/x-ndjson",
        body_media={"application/x-ndjson": {"schema": {"type": "string"}}}, problems=(404, 409, 413, 415, 422),
    ),
]  # fmt: skip
