"""One worker process as the server sees it: started on demand, asked one thing at a time, killed when it must be."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pynomaly.domain.errors import InvalidInput, PynomalyError
from pynomaly.workers import messages
from pynomaly.workers.launching import launch
from pynomaly.workers.messages import (
    Fit,
    Fitted,
    Load,
    Progress,
    Ready,
    Refused,
    Reply,
    Request,
    Score,
    Scored,
    Warm,
)

Expected = TypeVar("Expected", Ready, Fitted, Scored)


_FAREWELL_S = 2.0
_START_S = 120.0


class WorkerGone(PynomalyError):
    """The process ended before it answered: killed, out of memory, or a crash in native code."""

    code = "worker-died"


class WorkerTooSlow(PynomalyError):
    """The time limit passed; the process was killed."""

    code = "time-limit"


class WorkerRefused(InvalidInput):
    """The worker found the input unusable; `code` is that of the error it met."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.detail, hint=refused.hint)
        self.code = refused.code  # type: ignore[misc]  # the same error, as it was on the other side


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A model as bytes (for `parse_model`), its threshold, and how long the fit alone took."""

    model: bytes
    threshold: float
    fit_time_s: float


class WorkerProcess:
    """Not for use by two threads at once, but `kill` may come from any."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._lock = threading.Lock()
        self._is_halted = False
        self._is_started = False

    @property
    def is_alive(self) -> bool:
        """Whether the process runs and said that it has all that it needs to begin with."""
        return self._is_started and self.pid is not None

    @property
    def pid(self) -> int | None:
        """Of the running process; None if there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def warm(self) -> None:
        """Start the process and have it import what fitting needs."""
        self._ask(Warm(), None, expect=Ready, time_limit_s=None)

    def fit(
        self,
        request: Fit,
        matrix: NDArray[np.float64],
        *,
        time_limit_s: float,
        on_progress: Callable[[float], None],
    ) -> FittedModel:
        """Fit on matrix (n, d); raises WorkerRefused, WorkerTooSlow or WorkerGone."""
        fitted = self._ask(
            request,
            messages.matrix_bytes(matrix),
            expect=Fitted,
            time_limit_s=time_limit_s,
            on_progress=on_progress,
        )
        return FittedModel(self._receive(time_limit_s), fitted.threshold, fitted.fit_time_s)

    def load(self, model: bytes) -> None:
        """Have the process score with this model from now on."""
        self._ask(Load(), memoryview(model), expect=Ready, time_limit_s=60)

    def score(self, matrix: NDArray[np.float64], *, time_limit_s: float) -> NDArray[np.float64]:
        """Scores (n,) of matrix (n, d) under the loaded model."""
        rows, width = matrix.shape
        self._ask(
            Score((rows, width)), messages.matrix_bytes(matrix), expect=Scored, time_limit_s=time_limit_s
        )
        return np.frombuffer(self._receive(time_limit_s), np.float64)

    def halt(self) -> None:
        """End the process now and start no other until `resume`; whoever waits for an answer gets WorkerGone."""
        with self._lock:
            self._is_halted = True
        self.kill()

    def resume(self) -> None:
        """Undo `halt`."""
        with self._lock:
            self._is_halted = False

    def kill(self) -> None:
        """End the process now; whoever waits for its answer gets WorkerGone, the next request a new process."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def close(self) -> None:
        """Let go of the socket, at which an idle process ends by itself; it is killed where it doesn't at once."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_FAREWELL_S)
        self.kill()

    def _ask(
        self,
        request: Request,
        payload: memoryview | None,
        *,
        expect: type[Expected],
        time_limit_s: float | None,
        on_progress: Callable[[float], None] | None = None,
    ) -> Expected:
        connection = self._connected()
        if not self._is_started:
            self._await_start()
        try:
            connection.send_bytes(messages.encode(request))
            if payload is not None:
                connection.send_bytes(payload)
        except OSError as error:
            raise self._gone() from error
        while isinstance(reply := self._reply(time_limit_s), Progress):
            if on_progress is not None:
                on_progress(reply.fraction)
        if isinstance(reply, Refused):
            raise WorkerRefused(reply)
        if not isinstance(reply, expect):
            self.kill()
            raise WorkerGone("The worker gave an answer to another question.")
        return reply

    def _await_start(self) -> None:
        if not isinstance(self._reply(_START_S), Ready):
            raise self._gone()
        self._is_started = True

    def _reply(self, time_limit_s: float | None) -> Reply:
        reply: Reply = messages.decode_reply(self._receive(time_limit_s))
        return reply

    def _receive(self, time_limit_s: float | None) -> bytes:
        connection = self._connection
        if connection is None:
            raise self._gone()
        try:
            if not connection.poll(time_limit_s):
                self.kill()
                raise WorkerTooSlow(f"Not done within {time_limit_s:g} s; it was stopped.")
            return connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise self._gone() from error

    def _gone(self) -> WorkerGone:
        self.kill()
        self.close()
        return WorkerGone(
            "The worker process ended before it was done.", hint="It may have run out of memory."
        )

    def _connected(self) -> Connection:
        with self._lock:
            if self._is_halted:
                raise WorkerGone("The worker was stopped.")
            if self._connection is not None and self._process is not None and self._process.poll() is None:
                return self._connection
            if self._connection is not None:
                self._connection.close()
            launched = launch("pynomaly.workers")
            self._process, self._connection = launched.process, launched.connection
            self._is_started = False
            return self._connection
