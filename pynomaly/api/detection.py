"""Routes of training, detection, prediction, evaluation and results."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from starlette.types import Scope

from pynomaly.api import queries, schemas
from pynomaly.api.bodies import JsonBody, content_type, header, read_body, read_query
from pynomaly.api.endpoint import JSON, Answer, Call, Endpoint, encode, json_answer
from pynomaly.api.off_loop import GENERAL, PARSING, SCORING, off_loop
from pynomaly.api.rows import ARROW_TYPES, JSON_TYPES, NPY_TYPES, Rows, npy_rows, rows_of
from pynomaly.api.views import evaluation_view, operation_view, result_view
from pynomaly.domain.datasets import Block
from pynomaly.domain.detections import ScoredRows, score_statistics
from pynomaly.domain.errors import UnsupportedMedia
from pynomaly.domain.permissions import Permission
from pynomaly.domain.ports import Page
from pynomaly.usecases.delete import delete_result
from pynomaly.usecases.detect import Answer as Remembered
from pynomaly.usecases.detect import Asked as Question
from pynomaly.usecases.detect import Detection, detect, may_detect, remembered, start_batch_detection
from pynomaly.usecases.evaluate import evaluate
from pynomaly.usecases.predict import Prediction, Predictor, find_predictor, predictor_at_hand
from pynomaly.usecases.train import start_training

MAX_INLINE_CELLS = 512
"""Up to this many cells a prediction takes less time than handing it to a thread would."""
MAX_INLINE_BYTES = 16_384
"""And up to this size reading a body does."""

PREDICT_PATH = "/api/v1/detection/predict"

_predict_body = JsonBody(schemas.PredictRequest)


class PredictQuery(schemas.Request, frozen=True, kw_only=True):
    """Where the rows come in a binary body, the detector is named here."""

    detector_id: schemas.Id


async def train(call: Call) -> Answer:
    """Start a training; poll the operation for its end."""
    body: schemas.TrainRequest = call.body
    operation = await off_loop(
        start_training, call.services.platform, call.caller, body.detector_id, body.dataset_id, seed=body.seed
    )
    location = f"/api/v1/operations/{operation.id}".encode()
    return json_answer(operation_view(operation), 202, ((b"location", location),))


async def detect_stored(call: Call) -> Answer:
    """Find the anomalies of a stored dataset."""
    body: schemas.DetectRequest = call.body
    metrics = call.services.metrics
    platform = call.services.platform
    known = await off_loop(_asked_before, call, body.detector_id, body.dataset_id)
    answer = known.answer
    if answer is None:
        answer = await SCORING.call(detect, platform, call.caller, known.question, _encoded_detection)
    (metrics.cache_hits if answer.is_cached else metrics.cache_misses).inc()
    return Answer(answer.body, headers=((b"x-cache", b"hit" if answer.is_cached else b"miss"),))


@dataclass(frozen=True, slots=True)
class _Known:
    """A question about a stored dataset, and its answer if that is remembered."""

    question: Question
    answer: Remembered | None


def _asked_before(call: Call, detector_id: str, dataset_id: str) -> _Known:
    """This computes nothing, so it waits behind nothing that does."""
    question = may_detect(call.services.platform, call.caller, detector_id, dataset_id)
    return _Known(question, remembered(call.services.platform, question))


def _encoded_detection(detection: Detection, is_cached: bool) -> bytes:
    return encode(result_view(detection.result, detection.rows, is_cached=is_cached))


async def detect_batch(call: Call) -> Answer:
    """Start a detection on several datasets; poll the operation for its end."""
    body: schemas.BatchRequest = call.body
    operation = await off_loop(
        start_batch_detection, call.services.platform, call.caller, body.detector_id, body.dataset_ids
    )
    location = f"/api/v1/operations/{operation.id}".encode()
    return json_answer(operation_view(operation), 202, ((b"location", location),))


async def predict(call: Call) -> Answer:
    """Score the rows of the body; nothing is kept."""
    started_s = time.perf_counter()
    media_type = content_type(call.scope)
    is_binary = header(call.scope, b"accept") == b"application/x-npy"
    if media_type not in JSON_TYPES:
        return await _predict_binary(call, media_type, started_s, is_binary=is_binary)
    content = await read_body(call.scope, call.receive, call.services.settings.max_body_bytes)
    if len(content) > MAX_INLINE_BYTES:
        return await SCORING.call(_predict_json, call, content, started_s, is_binary=is_binary)
    asked = _asked(call, content)
    predictor = await _predictor(call, asked.detector_id)
    return await _scored(call, predictor, asked.rows, started_s, is_binary=is_binary)


async def _predict_binary(call: Call, media_type: str, started_s: float, *, is_binary: bool) -> Answer:
    """The detector is found before the rows are read, and asked for again once they are there."""
    if media_type not in NPY_TYPES | ARROW_TYPES:
        raise UnsupportedMedia(
            f"Rows as {media_type[:60]!r} are not taken.",
            hint="Send application/json, application/x-npy or application/vnd.apache.arrow.stream.",
        )
    detector_id = read_query(call.scope, PredictQuery).detector_id
    await _predictor(call, detector_id)
    settings = call.services.settings
    content = await read_body(call.scope, call.receive, settings.max_body_bytes)
    rows: Rows
    if media_type in ARROW_TYPES:
        rows = await PARSING.call(call.services.platform.parsers.read_body, content, settings.body_limits)
    elif len(content) > MAX_INLINE_BYTES:
        rows = await SCORING.call(npy_rows, content, settings.body_limits)
    else:
        rows = npy_rows(content, settings.body_limits)
    predictor = await _predictor(call, detector_id)
    return await _scored(call, predictor, rows, started_s, is_binary=is_binary)


async def _predictor(call: Call, detector_id: str) -> Predictor:
    found = predictor_at_hand(call.services.platform, call.caller, detector_id)
    if found is None:
        found = await off_loop(find_predictor, call.services.platform, call.caller, detector_id)
    return found


async def _scored(
    call: Call, predictor: Predictor, rows: Rows, started_s: float, *, is_binary: bool
) -> Answer:
    """Scored here where that takes less time than handing it to a thread would."""
    if _n_cells(rows) <= MAX_INLINE_CELLS:
        return _predicted(call, predictor, rows, started_s, is_binary=is_binary)
    return await SCORING.call(_predicted, call, predictor, rows, started_s, is_binary=is_binary)


def line_of(scope: Scope) -> str | None:
    """Which threads a request most likely needs, as told before it is read; None where it needs none."""
    if scope["path"] != PREDICT_PATH:
        return GENERAL.line
    if content_type(scope) in ARROW_TYPES:
        return PARSING.line
    announced = header(scope, b"content-length")
    is_small = announced.isdigit() and int(announced) <= MAX_INLINE_BYTES
    return None if is_small else SCORING.line


def _predict_json(call: Call, content: bytes, started_s: float, *, is_binary: bool) -> Answer:
    """All of it in a thread, which is waited for once."""
    asked = _asked(call, content)
    predictor = find_predictor(call.services.platform, call.caller, asked.detector_id)
    return _predicted(call, predictor, asked.rows, started_s, is_binary=is_binary)


@dataclass(frozen=True, slots=True)
class _Asked:
    detector_id: str
    rows: Rows


def _asked(call: Call, content: bytes) -> _Asked:
    """What a JSON body asks for."""
    body: schemas.PredictRequest = _predict_body.decode(content)
    return _Asked(body.detector_id, rows_of(body, call.services.settings.body_limits))


def _n_cells(rows: Rows) -> int:
    return rows.n_rows * len(rows.columns) if isinstance(rows, Block) else rows.size


def _predicted(call: Call, predictor: Predictor, rows: Rows, started_s: float, *, is_binary: bool) -> Answer:
    prediction = predictor.predict(rows)
    call.services.metrics.rows_scored.inc(len(prediction.rows.scores))
    if is_binary:
        return _npy_answer(prediction.rows)
    return Answer(encode(_prediction_view(prediction, (time.perf_counter() - started_s) * 1e3)), 200, JSON)


def _prediction_view(prediction: Prediction, execution_time_ms: float) -> schemas.Detection:
    scores = prediction.rows.scores
    n_anomalies = int(np.count_nonzero(prediction.rows.labels))
    return schemas.Detection(
        id=None,
        detector_id=prediction.detector.id,
        dataset_id=None,
        model_version=prediction.model.version,
        timestamp=datetime.now(UTC),
        n_samples=len(scores),
        n_anomalies=n_anomalies,
        anomaly_rate=n_anomalies / max(1, len(scores)),
        threshold=prediction.model.threshold,
        execution_time_ms=execution_time_ms,
        score_statistics=score_statistics(scores) if len(scores) > 1 else {},
        anomaly_scores=scores.tolist(),
        anomaly_labels=prediction.rows.labels.tolist(),
    )


def _npy_answer(rows: ScoredRows) -> Answer:
    """Scores and labels as the two columns of an .npy matrix."""
    import io

    buffer = io.BytesIO()
    np.save(buffer, np.column_stack([rows.scores, rows.labels]))
    return Answer(buffer.getvalue(), media_type=b"application/x-npy")


async def evaluate_stored(call: Call) -> Answer:
    """Judge a detector by a dataset's target column."""
    body: schemas.EvaluateRequest = call.body
    found = await SCORING.call(
        evaluate, call.services.platform, call.caller, body.detector_id, body.dataset_id
    )
    return json_answer(evaluation_view(body.detector_id, body.dataset_id, found))


async def results(call: Call) -> Answer:
    """Results without their scores, newest first."""
    platform, query = call.services.platform, call.query
    scope = platform.scope(call.caller, Permission.RESULTS_READ)
    found = await off_loop(
        platform.results.list,
        scope,
        Page(query.limit, query.offset),
        detector_id=query.detector_id,
        dataset_id=query.dataset_id,
    )
    views = [result_view(result, None) for result in found.items]
    return json_answer(views, headers=((b"x-total-count", str(found.total).encode()),))


async def result(call: Call) -> Answer:
    """One result with its scores."""
    return json_answer(await SCORING.call(_result, call, call.path["id"]))


def _result(call: Call, result_id: str) -> Any:
    platform = call.services.platform
    found = platform.result_to_read(call.caller, result_id)
    parts = list(platform.scores.read(found.id))
    rows = ScoredRows(
        np.concatenate([part.scores for part in parts]), np.concatenate([part.labels for part in parts])
    )
    return result_view(found, rows)


async def delete(call: Call) -> Answer:
    """Delete a result."""
    await off_loop(delete_result, call.services.platform, call.caller, call.path["id"])
    return Answer(status=204)


_BINARY_ROWS = {
    "application/x-npy": {"schema": {"type": "string", "format": "binary"}},
    "application/vnd.apache.arrow.stream": {"schema": {"type": "string", "format": "binary"}},
}

ENDPOINTS = [
    Endpoint(
        method="POST", path=PREDICT_PATH, handler=predict, summary="Score rows", tag="detection",
        permission=Permission.DETECTION_RUN, body_media={"application/json": schemas.PredictRequest, **_BINARY_ROWS},
        reply=schemas.Detection, problems=(400, 404, 409, 413, 415, 422),
    ),
    Endpoint(
        method="POST", path="/api/v1/detection/detect", handler=detect_stored, summary="Find a dataset's anomalies",
        tag="detection", permission=Permission.DETECTION_RUN, body=schemas.DetectRequest, reply=schemas.Detection,
        problems=(400, 404, 409, 413, 422),
    ),
    Endpoint(
        method="POST", path="/api/v1/detection/train", handler=train, summary="Train a detector", tag="detection",
        permission=Permission.DETECTORS_WRITE, body=schemas.TrainRequest, reply=schemas.Operation, status=202,
        problems=(400, 404, 413, 422, 429, 503),
    ),
    Endpoint(
        method="POST", path="/api/v1/detection/detect/batch", handler=detect_batch,
        summary="Find the anomalies of several datasets", tag="detection", permission=Permission.DETECTION_RUN,
        body=schemas.BatchRequest, reply=schemas.Operation, status=202, problems=(400, 404, 409, 413, 422, 429, 503),
    ),
    Endpoint(
        method="POST", path="/api/v1/detection/evaluate", handler=evaluate_stored, summary="Judge a detector",
        tag="detection", permission=Permission.DETECTION_RUN, body=schemas.EvaluateRequest, reply=schemas.Evaluation,
        problems=(400, 404, 409, 413, 422),
    ),
    Endpoint(
        method="GET", path="/api/v1/detection/results", handler=results, summary="List results", tag="detection",
        permission=Permission.RESULTS_READ, query=queries.ResultQuery, reply=list[schemas.Detection], problems=(422,),
    ),
    Endpoint(
        method="GET", path="/api/v1/detection/results/{id}", handler=result, summary="Get a result", tag="detection",
        permission=Permission.RESULTS_READ, reply=schemas.Detection, problems=(404,),
    ),
    Endpoint(
        method="DELETE", path="/api/v1/detection/results/{id}", handler=delete, summary="Delete a result",
        tag="detection", permission=Permission.RESULTS_DELETE, status=204, problems=(404,),
    ),
]  # fmt: skip
