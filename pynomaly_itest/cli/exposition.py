"""`--metrics-port`: what the rounds found, as OpenMetrics, on this machine only."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from pynomaly_itest.cli.rounds import Round
from pynomaly_itest.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_HOST = "127.0.0.1"
_NAMES = (_HOST, "localhost")
_PREFIX = "pynomaly_itest"
_END = b"# EOF\n"
_MEDIA = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_PATIENCE_S = 5.0


class Exposition:
    """Serves GET /metrics from a thread while rounds go on; `wall_clock` gives seconds since 1970."""

    def __init__(self, port: int, wall_clock: Callable[[], float]) -> None:
        self._rounds = _Rounds(wall_clock)
        self._text = self._rounds.text()
        try:
            self._server = _server(port, lambda: self._text)
        except OSError as problem:
            raise UsageError(
                f"--metrics-port: can't listen on {_HOST}:{port}: {problem.strerror}",
                hint="choose another port",
            ) from problem
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self._server.server_port}/metrics"

    def __enter__(self) -> Exposition:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __call__(self, done: Round) -> None:
        from pynomaly_itest.report.openmetrics import OpenMetricsReport

        self._rounds.count(done)
        of_run = b"" if done.ended is None else OpenMetricsReport().render(done.ended.result)
        self._text = self._rounds.text().removesuffix(_END) + of_run.removesuffix(_END) + _END


class _Rounds:
    """The loop's own figures, in the shape that the client library collects."""

    def __init__(self, wall_clock: Callable[[], float]) -> None:
        self._wall_clock = wall_clock
        self._codes: Counter[ExitCode] = Counter()
        self._last: ExitCode | None = None
        self._changes = 0
        self._at_s = 0.0

    def count(self, done: Round) -> None:
        self._codes[done.code] += 1
        self._changes += self._last not in (None, done.code)
        self._last, self._at_s = done.code, self._wall_clock()

    def text(self) -> bytes:
        from prometheus_client import CollectorRegistry
        from prometheus_client.openmetrics.exposition import generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return bytes(generate_latest(registry))  # type: ignore[no-untyped-call]  # the library has no types here

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        rounds = CounterMetricFamily(f"{_PREFIX}_rounds", "Rounds by exit code", labels=["exit_code"])
        for code in ExitCode:
            if code in self._codes or code is ExitCode.PASSED:
                rounds.add_metric([str(int(code))], float(self._codes[code]))
        yield rounds
        yield CounterMetricFamily(
            f"{_PREFIX}_verdict_changes",
            "How often a round's exit code was not the last one's",
            self._changes,
        )
        if self._last is not None:
            yield GaugeMetricFamily(
                f"{_PREFIX}_round_ended_timestamp_seconds", "When the last round ended", self._at_s
            )
            yield GaugeMetricFamily(
                f"{_PREFIX}_round_exit_code", "The last round's exit code", float(self._last)
            )


def _server(port: int, text: Callable[[], bytes]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE_S
        server_version, sys_version = "pynomaly-itest", ""

        def do_GET(self) -> None:
            if self.headers.get("Host", "").rpartition(":")[0] not in _NAMES:
                self.send_error(421, "this is asked for by another name")
            elif self.path.partition("?")[0] != "/metrics":
                self.send_error(404)
            else:
                self._answer(text())

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", _MEDIA)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Who scrapes is no news."""

    server = ThreadingHTTPServer((_HOST, port), Handler)
    server.daemon_threads = True
    return server
