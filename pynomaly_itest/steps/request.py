"""Any HTTP request: what makes a profile work on any service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import urlencode

from pydantic import Field, model_validator

from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import ANYTHING, Record, Scalar, Shape
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.target.http import Body, Reply, RequestFailed

if TYPE_CHECKING:
    from pynomaly_itest.load import Endpoint

_MOST_TEXT_CHARS = 1_000_000


@STEPS.register("request")
class Request(Step):
    """Send one request to a path of the target.

    Without `status`, and where `expect` doesn't ask about it, an answer of 400 or more fails the step: an
    error page is no success. Redirects are not followed. Credentials, where there are any, are sent along
    unless `auth: none`.
    """

    summary: ClassVar[str] = "any HTTP request, with expectations"
    needs_platform: ClassVar[bool] = False

    method: str = Field("GET", pattern=r"^[A-Z]{1,20}$")
    path: str = Field(pattern=r"^/", description="path and query; the host is the target's, always")
    headers: dict[str, str] = Field(default_factory=dict)
    json_body: Any = Field(None, alias="json", description="sent as application/json")
    body: str | None = Field(None, description="sent as it is")
    encoding: Literal["utf-8", "latin-1"] = Field(
        "utf-8", description="of the body; latin-1: a byte for each character, such as \\xff"
    )
    form: dict[str, str] | None = Field(None, description="sent as application/x-www-form-urlencoded")
    status: int | list[int] | None = Field(None, description="the status that is needed, or a list of them")
    auth: Literal["auto", "none"] = "auto"
    timeout_s: float = Field(30.0, gt=0)

    @model_validator(mode="after")
    def _one_body(self) -> Request:
        if sum(part is not None for part in (self.json_body, self.body, self.form)) > 1:
            raise ValueError("a request has one body: json, body or form")
        if self.body is None and self.encoding != "utf-8":
            raise ValueError("`encoding` is that of `body`")
        return self

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return Record(
            {
                "status": Scalar("number"),
                "latency_ms": Scalar("number", "ms"),
                "headers": ANYTHING,
                "json": ANYTHING,
                "text": Scalar("string"),
                "size_bytes": Scalar("number", "bytes"),
            }
        )

    async def run(self, context: StepContext) -> Values:
        headers = dict(self.headers)
        if self.auth == "auto":
            headers = {**await context.api.authorization(), **headers}
        content = encoded(self.body, self.encoding) if self.body is not None else None
        reply = await context.http.send(
            self.method,
            self.path,
            headers=headers,
            body=Body(json=self.json_body, content=content, form=self.form),
            timeout_s=self.timeout_s,
        )
        self._check_status(reply, context)
        return {
            "status": reply.status,
            "latency_ms": reply.latency_ms,
            "headers": {name.lower().replace("-", "_"): value for name, value in reply.headers.items()},
            "json": _json_or_none(reply.body),
            "text": reply.body[: 4 * _MOST_TEXT_CHARS].decode(errors="replace")[:_MOST_TEXT_CHARS],
            "size_bytes": len(reply.body),
        }

    async def endpoint(self, context: StepContext, *, name: str, weight: float) -> Endpoint:
        """The same request for load."""
        from pynomaly_itest.load import Endpoint

        headers = {**(await context.api.authorization() if self.auth == "auto" else {}), **self.headers}
        content = b""
        if self.json_body is not None:
            content = json.dumps(self.json_body).encode()
            headers.setdefault("Content-Type", "application/json")
        elif self.form is not None:
            content = urlencode(self.form).encode()
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        elif self.body is not None:
            content = encoded(self.body, self.encoding)
        wanted = [self.status] if isinstance(self.status, int) else self.status or []
        return Endpoint(
            name=name,
            method=self.method,
            path=self.path,
            headers=tuple(headers.items()),
            bodies=(content,),
            weight=weight,
            expect_status=tuple(wanted),
        )

    def _check_status(self, reply: Reply, context: StepContext) -> None:
        wanted = [self.status] if isinstance(self.status, int) else self.status
        if wanted is None and ("status" in context.expected or reply.status < 400):
            return
        if wanted is None or reply.status not in wanted:
            said = "below 400" if wanted is None else " or ".join(map(str, wanted))
            raise RequestFailed(
                f"{self.method} {self.path} answered {reply.status}, expected {said}", reply.exchange
            )


def encoded(body: str, encoding: str = "utf-8") -> bytes:
    """The text as it is sent; what the encoding has no bytes for (half a surrogate pair, which a target's JSON can
    hold) becomes a question mark."""
    return body.encode(encoding, "replace")


def _json_or_none(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
