"""The client for everything that is not load: one request, one reply, all of it redacted for the record.

It follows no redirects, ignores proxy variables, reads at most `max_reply_bytes`, and translates httpx's
exceptions at this one border: what the target did wrong is StepFailed, with the exchange attached. What leaves and
what comes in is written and read by `pynomaly_itest.transport`, for load as for this.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from pynomaly_itest.errors import CannotMeasure, StepFailed
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.transport.request import (
    RUN_FIELD,
    form_bytes,
    json_bytes,
    merged,
    problem_with,
    request_target,
)

if TYPE_CHECKING:
    import httpx

    from pynomaly_itest.events import Exchange

_logger = logging.getLogger(__name__)
MAX_REPLY_BYTES = 256 * 1024 * 1024
_SHOWN_BODY_CHARS = 4_000


Reason = Literal["refused", "reset", "hung", "answered"]
"""Why a request failed: no connection, a connection that ended before the reply did, no reply in time, the reply."""


class RequestFailed(StepFailed):
    """A request that got no reply, or not the one that was needed; `exchange` is the redacted evidence."""

    def __init__(
        self, message: str, exchange: Exchange, *, hint: str | None = None, reason: Reason = "answered"
    ) -> None:
        super().__init__(message, hint=hint)
        self.exchange = exchange
        self.reason: Reason = reason


@dataclass(frozen=True)
class Reply:
    """A reply as it came. `latency_ms` runs from the first byte sent to the last byte read."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    latency_ms: float
    record: Callable[[], Exchange] = field(repr=False)

    @property
    def exchange(self) -> Exchange:
        """The request and this reply, redacted: made only where somebody wants to show it."""
        return self.record()

    def json(self) -> Any:
        """The body as JSON; raises RequestFailed where it is something else."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as problem:
            kind = self.headers.get("content-type", "no content type")
            exchange = self.exchange
            raise RequestFailed(
                f"{exchange.method} {exchange.url} answered {self.status} with {kind}, not JSON",
                exchange,
                hint="is this the address of the service itself, or of something in front of it?",
            ) from problem


@dataclass(frozen=True)
class Body:
    """What a request carries: at most one of these."""

    json: Any = None
    content: bytes | None = None
    form: Mapping[str, str] | None = None
    files: Mapping[str, Any] | None = None

    def show(self) -> str | None:
        """The body for a reader, not redacted yet; None where there is none."""
        if self.json is not None:
            return json.dumps(self.json)
        if self.form is not None:
            return "&".join(f"{name}={value}" for name, value in self.form.items())
        if self.files is not None:
            return f"(multipart: {', '.join(self.files)})"
        return None if self.content is None else show_bytes(self.content)


NO_BODY = Body()


@dataclass
class Http:
    """Requests to one origin: paths only, so that credentials can't go anywhere else.

    cookies: the jar that the requests of one scenario share; None: no cookie is kept, and none is sent.
    """

    client: httpx.AsyncClient
    redactor: Redactor
    run_id: str
    timeout_s: float = 30.0
    clock: Callable[[], float] = time.perf_counter
    max_reply_bytes: int = MAX_REPLY_BYTES
    cookies: httpx.Cookies | None = field(default=None, repr=False)

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Body = NO_BODY,
        timeout_s: float | None = None,
        anonymous: bool = False,
    ) -> Reply:
        """Send one request to `path` (with its query) and read the whole reply.

        anonymous: no cookie is sent; those that the reply sets are kept all the same, as a login's are.
        Raises RequestFailed where nothing came back in `timeout_s`, the connection broke, or the reply is
        larger than `max_reply_bytes`; CannotMeasure where it can't be written at all.
        """
        import asyncio  # here, as `validate` reads the step kinds but sends nothing

        import httpx

        timeout = self.timeout_s if timeout_s is None else timeout_s
        fields = merged({} if anonymous else self.cookie_field(path), headers or {})
        request = self._written(method, path, fields, body, timeout)
        start = self.clock()
        try:
            async with asyncio.timeout(timeout):
                response = await self.client.send(request, stream=True)
                try:
                    content = await self._read(response)
                finally:
                    await response.aclose()
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol) as problem:  # what we wanted to send
            raise CannotMeasure(f"{method} request can't be sent: {problem}") from problem
        except (_ReplyTooLarge, TimeoutError, httpx.HTTPError, httpx.InvalidURL) as problem:
            why = _explain(problem, timeout, self.max_reply_bytes)
            failed = self._exchange(request, body, self._since_ms(start), error=why)
            _tell(lambda: failed)
            raise RequestFailed(f"{method} {path}: {why}", failed, reason=_reason(problem)) from problem
        if self.cookies is not None:
            self.cookies.extract_cookies(response)
        latency_ms = self._since_ms(response.extensions.get("sent_at") or start)
        reply = Reply(
            response.status_code,
            response.headers,
            content,
            latency_ms,
            lambda: self._exchange(request, body, latency_ms, response=response, content=content),
        )
        _tell(lambda: reply.exchange)
        return reply

    def session(self) -> Http:
        """The same way out with a cookie jar of its own, empty."""
        import httpx

        return replace(self, cookies=httpx.Cookies())

    def cookie_field(self, path: str) -> dict[str, str]:
        """The Cookie header of a request to `path`; empty where the jar holds nothing for it."""
        if self.cookies is None:
            return {}
        request = self.client.build_request("GET", self._url_of(request_target(path)))
        self.cookies.set_cookie_header(request)
        return {"Cookie": request.headers["cookie"]} if "cookie" in request.headers else {}

    def _url_of(self, target: bytes) -> httpx.URL:
        base = self.client.base_url
        return base.copy_with(raw_path=base.raw_path.rstrip(b"/") + target)

    def _written(
        self, method: str, path: str, headers: Mapping[str, str], body: Body, timeout_s: float
    ) -> httpx.Request:
        """The request; raises CannotMeasure for what can't be sent (a target's NaN in JSON, a header in Greek)."""
        import httpx

        own: dict[str, str] = {}
        content = body.content
        if body.json is not None:
            content, own["Content-Type"] = json_bytes(body.json), "application/json"
        elif body.form is not None:
            content, own["Content-Type"] = form_bytes(body.form), "application/x-www-form-urlencoded"
        fields = merged(merged(own, headers), {RUN_FIELD: self.run_id})
        if wrong := problem_with(method, path, tuple(fields.items())):
            raise CannotMeasure(f"{method} request can't be sent: {wrong}")
        target = self.client.base_url.raw_path.rstrip(b"/") + request_target(path)
        try:
            return self.client.build_request(
                method,
                self._url_of(request_target(path)),
                headers=fields,
                content=content,
                files=dict(body.files) if body.files is not None else None,
                timeout=timeout_s,
                extensions={"target": target, "clock": self.clock},
            )
        except (ValueError, TypeError, httpx.InvalidURL) as problem:
            raise CannotMeasure(f"{method} request can't be written: {problem}") from problem

    def _since_ms(self, start: float) -> float:
        return (self.clock() - start) * 1000

    async def _read(self, response: httpx.Response) -> bytes:
        chunks = bytearray()
        async for chunk in response.aiter_bytes():
            chunks += chunk
            if len(chunks) > self.max_reply_bytes:
                raise _ReplyTooLarge
        return bytes(chunks)

    def _exchange(
        self,
        request: httpx.Request,
        body: Body,
        duration_ms: float,
        *,
        response: httpx.Response | None = None,
        content: bytes = b"",
        error: str | None = None,
    ) -> Exchange:
        from pynomaly_itest.events import Exchange

        sent = body.show()
        return Exchange(
            method=request.method,
            url=self.redactor.text(_url(request)),
            request_headers=self.redactor.headers(dict(request.headers)),
            request_body=None if sent is None else self._clean(sent),
            status=None if response is None else response.status_code,
            reply_headers={} if response is None else self.redactor.headers(dict(response.headers)),
            reply_body=None if response is None else self._clean(show_bytes(content)),
            error=error,
            duration_ms=duration_ms,
        )

    def _clean(self, text: str) -> str:
        text = self.redactor.text(text)
        if len(text) <= _SHOWN_BODY_CHARS:
            return text
        return f"{text[:_SHOWN_BODY_CHARS]}… (cut; {len(text)} characters or more)"


def _url(request: httpx.Request) -> str:
    """Where it was sent, with the path as it stood on the wire."""
    target = request.extensions.get("target", request.url.raw_path).decode("ascii")
    return f"{request.url.scheme}://{request.url.netloc.decode('ascii')}{target}"


def _tell(exchange: Callable[[], Exchange]) -> None:
    """Requests and replies for who debugs, redacted; made only where somebody reads them."""
    if _logger.isEnabledFor(logging.DEBUG):
        told = exchange()
        outcome = told.error or str(told.status)
        bodies = " ".join(part for part in (told.request_body, "->", told.reply_body) if part)
        text = f"{told.method} {told.url} {outcome} in {told.duration_ms or 0.0:.1f} ms: {bodies}"
        _logger.debug("%s", text, extra={"details": told.model_dump(mode="json")})


class _ReplyTooLarge(Exception):
    pass


def show_bytes(content: bytes) -> str:
    """Bytes for a reader: text where it is text (control characters made visible), else how many there are."""
    head = content[: 2 * _SHOWN_BODY_CHARS]
    try:
        text = head.decode()
    except UnicodeDecodeError as problem:
        if problem.start < len(head) - 4:  # not just a character cut in half
            return f"({len(content)} bytes that are not text)"
        text = head[: problem.start].decode()
    return "".join(ch if ch.isprintable() or ch in "\n\t" else f"\\x{ord(ch):02x}" for ch in text)


def _reason(problem: Exception) -> Reason:
    import httpx

    match problem:
        case TimeoutError() | httpx.TimeoutException():
            return "hung"
        case httpx.ConnectError():
            return "refused"
        case httpx.ReadError() | httpx.WriteError():
            return "reset"
        case _:
            return "answered"


def _explain(problem: Exception, timeout_s: float, max_reply_bytes: int) -> str:
    """What went wrong with a request, in the words of someone who runs services."""
    import httpx

    match problem:
        case _ReplyTooLarge():
            return f"the reply is larger than {max_reply_bytes // 2**20} MB"
        case TimeoutError():
            return f"no whole answer within {timeout_s:g} s"
        case httpx.ConnectTimeout():
            return f"no connection within {timeout_s:g} s"
        case httpx.ReadTimeout():
            return f"no answer within {timeout_s:g} s"
        case httpx.WriteTimeout():
            return f"the request could not be sent within {timeout_s:g} s"
        case httpx.ConnectError() | httpx.RemoteProtocolError() | httpx.ReadError() | httpx.WriteError():
            return str(problem)  # the transport's own words
        case httpx.DecodingError():
            return f"the body can't be decoded: {problem}"
        case _:
            return f"{type(problem).__name__}: {problem}"
