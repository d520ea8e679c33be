"""A small detection service of nobody's making here: an isolation forest behind `POST /predict`, on Starlette.

`flaw` names what is wrong with it, for tests that must find that. `serving` runs it in a thread, on a free port.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import uvicorn
from sklearn.ensemble import IsolationForest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY = "key-of-the-test-service"
FLAWS = (
    "sign flipped",
    "rows mixed up",
    "no authentication",
    "500 on malformed",
    "never loaded",
    "few trees",
)
COLUMNS = 4


def training_rows() -> Any:
    """(400, 4) float64: what the model was fitted on, elsewhere."""
    return np.random.default_rng(7).normal(size=(400, COLUMNS))


def test_rows() -> tuple[Any, Any]:
    """X: (300, 4), y: (300,), a tenth of it anomalies that are far off."""
    rng = np.random.default_rng(11)
    X = rng.normal(size=(300, COLUMNS))
    y = np.zeros(300, dtype=int)
    y[::10] = 1
    X[y == 1] += rng.choice([-4.0, 4.0], size=(30, COLUMNS))
    return X, y


def write_csv(path: Any) -> str:
    """The labelled rows as a file, with the label in the column `label`; gives FILE:COLUMN."""
    X, y = test_rows()
    names = [*(f"sensor_{number}" for number in range(COLUMNS)), "label"]
    lines = [
        ",".join(names),
        *(",".join([*map(repr, row.tolist()), str(label)]) for row, label in zip(X, y, strict=True)),
    ]
    path.write_text("\n".join(lines) + "\n")
    return f"{path}:label"


@dataclass
class Plain:
    """It answers `scores` as scikit-learn's decision_function gives them (higher is normal), and `labels` 1 or -1."""

    flaw: str | None = None
    key: str | None = None
    asked: int = 0
    model: Any = field(init=False)
    _served: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        trees = 1 if self.flaw == "few trees" else 50
        self.model = IsolationForest(
            n_estimators=trees,
            random_state=0,
            max_samples=8 if trees == 1 else "auto",
            contamination=0.02,
        ).fit(training_rows())

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/healthz", self.health),
                Route("/version", self.version),
                Route("/openapi.json", self.described),
                Route("/predict", self.predict, methods=["POST"]),
            ]
        )

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def described(self, request: Request) -> Response:
        rows = {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}
        asked = {"type": "object", "properties": {"data": rows}}
        said = {"type": "object", "properties": {"scores": {}, "labels": {}}}
        post = {
            "requestBody": {
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Asked"}}}
            },
            "responses": {"200": {"content": {"application/json": {"schema": said}}}},
        }
        paths = {"/healthz": {"get": {}}, "/predict": {"post": post}}
        return JSONResponse({"openapi": "3.1.0", "paths": paths, "components": {"schemas": {"Asked": asked}}})

    async def version(self, request: Request) -> Response:
        return JSONResponse({"build": "2.4.1"})

    async def predict(self, request: Request) -> Response:
        self.asked += 1
        if self.key and self.flaw != "no authentication" and request.headers.get("x-api-key") != self.key:
            return JSONResponse({"detail": "who are you?"}, 401)
        try:
            X = _rows(await request.json())
        except Exception:
            if self.flaw == "500 on malformed":
                return JSONResponse({"detail": "internal error"}, 500)
            return JSONResponse({"detail": "data must be rows of 4 numbers"}, 422)
        if self.flaw == "never loaded":
            return JSONResponse({"scores": [0.0] * len(X), "labels": [1] * len(X)})
        answer = self._answer(X)
        if self.flaw == "rows mixed up":
            answer = await self._of_another(answer)
        return JSONResponse(answer)

    def _answer(self, X: Any) -> dict[str, Any]:
        scores = self.model.decision_function(X)
        if self.flaw == "sign flipped":
            scores = -scores
        return {"scores": scores.tolist(), "labels": self.model.predict(X).tolist()}

    async def _of_another(self, answer: Any) -> Any:
        """The answer of whoever else is being served at the same moment, where there is anybody."""
        self._served.append(answer)
        try:
            await asyncio.sleep(0.002)
            return self._served[-1]
        finally:
            self._served = [each for each in self._served if each is not answer]


def _rows(document: Any) -> Any:
    X = np.asarray(document["data"], dtype=float)
    if X.ndim != 2 or X.shape[1] != COLUMNS or not np.isfinite(X).all():
        raise ValueError(X.shape)
    return X


@contextlib.contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an ASGI application on a free loopback port while the block runs; gives the base URL."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the service did not start")
        threading.Event().wait(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


if __name__ == "__main__":  # as a command that the tool starts: python plain.py PORT
    uvicorn.run(Plain(key=KEY).app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", ws="none")
