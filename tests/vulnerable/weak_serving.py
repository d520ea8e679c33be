"""Serves an ASGI application on a free loopback port, and shows it to probes as a target of ours."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import ssl
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from weak_app import WeakApp
from weak_store import ADMIN_PASSWORD, digest_of

from pynomaly_itest.events import TargetInfo
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.audit_copy import AuditCopy
from pynomaly_itest.target.base import Credentials, Target


@contextlib.contextmanager
def serving(
    app: Any, certificate: tuple[Path, Path] | None = None, context: ssl.SSLContext | None = None
) -> Iterator[str]:
    """The base URL of a server that runs while the block does; over TLS with a certificate and its key."""
    files = {} if certificate is None else {"ssl_certfile": certificate[0], "ssl_keyfile": certificate[1]}
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off", http="h11", **files)
    config.load()
    if context is not None:
        config.ssl = context
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    pause = threading.Event()
    for _ in range(1000):
        if server.started:
            break
        pause.wait(0.005)
    assert server.started
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http{'s' if certificate else ''}://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


class WeakTarget(Target):
    """The vulnerable application as its owner sees it: its log, its files, its audit log."""

    def __init__(self, url: str, app: WeakApp) -> None:
        self.info = TargetInfo(kind="url", url=url)
        self.redactor = Redactor()
        self.credentials = Credentials(username="root-user", password=ADMIN_PASSWORD)
        self.app = app
        self.pid: int | None = None
        """Of the process that serves it, for probes that look at processes."""

    def root_pid(self) -> int | None:
        return self.pid

    async def start(self) -> None:
        """It runs already."""

    async def close(self) -> None:
        """Whoever serves it ends it."""

    async def tenant_administrator(self, tenant: str) -> Credentials:
        password = secrets.token_hex(8)
        self.app.store.add_account(f"root-{tenant}", password, "admin", tenant)
        return Credentials(username=f"root-{tenant}", password=password)

    def log_lines(self, count: int) -> Sequence[str]:
        return self.app.store.log[-count:]

    def raw_log(self) -> bytes:
        return "\n".join(self.app.store.log).encode()

    def data_folder(self) -> Path | None:
        return self.app.store.folder

    def audit_copy(self, folder: Path) -> AuditCopy | None:
        shutil.copy(self.app.store.folder / "audit.jsonl", folder / "audit.jsonl")
        return WeakAuditCopy(folder / "audit.jsonl", verifies="AUD-02" not in self.app.holes)


class WeakAuditCopy(AuditCopy):
    def __init__(self, path: Path, *, verifies: bool) -> None:
        self.path = path
        self.verifies = verifies

    async def is_whole(self) -> bool:
        previous = ""
        for event in self._events():
            if self.verifies and event["digest"] != digest_of(event, previous):
                return False
            previous = event["digest"]
        return True

    def tamper(self, how: str) -> None:
        events = self._events()
        middle = len(events) // 2
        if how == "edit":
            events[middle]["actor"] = "itest"
        elif how == "delete":
            del events[middle]
        else:
            events[middle], events[middle - 1] = events[middle - 1], events[middle]
        self.path.write_text("".join(json.dumps(event) + "\n" for event in events))

    def _events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]
