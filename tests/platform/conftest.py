"""The real server as a child process, on SQLite and memory or on PostgreSQL and Redis, with accounts to use it."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

PASSWORD = "plain-orchid-ferry-41-lamp"
POSTGRES = os.environ.get("PYNOMALY_TEST_DATABASE_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/test")
REDIS = os.environ.get("PYNOMALY_TEST_REDIS_URL", "redis://127.0.0.1:6379/0")
DEADLINE_S = 60
_NO_TLS = ssl.SSLContext(
    ssl.PROTOCOL_TLS_CLIENT
)  # loopback only; loading the usual certificates takes 40 ms a client


@dataclass
class Server:
    """One server process and its data folder, which outlives it."""

    data_dir: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    url: str = ""
    opened: list[httpx.Client] = field(default_factory=list)

    def open(self, **headers: str) -> httpx.Client:
        """A client without credentials, or with these headers; closed with the server."""
        client = httpx.Client(
            base_url=f"{self.url}/api/v1",
            timeout=DEADLINE_S,
            trust_env=False,
            headers=headers,
            verify=_NO_TLS,
        )
        self.opened.append(client)
        return client

    def start(self) -> None:
        port_file, password_file = self.data_dir / "port", self.data_dir / "password"
        port_file.unlink(missing_ok=True)
        password_file.write_text(PASSWORD)
        environment = os.environ | {
            "PYNOMALY_BOOTSTRAP_USERNAME": "admin",
            "PYNOMALY_BOOTSTRAP_PASSWORD_FILE": str(password_file),
            "PYNOMALY_RATE_LIMIT_LOGIN_PER_MINUTE": "100000",
            "PYNOMALY_RATE_LIMIT_PER_SECOND": "100000",
            **self.environment,
        }
        command = [sys.executable, "-m", "pynomaly", "serve", "--port", "0", "--port-file", str(port_file)]
        with (self.data_dir / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--data-dir", str(self.data_dir / "data")], env=environment, stderr=log, stdout=log
            )
        wait_until(lambda: port_file.exists() or self.process.poll() is not None)
        assert port_file.exists(), self.log[-2_000:]
        self.url = f"http://127.0.0.1:{port_file.read_text().strip()}"

    def wait_ready(self) -> None:
        client = self.open()
        wait_until(lambda: client.get("/health/ready").status_code == 200)

    def stop(self, number: int = signal.SIGTERM) -> int:
        for client in self.opened:
            client.close()
        self.opened.clear()
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE_S)
        self.process = None
        return code

    @property
    def log(self) -> str:
        return (self.data_dir / "log").read_text()

    def client(self, username: str = "admin", password: str = PASSWORD) -> Client:
        http = self.open()
        answer = http.post("/auth/login", data={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        http.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
        return Client(http, answer.json())

    def new_user(self, role: str) -> Client:
        name = f"{role[:6]}-{secrets.token_hex(4)}"
        made = self.client().http.post(
            "/admin/users", json={"username": name, "password": PASSWORD, "role": role}
        )
        assert made.status_code == 201, made.text
        return self.client(name)


@dataclass
class Client:
    """A logged-in client and the steps that most tests begin with."""

    http: httpx.Client
    tokens: dict[str, Any]

    def upload(self, content: bytes, filename: str = "rows.csv", **fields: str) -> dict[str, Any]:
        answer = self.http.post("/datasets/upload", files={"file": (filename, content)}, data=fields)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def upload_rows(self, rows: np.ndarray) -> dict[str, Any]:
        buffer = io.BytesIO()
        np.save(buffer, rows)
        return self.upload(buffer.getvalue(), "rows.npy")

    def detector(self, algorithm: str = "ecod", **fields: Any) -> dict[str, Any]:
        answer = self.http.post("/detectors", json={"algorithm_name": algorithm, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def finished(self, operation: httpx.Response) -> dict[str, Any]:
        assert operation.status_code == 202, operation.text
        path = f"/operations/{operation.json()['id']}"
        wait_until(lambda: self.http.get(path).json()["status"] not in ("pending", "running"))
        return self.http.get(path).json()

    def train(self, detector_id: str, dataset_id: str) -> dict[str, Any]:
        return self.finished(
            self.http.post("/detection/train", json={"detector_id": detector_id, "dataset_id": dataset_id})
        )

    def trained(self, rows: np.ndarray, algorithm: str = "ecod") -> tuple[str, str]:
        dataset, detector = self.upload_rows(rows)["id"], self.detector(algorithm)["id"]
        operation = self.train(detector, dataset)
        assert operation["status"] == "completed", operation
        return detector, dataset


def wait_until(condition: Any, deadline_s: float = DEADLINE_S) -> None:
    """Poll a real process: the one place where tests wait for the clock."""
    ends_at_s = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < ends_at_s, "waited too long"
        time.sleep(0.02)


@contextlib.contextmanager
def postgres_schema() -> Iterator[str]:
    """A database URL with a schema of its own, dropped afterwards."""
    import psycopg

    plain = POSTGRES.replace("postgresql+psycopg://", "postgresql://")
    try:
        connection = psycopg.connect(plain, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip(f"requires PostgreSQL: none answers at {plain}")
    schema = f"platform_{secrets.token_hex(4)}"
    connection.execute(f"CREATE SCHEMA {schema}")
    try:
        yield f"{POSTGRES}?options=-csearch_path%3D{schema}"
    finally:
        connection.execute(f"DROP SCHEMA {schema} CASCADE")
        connection.close()


@contextlib.contextmanager
def redis_prefix() -> Iterator[str]:
    """A key prefix of its own, whose keys are removed afterwards."""
    import redis

    client = redis.Redis.from_url(REDIS, socket_timeout=3)
    try:
        client.ping()
    except redis.RedisError:
        pytest.skip(f"requires Redis: none answers at {REDIS}")
    prefix = f"platform-test-{secrets.token_hex(4)}:"
    try:
        yield prefix
    finally:
        for key in client.scan_iter(f"{prefix}*"):
            client.delete(key)
        client.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that asks for the server runs on both backends, unless its module names BACKENDS."""
    if "server" in metafunc.fixturenames:
        backends = getattr(metafunc.module, "BACKENDS", ["sqlite+memory", "postgresql+redis"])
        metafunc.parametrize("server", backends, indirect=True, scope="session")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with contextlib.ExitStack() as stack:
        environment = {}
        if request.param == "postgresql+redis":
            environment = {
                "PYNOMALY_DATABASE_URL": stack.enter_context(postgres_schema()),
                "PYNOMALY_REDIS_URL": REDIS,
                "PYNOMALY_REDIS_PREFIX": stack.enter_context(redis_prefix()),
            }
        running = Server(tmp_path_factory.mktemp("server"), environment)
        running.start()
        try:
            running.wait_ready()
            yield running
        finally:
            running.stop()


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Any]:
    """Start a server of one's own, with settings: make_server(PYNOMALY_…='…')."""
    made: list[Server] = []

    def make(**environment: str) -> Server:
        folder = tmp_path / f"server-{len(made)}"
        folder.mkdir()
        made.append(Server(folder, environment))
        made[-1].start()
        made[-1].wait_ready()
        return made[-1]

    yield make
    for server in made:
        server.stop(signal.SIGKILL)


@pytest.fixture
def admin(server: Server) -> Client:
    return server.client()


@pytest.fixture(scope="session")
def blobs_with_outliers() -> np.ndarray:
    """(1000, 5): the first 50 rows lie apart."""
    rows = np.random.default_rng(0).normal(size=(1000, 5))
    rows[:50] += 6
    return rows
