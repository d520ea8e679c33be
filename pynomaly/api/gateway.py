"""The outermost layer: a request's id, its time, its log line, the headers every answer has, and every error's end."""

from __future__ import annotations

import logging
import re
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pynomaly.api.bodies import ClientGone, header
from pynomaly.api.metrics import Metrics
from pynomaly.api.overload import Admission, Shed
from pynomaly.api.problems import as_platform_error, problem_body, problem_headers

if TYPE_CHECKING:
    from collections.abc import Callable

_GOOD_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class Gateway:
    """ASGI application around the router. `write_line` takes the access log; `clock_s` is monotonic.

    `admission`, which must have the same clock, says whom to refuse because there is too much to do.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        admission: Admission,
        write_line: Callable[[str], Any] | None = None,
        clock_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._admission = admission
        self._write_line = write_line
        self._clock_s = clock_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(send, _request_id(scope), self._clock_s)
        self._metrics.in_flight.inc()
        try:
            shed = self._admission.refuse(scope, exchange.started_s)
            if shed is not None:
                scope["pynomaly.route"] = "shed"  # which one it would have been was not looked for
                await self._refuse(scope, exchange, shed)
                return
            self._admission.enter()
            await self._app(scope, receive, exchange.send)
        except ClientGone:
            exchange.status = exchange.status or 499  # nginx's number for it; nobody sees it but the log
        except Exception as error:
            await self._refuse(scope, exchange, error)
        finally:
            self._metrics.in_flight.dec()
            self._account(scope, exchange)

    async def _refuse(self, scope: Scope, exchange: _Exchange, error: Exception) -> None:
        known = as_platform_error(error)
        if known.status >= 500 and not isinstance(known, Shed):  # that is said once for all
            logging.getLogger("pynomaly").error(
                "request failed", exc_info=error, extra={"request_id": exchange.request_id.decode()}
            )
        if exchange.status:  # the answer had begun: cutting it off is the only honest end
            raise error
        body = problem_body(known, scope["path"], exchange.request_id.decode())
        headers = [*problem_headers(known), (b"content-length", str(len(body)).encode())]
        await exchange.send({"type": "http.response.start", "status": known.status, "headers": headers})
        await exchange.send({"type": "http.response.body", "body": body})

    def _account(self, scope: Scope, exchange: _Exchange) -> None:
        duration_s = self._clock_s() - exchange.started_s
        route = scope.get("pynomaly.route", "unmatched")
        method = scope["method"] if scope["method"] in _KNOWN_METHODS else "OTHER"
        self._metrics.observe(method, route, exchange.status, duration_s)
        if self._write_line is not None:
            answered = Answered(
                datetime.now(UTC),
                exchange.request_id.decode(),
                method,
                route,
                exchange.status,
                round(duration_s * 1e3, 3),
            )
            self._write_line(_encode(answered).decode() + "\n")


class Answered(msgspec.Struct, frozen=True):
    """A line of the access log. The route's template stands for the path: ids and queries may tell too much.

    Written without the logging library, which takes as long as all the rest of a small request.
    """

    at: datetime
    request_id: str
    method: str
    route: str
    status: int
    duration_ms: float
    level: str = "info"
    logger: str = "pynomaly.access"
    message: str = "request"


_encode = msgspec.json.Encoder().encode


class _Exchange:
    """One request's answer as it goes out."""

    __slots__ = ("_clock_s", "_send", "request_id", "started_s", "status")

    def __init__(self, send: Send, request_id: bytes, clock_s: Callable[[], float]) -> None:
        self._send = send
        self._clock_s = clock_s
        self.request_id = request_id
        self.started_s = clock_s()
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            took_ms = (self._clock_s() - self.started_s) * 1e3
            message["headers"] = [
                *message["headers"],
                *SECURITY_HEADERS,
                (b"x-request-id", self.request_id),
                (b"server-timing", b"app;dur=%.3f" % took_ms),
            ]
        await self._send(message)


def _request_id(scope: Scope) -> bytes:
    """The client's, if it can go into logs as it is, else one of ours."""
    given = header(scope, b"x-request-id")
    return given if _GOOD_REQUEST_ID.fullmatch(given) else secrets.token_hex(8).encode()
