"""How a worker process and its starter talk: length, kind, payload over the worker's standard streams."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import msgspec

from pynomaly_itest.load.plan import LoadPlan

HEADER = struct.Struct("<IB")
ROW = struct.Struct("=6q")
"""One request on its way to the ledger: code, intended, dispatched, sent, first byte, done (ns, CLOCK_MONOTONIC)."""
LARGEST = 256 * 1024 * 1024


class Kind(IntEnum):
    """What a frame is about. To the worker: ORDER, GO, STOP, FINISH. From it: READY, ROWS, LAGS, END."""

    ORDER = 1
    GO = 2
    STOP = 3
    READY = 4
    ROWS = 5
    LAGS = 6
    END = 7
    FINISH = 8


class Order(msgspec.Struct, frozen=True):
    """All that one worker is told. address: numeric, so that no name is looked up under load."""

    plan: LoadPlan
    worker: int
    of: int
    address: str
    cpu: int | None


class Go(msgspec.Struct, frozen=True):
    """When the load begins, ns on CLOCK_MONOTONIC: the same instant for all workers."""

    origin_ns: int


class Example(msgspec.Struct, frozen=True):
    """One answer that was not a success, with the beginning of its body where bodies are checked."""

    endpoint: int
    outcome: str
    status: int
    body: str


class End(msgspec.Struct, frozen=True):
    """What a worker knows about itself, at the end."""

    cpu_s: float
    wall_s: float
    retried: int
    starved: int
    """Connections that could not be opened for want of sockets or ports on this machine."""
    server_times_ms: list[float]
    examples: list[Example]
    verified: int = 0
    """Answers that were compared with what their body's answer must be."""
    created: list[tuple[int, str]] = []
    """The endpoint's number, and the id of what its answer says was created."""


@dataclass(frozen=True)
class Frame:
    kind: Kind
    payload: bytes


def packed(kind: Kind, payload: bytes = b"") -> bytes:
    """A frame in bytes."""
    return HEADER.pack(len(payload), kind) + payload


class FrameReader:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes | memoryview) -> Iterator[Frame]:
        """The frames that are complete with this data. Raises ValueError on what is no frame."""
        self._held += data
        while len(self._held) >= HEADER.size:
            size, kind = HEADER.unpack_from(self._held)
            if size > LARGEST:
                raise ValueError(f"a frame of {size} bytes")
            end = HEADER.size + size
            if len(self._held) < end:
                return
            with memoryview(self._held) as held:
                payload = bytes(held[HEADER.size : end])
            del self._held[:end]
            yield Frame(Kind(kind), payload)
