"""The platform in the test's own process, asked over HTTP without a socket; its worker pool is not started, so that
a test decides what runs when.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from pynomaly.app import Application, bootstrap, create_app
from pynomaly.detection import dump_model, parse_model, resolve
from pynomaly.domain.limits import DataLimits
from pynomaly.domain.permissions import Role, SecurityLevel
from pynomaly.security.foundation import SYSTEM
from pynomaly.settings import Settings
from pynomaly.storage.formats import open_rows
from pynomaly.workers.process import FittedModel

PASSWORD = "plain-orchid-ferry-41-lamp"
OTHER_PASSWORD = "velvet-tractor-mango-17"
ROWS = b"a,b\n1,2\n3,4\n5,7\n8,1\n2,2\n9,4\n"


class PlatformInProcess:
    """One platform on a folder of its own, with an operator called 'root'."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        password_file = folder / "password"
        password_file.write_text(PASSWORD)
        self.settings = Settings(
            data_dir=folder / "data",
            bootstrap_username="root",
            bootstrap_password_file=str(password_file),
            password_memory_kib=8,
            password_passes=1,
            rate_limit_login_per_minute=100_000,
            rate_limit_per_second=100_000,
            access_log=False,
            overload_target_s=0,
            **settings,
        )
        self.app: Application = create_app(self.settings)
        self.app.platform.parsers.rows = _parsed_here  # type: ignore[method-assign]  # no process to be waited for
        bootstrap(self.settings, self.app.foundations.security)
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(self.app)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://platform/api/v1")

    @property
    def platform(self) -> Any:
        return self.app.platform

    def close(self) -> None:
        self._runner.run(self._http.aclose())
        self._runner.close()
        self.app.foundations.engine.dispose()
        self.app.release()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._runner.run(self._http.request(method, path, **options))

    def run(self, work: Any) -> Any:
        """Run a coroutine on the platform's event loop."""
        return self._runner.run(work)

    @property
    def http(self) -> httpx.AsyncClient:
        return self._http

    def login(self, username: str = "root", password: str = PASSWORD, **form: str) -> Someone:
        data = {"username": username, "password": password, **form}
        answer = self.request("POST", "/auth/login", data=data)
        assert answer.status_code == 200, answer.text
        return Someone(self, {"authorization": f"Bearer {answer.json()['access_token']}"}, answer.json())

    def add(
        self,
        username: str,
        role: Role = Role.DATA_SCIENTIST,
        tenant: str = "default",
        clearance: SecurityLevel | None = None,
    ) -> Someone:
        auth = self.app.foundations.security.auth
        auth.create_user(username, PASSWORD, role, by=SYSTEM, tenant_id=tenant, clearance=clearance)
        return self.login(username)

    def work_off(self, process: Any = None) -> int:
        """Run what waits, here and now; returns how many jobs that were."""
        pool, n_done = self.platform.pool, 0
        while pool.n_waiting:
            pool._run(pool._queue.get(), process or FittingHere())
            n_done += 1
        return n_done

    def trained(self, owner: Someone, **fields: str) -> tuple[str, str]:
        """A detector and the dataset that it was trained on."""
        dataset, detector = owner.upload(**fields), owner.detector()
        owner.train(detector, dataset)
        self.work_off()
        return detector, dataset

    def with_key(self, key: str) -> Someone:
        return Someone(self, {"x-api-key": key}, {})


@contextmanager
def _parsed_here(file: BinaryIO, size_bytes: int, file_format: str, limits: DataLimits) -> Iterator[Any]:
    yield open_rows(file, file_format, limits)


class FittingHere:
    """A WorkerProcess that works in this thread; `before` is called with the name of each thing it is asked."""

    def __init__(self, before: Callable[[str], object] = lambda asked: None) -> None:
        self._before = before
        self._model: Any = None

    def fit(self, request: Any, matrix: Any, *, time_limit_s: float, on_progress: Any) -> FittedModel:
        self._before("fit")
        spec = resolve(request.algorithm)
        model = spec.fit(matrix, contamination=request.contamination, seed=request.seed)
        return FittedModel(dump_model(model), model.threshold, 0.0)

    def load(self, model: bytes) -> None:
        self._before("load")
        self._model = parse_model(model)

    def score(self, matrix: Any, *, time_limit_s: float) -> Any:
        self._before("score")
        return self._model.score(matrix)

    def halt(self) -> None: ...

    def resume(self) -> None: ...


class Someone:
    """Who makes requests, with a token or a key."""

    def __init__(self, platform: PlatformInProcess, headers: dict[str, str], tokens: dict[str, Any]) -> None:
        self._platform = platform
        self.headers = headers
        self.tokens = tokens

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.request("POST", path, json=json, **options)

    def patch(self, path: str, json: Any) -> httpx.Response:
        return self.request("PATCH", path, json=json)

    def delete(self, path: str) -> httpx.Response:
        return self.request("DELETE", path)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._platform.request(method, path, headers=self.headers, **options)

    @property
    def id(self) -> str:
        found: str = self.get("/auth/me").json()["id"]
        return found

    def key(self, *permissions: str) -> Someone:
        made = self.post("/auth/api-keys", {"name": "k", "permissions": list(permissions)})
        assert made.status_code == 201, made.text
        return self._platform.with_key(made.json()["api_key"])

    def sent_upload(self, content: bytes = ROWS, **fields: str) -> httpx.Response:
        return self.request("POST", "/datasets/upload", files={"file": ("rows.csv", content)}, data=fields)

    def sent_training(self, detector: str, dataset: str) -> httpx.Response:
        return self.post("/detection/train", {"detector_id": detector, "dataset_id": dataset})

    def upload(self, content: bytes = ROWS, **fields: str) -> str:
        answer = self.sent_upload(content, **fields)
        assert answer.status_code == 201, answer.text
        found: str = answer.json()["id"]
        return found

    def train(self, detector: str, dataset: str) -> str:
        answer = self.sent_training(detector, dataset)
        assert answer.status_code == 202, answer.text
        found: str = answer.json()["id"]
        return found

    def detector(self, **fields: Any) -> str:
        answer = self.post("/detectors", {"algorithm_name": "ecod", **fields})
        assert answer.status_code == 201, answer.text
        found: str = answer.json()["id"]
        return found
