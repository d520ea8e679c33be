"""Any HTTP request: what makes a profile work on any service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import ANYTHING, Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.target.http import Body, Reply, RequestFailed
from pynomaly_itest.transport.request import (
    form_bytes,
    json_bytes,
    merged,
    problem_with_field,
    problem_with_fields,
    problem_with_path,
)
from pynomaly_itest.transport.status import is_success

if TYPE_CHECKING:
    from pynomaly_itest.load import Endpoint

_MOST_TEXT_CHARS = 1_000_000


@STEPS.register("request")
class Request(Step):
    """Send one request to a path of the target.

    Without `status`, and where `expect` doesn't ask about it, the status must be 2xx: neither an error page nor a
    redirect is a success. Redirects are not followed. Credentials, where there are any, and the cookies that earlier
    answers of the scenario set are sent along, unless `auth: none`.
    """

    summary: ClassVar[str] = "any HTTP request, with expectations"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY
    needs_platform: ClassVar[bool] = False

    method: str = Field("GET", pattern=r"^[A-Z]{1,20}$")
    path: str = Field(
        json_schema_extra={"pattern": "^/"},
        description="path and query, sent byte for byte; the host is the target's, always",
    )
    headers: dict[str, str] = Field(default_factory=dict)
    json_body: Any = Field(None, alias="json", description="sent as application/json")
    body: str | None = Field(None, description="sent as it is")
    encoding: Literal["utf-8", "latin-1"] = Field(
        "utf-8", description="of the body; latin-1: a byte for each character, such as \\xff"
    )
    form: dict[str, str] | None = Field(None, description="sent as application/x-www-form-urlencoded")
    status: int | list[int] | None = Field(
        None, description="the status that is needed, or a list of them; 2xx without"
    )
    auth: Literal["auto", "none"] = Field("auto", description="none: send no credentials and no cookie")
    timeout_s: float = Field(30.0, gt=0)

    @field_validator("path")
    @classmethod
    def _can_be_sent(cls, path: str) -> str:
        if problem := problem_with_path(path):
            raise ValueError(problem)
        return path

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        problems = (problem_with_field(name, value) for name, value in headers.items())
        if problem := problem_with_fields(headers) or next((each for each in problems if each), None):
            raise ValueError(problem)
        return headers

    @model_validator(mode="after")
    def _one_body(self) -> Request:
        if sum(part is not None for part in (self.json_body, self.body, self.form)) > 1:
            raise ValueError("a request has one body: json, body or form")
        if self.body is None and self.encoding != "utf-8":
            raise ValueError("`encoding` is that of `body`")
        return self

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.REPLIES

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0

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
        headers = await self._headers(context)
        content = encoded(self.body, self.encoding) if self.body is not None else None
        reply = await context.http.send(
            self.method,
            self.path,
            headers=headers,
            body=Body(json=self.json_body, content=content, form=self.form),
            timeout_s=self.timeout_s,
            anonymous=self.auth == "none",
        )
        self._check_status(reply, context)
        return {
            "status": reply.status,
            "latency_ms": reply.latency_ms,
            "headers": {name.lower().replace("-", "_"): value for name, value in reply.headers.items()},
            "json": _json_or_none(reply.body),
            "text": text_of(reply.body, reply.headers.get("content-type", "")),
            "size_bytes": len(reply.body),
        }

    async def endpoint(self, context: StepContext, *, name: str, weight: float) -> Endpoint:
        """The same request for load."""
        from pynomaly_itest.load import Endpoint

        headers = await self._headers(context)
        if self.auth == "auto":
            headers = merged(context.http.cookie_field(self.path), headers)
        content = b""
        if self.json_body is not None:
            content = json_bytes(self.json_body)
            headers = merged({"Content-Type": "application/json"}, headers)
        elif self.form is not None:
            content = form_bytes(self.form)
            headers = merged({"Content-Type": "application/x-www-form-urlencoded"}, headers)
        elif self.body is not None:
            content = encoded(self.body, self.encoding)
        return Endpoint(
            name=name,
            method=self.method,
            path=self.path,
            headers=tuple(headers.items()),
            bodies=(content,),
            weight=weight,
            expect_status=self._wanted(),
        )

    async def _headers(self, context: StepContext) -> dict[str, str]:
        """The fields that are sent: what identifies us, under what the step itself says."""
        return merged(await context.api.authorization() if self.auth == "auto" else {}, self.headers)

    def _wanted(self) -> tuple[int, ...]:
        """The statuses that are asked for; none means 2xx."""
        given = () if self.status is None else self.status
        return (given,) if isinstance(given, int) else tuple(given)

    def _check_status(self, reply: Reply, context: StepContext) -> None:
        wanted = self._wanted()
        if is_success(reply.status, wanted) or (not wanted and "status" in context.expected):
            return
        said = " or ".join(map(str, wanted)) or "2xx"
        raise RequestFailed(
            f"{self.method} {self.path} answered {reply.status}, expected {said}", reply.exchange
        )


def encoded(body: str, encoding: str = "utf-8") -> bytes:
    """The text as it is sent; what the encoding has no bytes for (half a surrogate pair, which a target's JSON can
    hold) becomes a question mark."""
    return body.encode(encoding, "replace")


def text_of(body: bytes, content_type: str) -> str:
    """The body as text in the charset that its Content-Type states; UTF-8 where it states none that is known.

    At most a million characters; what has no meaning in the charset becomes U+FFFD.
    """
    stated = EmailMessage()
    head = body[: 4 * _MOST_TEXT_CHARS]
    try:
        stated["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
        return head.decode(stated.get_content_charset("utf-8"), "replace")[:_MOST_TEXT_CHARS]
    except (LookupError, ValueError):  # no charset that is known, or none of text (`hex`)
        return head.decode("utf-8", "replace")[:_MOST_TEXT_CHARS]


def _json_or_none(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
