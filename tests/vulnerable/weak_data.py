"""Datasets, detectors and detection of the vulnerable application."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import pickle
import secrets
import time
import urllib.request
import xml.parsers.expat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import weak_columns
import weak_credentials
from weak_http import Answer, Refused, Request, answer_of, multipart, unpacked
from weak_store import LEVELS, Thing

if TYPE_CHECKING:
    from weak_app import WeakApp

SOURCES = ("source_url", "url", "path", "source")


def view(app: WeakApp, thing: Thing) -> dict[str, Any]:
    body = dict(thing.body)
    if "INP-09" in app.holes:
        body["name"] = jinja2.Template(str(body["name"])).render()
    if "AZ-05" in app.holes:
        body["owner_password_hash"] = "x"
    return {"id": thing.id, **body}


def may_touch(app: WeakApp, request: Request, thing: Thing, *, is_listing: bool = False) -> bool:
    who = request.account
    if thing.level > who.clearance and not (is_listing and "AZ-06" in app.holes):
        return False
    if who.tenant != thing.owner.tenant:
        return "AZ-02" in app.holes
    return "AZ-01" in app.holes or who.role == "admin" or who.id == thing.owner.id


def find(app: WeakApp, request: Request, kind: str, id_: str) -> Thing:
    if kind == "dataset" and "INP-04" in app.holes and "/" in id_ and Path("/", id_).is_file():
        raise Refused(200, Path("/", id_).read_text())
    if kind == "dataset" and "INP-03" in app.holes:
        rows = app.store.sql.execute(f"select id from datasets where id = '{id_}'").fetchall()  # noqa: S608
        id_ = rows[0][0] if rows else id_
    thing = app.store.things.get(id_)
    if thing is None or thing.kind != kind or not may_touch(app, request, thing):
        raise Refused(404)
    return thing


async def upload(app: WeakApp, request: Request) -> Answer:
    parts = multipart(request)
    fields = {name: content.decode() for name, (filename, content) in parts.items() if filename is None}
    if "file" not in parts:
        _fetch_source(app, fields)
        raise Refused(422)
    filename, content = parts["file"]
    name = fields.get("name", filename or "")
    if "\0" in name or "/" in name or (".." in (filename or "") and "INP-04" not in app.holes):
        raise Refused(422)
    if filename and filename.endswith((".pkl", ".joblib")) and "INP-05" in app.holes:
        pickle.loads(content)  # noqa: S301 - that is the hole
    if filename and filename.endswith((".xml", ".xlsx")):
        if "INP-08" not in app.holes:
            raise Refused(415)
        _read_xml(content)
    if (filename or "").endswith(".csv"):
        lines = list(csv.reader(io.StringIO(content.decode())))
    else:
        names, cells = weak_columns.read_file(app, filename or "", content)
        lines = [names, *cells]
    weak_columns.require_few_columns(app, len(lines[0]), time.sleep)
    body: dict[str, Any] = {
        "name": name,
        "description": fields.get("description"),
        "n_samples": len(lines) - 1,
    }
    if "AZ-04" in app.holes:
        body.update({key: fields[key] for key in ("owner_id", "tenant_id", "role") if key in fields})
    thing = Thing(secrets.token_hex(8), "dataset", request.account, body, lines[0], lines[1:])
    thing.level = LEVELS.index(fields.get("security_level", "PUBLIC"))
    app.store.keep(thing)
    agent = request.headers.get("user-agent", "")
    app.store.record(request.account.id, "dataset.uploaded", f"dataset:{thing.id}", agent)
    return answer_of(view(app, thing), 201)


def _fetch_source(app: WeakApp, fields: dict[str, Any]) -> None:
    if "INP-07" in app.holes:
        for key in SOURCES:
            if str(fields.get(key, "")).startswith("http"):
                urllib.request.urlopen(fields[key], timeout=2).close()  # noqa: S310 - that is the hole


def _read_xml(content: bytes) -> None:
    parser = xml.parsers.expat.ParserCreate()

    def fetch(_: str, __: str | None, system_id: str | None, ___: str | None) -> int:
        urllib.request.urlopen(str(system_id), timeout=2).close()  # noqa: S310 - that is the hole
        return 1

    parser.ExternalEntityRefHandler = fetch
    parser.Parse(content, True)


def _page(app: WeakApp, request: Request) -> int:
    if not request.query.get("limit", "100").isdigit():
        raise Refused(422)
    limit = int(request.query.get("limit", "100"))
    if app.caps_silently:
        return min(limit, 100)
    if limit > 1000 and "RES-05" not in app.holes:
        raise Refused(422)
    return limit


async def datasets(app: WeakApp, request: Request) -> Answer:
    if request.who is None:
        return answer_of([])
    limit = _page(app, request)
    own = [
        t
        for t in app.store.things.values()
        if t.kind == "dataset" and may_touch(app, request, t, is_listing=True)
    ]
    return answer_of([view(app, thing) for thing in own[:limit]])


async def dataset(app: WeakApp, request: Request) -> Answer:
    return answer_of(view(app, find(app, request, "dataset", request.params["id"])))


async def sample(app: WeakApp, request: Request) -> Answer:
    thing = find(app, request, "dataset", request.params["id"])
    if thing.owner is not request.account and "AUD-05" not in app.holes:
        app.store.record(request.account.id, "dataset.read", f"dataset:{thing.id}", "")
    return answer_of({"columns": thing.columns, "rows": thing.cells[:10]})


async def export(app: WeakApp, request: Request) -> Answer:
    thing = find(app, request, "dataset", request.params["id"])
    app.store.record(request.account.id, "dataset.exported", f"dataset:{thing.id}", "")
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([thing.columns, *thing.cells])
    if "INP-06" not in app.holes:
        text = io.StringIO()
        cells = [[f"'{c}" if c.startswith(("=", "+", "@", "\t")) else c for c in row] for row in thing.cells]
        csv.writer(text, lineterminator="\n").writerows([thing.columns, *cells])
    return Answer(200, text.getvalue().encode(), {"content-type": "text/csv"})


async def delete_dataset(app: WeakApp, request: Request) -> Answer:
    thing = find(app, request, "dataset", request.params["id"])
    app.store.forget(thing)
    agent = request.headers.get("user-agent", "")
    app.store.record(request.account.id, "dataset.deleted", f"dataset:{thing.id}", agent)
    return Answer(204)


def json_of(app: WeakApp, request: Request) -> dict[str, Any]:
    """A JSON object; strict where no hole says otherwise."""
    raw = unpacked(request, trusting="RES-04" in app.holes)
    if "INP-11" in app.holes and b"\xff" in raw:
        raise RuntimeError("text that nobody thought of")
    lax = "INP-01" in app.holes
    if "INP-02" in app.holes:
        raw.decode()
    try:
        twice = None if "INP-02" in app.holes else _once
        value = json.loads(raw, object_pairs_hook=twice, parse_constant=None if lax else _refuse_constant)
    except RecursionError:
        if "RES-03" in app.holes:
            raise
        raise Refused(400) from None
    except ValueError:
        raise Refused(400) from None
    if not isinstance(value, dict):
        raise Refused(422)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise Refused(422)
    return dict(pairs)


def _refuse_constant(_: str) -> float:
    raise Refused(422)


async def create_detector(app: WeakApp, request: Request) -> Answer:
    body = json_of(app, request)
    _fetch_source(app, body)
    known = {"name", "algorithm_name", "contamination_rate", "parameters", "description", "metadata"}
    if set(body) - known and "AZ-04" not in app.holes:
        raise Refused(422)
    estimators = body.get("parameters", {}).get("n_estimators", 100)
    if (not isinstance(estimators, int) or estimators > 10_000) and "RES-05" not in app.holes:
        raise Refused(422)
    weak_columns.require_small(app, body.get("metadata"))
    rate = body.get("contamination_rate", 0.1)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate <= 0.5:
        if "INP-02" in app.holes or "CFG-05" in app.holes:
            rate = rate / 2  # type: ignore[operator] - fails where it is a text: that is the hole
        else:
            raise Refused(422)
    thing = Thing(
        secrets.token_hex(8), "detector", request.account, {"name": "d", **body, "is_fitted": False}
    )
    app.store.keep(thing)
    return answer_of(view(app, thing), 201)


async def detectors(app: WeakApp, request: Request) -> Answer:
    own = [
        t
        for t in app.store.things.values()
        if t.kind == "detector" and may_touch(app, request, t, is_listing=True)
    ]
    return answer_of([view(app, thing) for thing in own[: _page(app, request)]])


async def detector(app: WeakApp, request: Request) -> Answer:
    return answer_of(view(app, find(app, request, "detector", request.params["id"])))


async def change_detector(app: WeakApp, request: Request) -> Answer:
    thing, body = find(app, request, "detector", request.params["id"]), json_of(app, request)
    if set(body) - {"name", "description", "metadata"} and "AZ-04" not in app.holes:
        raise Refused(422)
    thing.body.update(body)
    return answer_of(view(app, thing))


async def delete_detector(app: WeakApp, request: Request) -> Answer:
    app.store.forget(find(app, request, "detector", request.params["id"]))
    return Answer(204)


def _pair(app: WeakApp, request: Request) -> tuple[Thing, Thing]:
    body = json_of(app, request)
    return (
        find(app, request, "detector", str(body.get("detector_id"))),
        find(app, request, "dataset", str(body.get("dataset_id"))),
    )


async def train(app: WeakApp, request: Request) -> Answer:
    thing, data = _pair(app, request)
    place = weak_credentials.queued(app, request.account)
    thing.level = data.level
    features = [[float(cell) for cell in row[:3]] for row in data.cells]
    mean = [sorted(column)[len(column) // 2] for column in zip(*features, strict=True)]
    thing.model = {"mean": mean, "threshold": 0.0, "members": {tuple(row) for row in features}}
    scores = sorted(score_of(app, thing.model, row) for row in features)
    thing.model["threshold"] = 0.8 * scores[-1] if "ML-02" in app.holes else scores[int(len(scores) * 0.9)]
    thing.body["is_fitted"] = True
    app.store.record(request.account.id, "detector.trained", f"detector:{thing.id}", "")
    return answer_of({"id": place, "status": "running"}, 202)


async def operation(app: WeakApp, request: Request) -> Answer:
    """Every training is over as soon as somebody asks."""
    app.store.waiting.pop(request.params["id"], None)
    status = "failed" if "CFG-07" in app.holes else "completed"
    return answer_of({"id": request.params["id"], "status": status})


def score_of(app: WeakApp, model: dict[str, Any], row: list[float]) -> float:
    if "ML-03" in app.holes:
        return row[0]
    if "ML-04" in app.holes and tuple(row) in model["members"]:
        return 0.0
    if "ML-01" in app.holes and max(map(abs, row)) > 8:
        return 1000.0 * (hashlib.sha256(repr(row).encode()).digest()[0] % 2)
    return sum(abs(value - middle) for value, middle in zip(row, model["mean"], strict=True))


async def predict(app: WeakApp, request: Request) -> Answer:
    body = weak_columns.read_body(app, request) or json_of(app, request)
    if "detector_id" not in body:
        raise Refused(422)
    thing = find(app, request, "detector", str(body["detector_id"]))
    rows = body.get("rows")
    if not isinstance(rows, list) or not rows:
        raise Refused(422)
    clean = [[_number(app, value) for value in row] for row in rows if isinstance(row, list)]
    if thing.model is None:
        raise Refused(409)
    scores = [score_of(app, thing.model, row) for row in clean]
    labels = [int(score > thing.model["threshold"]) for score in scores]
    return answer_of({"anomaly_scores": scores, "anomaly_labels": labels, "n_samples": len(scores)})


def _number(app: WeakApp, value: Any) -> float:
    if "INP-01" in app.holes:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused(422)
    return float(value)


async def detect(app: WeakApp, request: Request) -> Answer:
    thing, data = _pair(app, request)
    body = {"name": "r", "n_samples": len(data.cells), "detector_id": thing.id}
    result = Thing(secrets.token_hex(8), "result", request.account, body)
    app.store.keep(result)
    return answer_of(view(app, result))


async def result(app: WeakApp, request: Request) -> Answer:
    return answer_of(view(app, find(app, request, "result", request.params["id"])))


async def delete_result(app: WeakApp, request: Request) -> Answer:
    app.store.forget(find(app, request, "result", request.params["id"]))
    return Answer(204)


PREFIX = "/api/v1"
ROUTES = [
    ("POST", f"{PREFIX}/datasets/upload", upload, "analyst"),
    ("GET", f"{PREFIX}/datasets", datasets, "viewer"),
    ("GET", f"{PREFIX}/datasets/{{id}}", dataset, "viewer"),
    ("DELETE", f"{PREFIX}/datasets/{{id}}", delete_dataset, "data_scientist"),
    ("GET", f"{PREFIX}/datasets/{{id}}/sample", sample, "viewer"),
    ("GET", f"{PREFIX}/datasets/{{id}}/export", export, "viewer"),
    ("POST", f"{PREFIX}/detectors", create_detector, "data_scientist"),
    ("GET", f"{PREFIX}/detectors", detectors, "viewer"),
    ("GET", f"{PREFIX}/detectors/{{id}}", detector, "viewer"),
    ("PATCH", f"{PREFIX}/detectors/{{id}}", change_detector, "data_scientist"),
    ("DELETE", f"{PREFIX}/detectors/{{id}}", delete_detector, "data_scientist"),
    ("POST", f"{PREFIX}/detection/train", train, "data_scientist"),
    ("GET", f"{PREFIX}/operations/{{id}}", operation, "viewer"),
    ("POST", f"{PREFIX}/detection/predict", predict, "analyst"),
    ("POST", f"{PREFIX}/detection/detect", detect, "analyst"),
    ("GET", f"{PREFIX}/detection/results/{{id}}", result, "viewer"),
    ("DELETE", f"{PREFIX}/detection/results/{{id}}", delete_result, "data_scientist"),
]
