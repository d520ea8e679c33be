"""What a service at an address is, by what it answers: the kind, and as much of the `service:` block as it tells.

Nothing is guessed that turns a verdict round: what a high score means and which label marks an anomaly are for the
user to say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pynomaly_itest.errors import StepFailed
from pynomaly_itest.target.http import Http

_MOST_SHOWN = 100
_SCORES = ("scores", "score", "anomaly_scores", "anomaly_score", "decision_scores", "outlier_scores")
_LABELS = ("labels", "label", "anomaly_labels", "is_anomaly", "is_outlier", "outliers", "predictions")
_READY = ("/readyz", "/healthz", "/health/ready", "/health", "/ready", "/ping", "/livez")


@dataclass(frozen=True)
class Proposal:
    """A block, what was seen that speaks for it, and what the user has to say."""

    block: Mapping[str, Any]
    seen: tuple[str, ...]
    unclear: tuple[str, ...] = field(default=())


async def detect(http: Http) -> Proposal | None:
    """The kind of the service and its block; None where nothing of it is known."""
    for look in (_platform, _open_inference, _kserve, _mlflow, _described):
        found = await look(http)
        if found is not None:
            return found
    return None


async def _get(http: Http, path: str) -> Any:
    """The JSON at a path; None where there is none."""
    try:
        reply = await http.send("GET", path, timeout_s=10.0)
    except StepFailed:
        return None
    if reply.status != 200:
        return None
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return reply.body.decode(errors="replace")[:_MOST_SHOWN]


async def _platform(http: Http) -> Proposal | None:
    health = await _get(http, "/api/v1/health")
    algorithms = await _get(http, "/openapi.json") if isinstance(health, dict) else None
    paths = algorithms.get("paths") if isinstance(algorithms, dict) else None
    if isinstance(paths, dict) and "/api/v1/detection/predict" in paths:
        return Proposal({"adapter": "pynomaly"}, ("/openapi.json has /api/v1/detection/predict",))
    return None


async def _open_inference(http: Http) -> Proposal | None:
    server = await _get(http, "/v2")
    if not isinstance(server, dict) or "name" not in server:
        return None
    block = {"adapter": "oip-v2", "model": "NAME", "score": _unclear_score("OUTPUT", "OUTPUT")}
    seen = f"GET /v2 answers as the Open Inference Protocol does ({_short(server['name'])})"
    unclear = ("model: the model's name on the server", *_UNCLEAR)
    return Proposal(block, (seen,), unclear)


async def _kserve(http: Http) -> Proposal | None:
    models = await _get(http, "/v1/models")
    names = models.get("models") if isinstance(models, dict) else None
    if not isinstance(names, list) or not names or not isinstance(names[0], str):
        return None
    block: dict[str, Any] = {"adapter": "kserve-v1", "model": _short(names[0])}
    block |= {"score": _unclear_score("predictions[*].score", "predictions[*].label")}
    return Proposal(block, (f"GET /v1/models names {_short(names[0])}",), _UNCLEAR)


async def _mlflow(http: Http) -> Proposal | None:
    described = await _get(http, "/openapi.json")
    paths = described.get("paths") if isinstance(described, dict) else None
    by_name = isinstance(paths, dict) and "/invocations" in paths
    if not by_name and await _get(http, "/ping") is None:
        return None
    if not by_name and await _get(http, "/version") is None:
        return None
    block = {"adapter": "mlflow", "score": _unclear_score("predictions[*].score", "predictions[*].label")}
    return Proposal(block, ("/ping and /version or /invocations answer as MLflow's server does",), _UNCLEAR)


async def _described(http: Http) -> Proposal | None:
    """What an OpenAPI document says of a request that takes rows."""
    for where in ("/openapi.json", "/docs.json"):
        document = await _get(http, where)
        paths = document.get("paths") if isinstance(document, dict) else None
        found = _from_paths(where, paths, document) if isinstance(paths, dict) else None
        if found is not None:
            return found
    return None


def _from_paths(where: str, paths: Mapping[str, Any], document: Mapping[str, Any]) -> Proposal | None:
    for path, methods in paths.items():
        operation = methods.get("post") if isinstance(methods, dict) else None
        body = _body_of(operation, document)
        if isinstance(path, str) and "{" not in path and body is not None:
            ready = next((known for known in _READY if known in paths), None)
            block: dict[str, Any] = {"adapter": "mapping"}
            block |= {"ready": {"path": ready}} if ready is not None else {}
            fields = _answer_of(operation, document)
            scores = next((name for name in _SCORES if name in fields), "WHERE")
            labels = next((name for name in _LABELS if name in fields), "WHERE")
            block |= {"score": {"path": path, "body": body, **_unclear_score(scores, labels)}}
            return Proposal(block, (f"{where}: POST {_short(path)} takes rows",), _UNCLEAR)
    return None


_UNCLEAR = (
    "higher_is: anomalous or normal (scikit-learn's decision_function: normal)",
    "anomaly: the label that marks an anomaly (scikit-learn: -1, PyOD: 1)",
)


def _unclear_score(scores: str, labels: str) -> dict[str, Any]:
    return {"scores": scores, "labels": labels, "higher_is": "?", "anomaly": "?"}


def _resolved(schema: Any, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema, or what it refers to within the document."""
    for _ in range(8):
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        schema = document
        for part in reference[2:].split("/"):
            schema = schema.get(part) if isinstance(schema, dict) else None
    return schema if isinstance(schema, dict) else {}


def _json_schema(content: Any, document: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in ("content", "application/json", "schema"):
        content = content.get(key) if isinstance(content, dict) else None
    return _resolved(content, document)


def _body_of(operation: Any, document: Mapping[str, Any]) -> Any:
    """The template of a body that holds rows; None where the request takes none."""
    if not isinstance(operation, dict):
        return None
    schema = _json_schema(operation.get("requestBody"), document)
    own = _placeholder(schema, document)
    if own is not None:
        return own
    properties = schema.get("properties")
    for name, kind in properties.items() if isinstance(properties, dict) else ():
        held = _placeholder(_resolved(kind, document), document)
        if held is not None:
            return {_short(name): held}
    return None


def _placeholder(schema: Mapping[str, Any], document: Mapping[str, Any]) -> str | None:
    """$rows for a list of lists, $records for a list of objects."""
    items = _resolved(schema.get("items"), document) if schema.get("type") == "array" else {}
    return {"array": "$rows", "object": "$records"}.get(str(items.get("type")))


def _answer_of(operation: Any, document: Mapping[str, Any]) -> set[str]:
    responses = operation.get("responses") if isinstance(operation, dict) else None
    fine = responses.get("200") if isinstance(responses, dict) else None
    properties = _json_schema(fine, document).get("properties")
    return {str(name) for name in properties} if isinstance(properties, dict) else set()


def _short(text: Any) -> str:
    return "".join(ch for ch in str(text) if ch.isprintable())[:_MOST_SHOWN]
