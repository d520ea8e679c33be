"""A worker process: reads requests from the socket it was started with until that closes."""

from __future__ import annotations

import os
import time
from multiprocessing.connection import Connection

from pynomaly.detection import FrozenModel, dump_model, parse_model, resolve
from pynomaly.detection.lean_fitting import import_fitting
from pynomaly.domain.errors import CorruptStore, InvalidInput, PynomalyError
from pynomaly.memory import give_back, keep_small
from pynomaly.workers import messages
from pynomaly.workers.launching import server_connection
from pynomaly.workers.messages import Fit, Fitted, Load, Progress, Ready, Refused, Reply, Score, Scored, Warm

_REPORT_EVERY_S = 0.1
_NICENESS = 5


def main() -> None:
    """Serve one parent; its end is ours, however it ends."""
    connection = server_connection()
    if connection is None:
        return
    keep_small()
    os.nice(_NICENESS)  # answering requests goes before training
    _serve(connection)


def _serve(connection: Connection) -> None:
    model: FrozenModel | None = None
    _say(connection, Ready())  # the imports above succeeded
    while True:
        try:
            request = messages.decode_request(connection.recv_bytes())
        except (EOFError, OSError):
            return
        try:
            match request:
                case Warm():
                    import_fitting()
                    give_back()
                    _say(connection, Ready())
                case Fit():
                    _fit(connection, request)
                    give_back()
                case Load():
                    model = parse_model(connection.recv_bytes())
                    _say(connection, Ready())
                case Score():
                    _score(connection, request, model)
        except PynomalyError as error:
            _say(connection, Refused(error.status, error.code, error.detail, error.hint))
        except MemoryError:
            _say(
                connection,
                Refused(InvalidInput.status, "out-of-memory", "The data is too large for this server."),
            )


def _fit(connection: Connection, request: Fit) -> None:
    matrix = messages.matrix_from(connection.recv_bytes(), request.shape)
    last_report_s = time.monotonic()

    def report(fraction: float) -> None:
        nonlocal last_report_s
        if time.monotonic() - last_report_s >= _REPORT_EVERY_S:
            last_report_s = time.monotonic()
            _say(connection, Progress(fraction))

    import_fitting()
    spec = resolve(request.algorithm)
    started_s = time.perf_counter()
    model = spec.fit(
        matrix,
        contamination=request.contamination,
        parameters=request.parameters,
        seed=request.seed,
        report_progress=report,
    )
    fit_time_s = time.perf_counter() - started_s
    _say(connection, Fitted(model.threshold, fit_time_s))
    connection.send_bytes(dump_model(model))


def _score(connection: Connection, request: Score, model: FrozenModel | None) -> None:
    matrix = messages.matrix_from(connection.recv_bytes(), request.shape)
    if model is None:
        raise CorruptStore("Asked to score without a model.")
    scores = model.score(matrix)
    _say(connection, Scored(len(scores)))
    connection.send_bytes(scores.tobytes())


def _say(connection: Connection, reply: Reply) -> None:
    connection.send_bytes(messages.encode(reply))


if __name__ == "__main__":
    main()
