"""A platform in a page, for steps: it behaves, unless a lie is named."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import httpx

from pynomaly_itest.datasets.base import Dataset
from pynomaly_itest.datasets.gaussian import Gaussian
from pynomaly_itest.events import TargetInfo
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.registry import STEPS
from pynomaly_itest.steps.base import Step, StepContext
from pynomaly_itest.target.base import Credentials
from pynomaly_itest.target.http import Http
from pynomaly_itest.target.platform import PlatformApi

DATA: Dataset = Gaussian(rows=50, features=3, contamination=0.1, seed=7).build("data", [])


@dataclass
class LyingPlatform:
    """Answers as the contract says; `lie` names the one thing that it does wrong.

    Its detector knows the labels, so its detections are perfect.
    """

    lie: str | None = None
    polls: int = 0
    seen: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1/")
        self.seen.append(f"{request.method} {path}")
        if self.lie == f"500 on {path}":
            return httpx.Response(500, json={"detail": "boom"})
        if self.lie == f"html on {path}":
            return httpx.Response(200, text="<html>", headers={"content-type": "text/html"})
        answer = {
            "POST datasets/upload": self._dataset,
            "POST detectors": lambda: {"id": "m1", "is_fitted": self.lie == "born fitted"},
            "GET detectors/m1": lambda: {"id": "m1", "is_fitted": self.lie != "never fitted"},
            "POST detection/train": lambda: (
                {} if self.lie == "no operation" else {"id": "o1", "status": "pending"}
            ),
            "GET operations/o1": self._operation,
            "POST detection/detect": lambda: self._detection(len(DATA.X)),
            "POST detection/predict": lambda: self._detection(self._rows(request)),
            "POST detection/evaluate": self._evaluation,
        }[f"{request.method} {path}"]()
        status = {"POST datasets/upload": 201, "POST detectors": 201, "POST detection/train": 202}
        content = json.dumps(answer).encode()  # not strict, as many a platform is: NaN goes through
        return httpx.Response(status.get(f"{request.method} {path}", 200), content=content)

    def _dataset(self) -> dict[str, Any]:
        rows = len(DATA.X) - (1 if self.lie == "loses a row" else 0)
        columns = DATA.X.shape[1] + (1 if self.lie == "trains on the target" else 0)
        found: dict[str, Any] = {
            "id": "d1",
            "n_samples": rows,
            "n_features": columns,
            "has_target": self.lie != "forgets the labels",
        }
        if self.lie == "no dataset id":
            del found["id"]
        return found

    def _operation(self) -> dict[str, Any]:
        self.polls += 1
        if self.lie == "hangs in training":
            return {"id": "o1", "status": "running"}
        if self.lie == "unknown state":
            return {"id": "o1", "status": "dreaming"}
        if self.lie == "training fails":
            return {"id": "o1", "status": "failed", "error": "out of memory"}
        if self.polls < 3:
            return {"id": "o1", "status": "running"}
        return {"id": "o1", "status": "completed", "result": {"training_time_seconds": 0.5}}

    def _rows(self, request: httpx.Request) -> int:
        rows = len(json.loads(request.content)["rows"])
        return rows + 1 if self.lie == "scores a row too many" else rows

    def _detection(self, rows: int) -> dict[str, Any]:
        assert DATA.labels is not None
        labels = [int(label) for label in DATA.labels[:rows]]
        labels += [0] * (rows - len(labels))
        scores = [float(label) + 0.25 for label in labels]
        if self.lie == "nan score":
            return {"n_samples": rows, "n_anomalies": sum(labels), "anomaly_labels": labels,
                    "anomaly_scores": ["NaN", *scores[1:]]}  # fmt: skip
        if self.lie == "drops a score":
            scores = scores[:-1]
        if self.lie == "swaps labels":
            labels = labels[1:] + labels[:1]
        count = sum(labels) + (1 if self.lie == "miscounts" else 0)
        if self.lie == "endless score":
            scores[0] = cast(float, 10**400)
        if self.lie == "scores nothing":
            rows, scores, labels, count = 0, [], [], 0
        return {
            "id": "r1",
            "detector_id": "m2" if self.lie == "another detector" else "m1",
            "dataset_id": "d2" if self.lie == "another dataset" else "d1",
            "anomaly_rate": 0.5 if self.lie == "embellishes the rate" else round(count / max(rows, 1), 2),
            "threshold": {"too low": 0.1, "too high": 2.0}.get(self.lie or "", 1.0),
            "n_samples": rows,
            "n_anomalies": count,
            "anomaly_labels": labels,
            "anomaly_scores": scores,
            "cached": False,
        }

    def _evaluation(self) -> dict[str, Any]:
        true = {
            "accuracy": 1.0,
            "precision": 1.0,
            "recall": 1.0,
            "f1": 1.0,
            "roc_auc": 1.0,
            "average_precision": 1.0,
        }
        lies = {"embellishes": 0.99, "nan accuracy": float("nan"), "endless accuracy": 10**400}
        return {**true, "accuracy": lies[self.lie]} if self.lie in lies else true


@dataclass
class Entered:
    """A ledger that remembers."""

    entries: list[str] = field(default_factory=list)

    def created(self, kind: str, id: str, path: str) -> None:  # noqa: A002 - the ledger's word
        self.entries.append(path)


class Clock:
    """A clock that moves by what is slept, and a little at every look."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class _Nothing:
    info = TargetInfo(kind="url", url="http://platform")

    def root_pid(self) -> int | None:
        return None


def run_step(
    kind: str,
    config: Mapping[str, Any],
    platform: Callable[[httpx.Request], httpx.Response],
    *,
    ledger: Entered | None = None,
    expected: frozenset[str] = frozenset(),
    kept: list[Any] | None = None,
    prepare: Callable[[Mapping[str, Any]], Step] | None = None,
) -> dict[str, Any]:
    """Run one step against the platform, as a scenario would; gives its values."""

    def prepared(call: Mapping[str, Any]) -> Step:
        name, inner = next(iter(call.items()))
        return cast(Step, STEPS[name].model_validate(inner))

    async def dataset(name: str) -> Dataset:
        return DATA

    async def go() -> dict[str, Any]:
        redactor, clock = Redactor(), Clock()
        async with httpx.AsyncClient(
            transport=httpx.MockTransport(platform), base_url="http://platform"
        ) as client:
            http = Http(client, redactor, "run", clock=clock)
            context = StepContext(
                http=http,
                api=PlatformApi(http, Credentials(token="token-of-the-test"), redactor),
                ledger=ledger or Entered(),
                dataset=cast(Callable[[str], Awaitable[Dataset]], dataset),
                prepare=prepare or prepared,
                progress=lambda text: None,
                clock=clock,
                sleep=clock.sleep,
                seed=3,
                label="test",
                scene=cast(Any, SimpleNamespace(values={})),
                target=cast(Any, _Nothing()),
                probing=cast(Any, None),
                find=lambda finding: None,
                keep=(lambda values: None) if kept is None else kept.append,
                expected=expected,
            )
            return await prepared({kind: config}).run(context)

    return asyncio.run(go())
