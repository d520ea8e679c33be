"""Serves the pages of a folder of runs to this machine alone: nothing can be written, run or reached through it."""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from pynomaly_itest.errors import UsageError
from pynomaly_itest.history.site import Answer, Site

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS = "127.0.0.1"
_TIMEOUT_S = 15.0
_LONGEST_PATH = 4_000
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class HistoryServer(ThreadingHTTPServer):
    """Bound to 127.0.0.1 and nowhere else. `url` is where the pages are."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int = 0, most: int = 50) -> None:
        """Raises UsageError where the folder is missing or the port can't be had."""
        self.site = Site(folder, most)
        self.one_at_a_time = threading.Lock()
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as problem:
            raise UsageError(
                f"can't listen on {ADDRESS}:{port}: {problem.strerror}", hint="choose another with --port"
            ) from problem

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.server_port}/"

    @property
    def hosts(self) -> tuple[str, ...]:
        """What a browser that means us calls us; a page that resolved its own name to us calls us otherwise."""
        return (f"{ADDRESS}:{self.server_port}", f"localhost:{self.server_port}")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is nobody's concern."""


class _Handler(BaseHTTPRequestHandler):
    server: HistoryServer
    server_version = "pynomaly-itest"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = _TIMEOUT_S

    def do_GET(self) -> None:
        self._answer(self._asked())

    def do_HEAD(self) -> None:
        self._answer(self._asked(), body=False)

    def _refuse_method(self) -> None:
        self.close_connection = True  # a body is not read
        self._answer(
            Answer.text(HTTPStatus.METHOD_NOT_ALLOWED, "only GET: nothing can be changed here"),
            headers={"Allow": "GET, HEAD"},
        )

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = do_CONNECT = _refuse_method  # noqa: N815

    def _asked(self) -> Answer:
        if self.headers.get("Host", "") not in self.server.hosts:
            return Answer.text(HTTPStatus.MISDIRECTED_REQUEST, f"this is {self.server.url}, and only that")
        if len(self.path) > _LONGEST_PATH:
            return Answer.text(HTTPStatus.REQUEST_URI_TOO_LONG, "that address is too long")
        with self.server.one_at_a_time:
            return self.server.site.answer(self.path)

    def _answer(self, answer: Answer, *, body: bool = True, headers: dict[str, str] | None = None) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.media)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Content-Security-Policy", answer.policy)
        for name, value in {**_ALWAYS, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class' word
        """The screen is for what the user did."""
