"""Files about as large as the target takes, made while they are sent: neither side need hold one in memory."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
import numpy as np

from pynomaly_itest.target.platform import PREFIX, PlatformApi
from pynomaly_itest.testing import Container, Measurements, TestSettings, scenario

FEATURES, BLOCK_ROWS, SHOWN_ROWS = 10, 13_000, 5
BOUNDARY = "itest-near-the-limit"
PATIENCE_S, HEALTH_EVERY_S = 120, 0.1


@dataclass(frozen=True)
class BigFile:
    """An upload of an .npy file of about `size_bytes`, the same rows over and over."""

    size_bytes: int

    @property
    def rows(self) -> int:
        return self.size_bytes // (8 * FEATURES)

    @cached_property
    def block(self) -> Any:
        """The rows that it is made of, (BLOCK_ROWS, FEATURES)."""
        return np.random.default_rng(42).normal(size=(BLOCK_ROWS, FEATURES))

    @property
    def head(self) -> bytes:
        """The form up to the first row."""
        part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="big.npy"\r\n\r\n'
        shape = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({self.rows}, {FEATURES}), }}"
        return part.encode() + b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + f"{shape:117}\n".encode()

    tail = f"\r\n--{BOUNDARY}--\r\n".encode()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body, piece by piece."""
        yield self.head
        left = self.rows
        while left > 0:
            yield self.block[:left].tobytes()
            left -= BLOCK_ROWS
        yield self.tail

    async def send(self, api: PlatformApi, *, announced: bool) -> httpx.Response:
        """Upload it; `announced`: its length is told beforehand."""
        headers = {
            **await api.authorization(),
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        if announced:
            length = len(self.head) + 8 * FEATURES * self.rows + len(self.tail)
            headers["Content-Length"] = str(length)
        return await api.http.client.post(
            f"{PREFIX}/datasets/upload", content=self.pieces(), headers=headers, timeout=PATIENCE_S
        )


@scenario
async def near_the_limit(
    test_container: Container, test_settings: TestSettings, measurements: Measurements
) -> None:
    """94 % of the limit is taken, whole; 10 % beyond is 413, announced or not; others are served meanwhile."""
    api, limit_bytes = test_container.api, int(test_settings.vars["upload_limit_mb"]) << 20
    within, beyond = BigFile(limit_bytes * 94 // 100), BigFile(limit_bytes * 110 // 100)
    async with served_meanwhile(api, measurements):
        begun = time.monotonic()
        reply = await within.send(api, announced=True)
        measurements.add("upload_seconds", time.monotonic() - begun)
        assert reply.status_code == 201, reply.text[:200]
        stored = reply.json()
        test_container.helper.ledger.created("dataset", stored["id"], f"datasets/{stored['id']}")
        assert (stored["n_samples"], stored["n_features"]) == (within.rows, FEATURES)
        sample = await api.call("GET", f"datasets/{stored['id']}/sample?n={SHOWN_ROWS}")
        known = {tuple(row) for row in within.block.tolist()}
        assert len(sample["rows"]) == SHOWN_ROWS
        assert all(tuple(row) in known for row in sample["rows"])
        for announced in (True, False):
            await is_refused(api, beyond, announced=announced)
    listed = await api.call("GET", "datasets?limit=100")
    assert [each["id"] for each in listed] == [stored["id"]], "what was refused is not kept"


async def is_refused(api: PlatformApi, file: BigFile, *, announced: bool) -> None:
    """413 as a problem that says why."""
    reply = await file.send(api, announced=announced)
    assert reply.status_code == 413, (reply.status_code, announced)
    assert reply.headers["content-type"].startswith("application/problem+json")
    problem = reply.json()
    assert problem["status"] == 413
    assert problem["code"] == "too-large"
    assert "limit" in problem["detail"]


@contextlib.asynccontextmanager
async def served_meanwhile(api: PlatformApi, measurements: Measurements) -> AsyncIterator[None]:
    """Ask now and then whether it is ready; each answer's time is measured, and each must be yes."""

    async def ask() -> None:
        while True:
            reply = await api.send("GET", "health/ready")
            assert reply.status == 200, "the server is ready while it takes in a large file"
            measurements.add("ready_ms", reply.latency_ms)
            await asyncio.sleep(HEALTH_EVERY_S)

    asking = asyncio.create_task(ask())
    try:
        yield
    finally:
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
