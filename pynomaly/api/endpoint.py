"""One route: who may call it, what it takes, what it gives; and the steps between the socket and its handler."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.types import Receive, Scope, Send

from pynomaly.api.bodies import MAX_STRUCT_BYTES, JsonBody, header, read_body, read_query
from pynomaly.api.off_loop import off_loop
from pynomaly.api.problems import MethodNotAllowed
from pynomaly.api.refusals import has_credentials
from pynomaly.domain.errors import Forbidden, Unauthenticated
from pynomaly.domain.permissions import Permission, SecurityLevel
from pynomaly.security.client_address import limit_key
from pynomaly.security.foundation import Caller

if TYPE_CHECKING:
    from pynomaly.api.services import Services

JSON = b"application/json"
encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way to a handler: who, what, and what there is to work with."""

    services: Services
    caller: Caller
    scope: Scope
    receive: Receive
    path: dict[str, str]
    body: Any = None
    query: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler gives back: a body, whole or in pieces."""

    body: bytes = b""
    status: int = 200
    media_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    pieces: AsyncIterator[bytes] | None = None


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A row of the route table. `permission` None with `is_public` False means: any account."""

    method: str
    path: str
    handler: Handler
    summary: str
    tag: str
    permission: Permission | None = None
    is_public: bool = False
    body: type[msgspec.Struct] | None = None
    body_media: dict[str, Any] = field(default_factory=dict)
    query: type[msgspec.Struct] | None = None
    reply: Any = None
    status: int = 200
    media: str = "application/json"
    problems: tuple[int, ...] = ()


def json_answer(value: Any, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Answer:
    """A value as JSON."""
    return Answer(encode(value), status, JSON, headers)


class PathApp:
    """All methods of one path, as an ASGI application."""

    def __init__(self, endpoints: list[Endpoint], services: Services) -> None:
        self._services = services
        self._methods = {
            endpoint.method: (endpoint, JsonBody(endpoint.body) if endpoint.body else None)
            for endpoint in endpoints
        }
        self._allow = ", ".join(sorted(self._methods))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, read, handle, send."""
        found = self._methods.get(scope["method"])
        if found is None:
            raise MethodNotAllowed(self._allow)
        endpoint, decoder = found
        scope["pynomaly.route"] = endpoint.path
        try:
            await self._answer(endpoint, decoder, scope, receive, send)
        except (Unauthenticated, Forbidden) as refusal:
            if not refusal.is_recorded and (endpoint.is_public or has_credentials(scope)):
                address, user_agent = self._services.address_of(scope), _user_agent(scope)
                principal = scope.get("pynomaly.principal")
                record = self._services.refusals.record
                await off_loop(record, scope, address, user_agent, principal, refusal)
            raise

    async def _answer(
        self, endpoint: Endpoint, decoder: JsonBody | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        caller = self._caller(scope, endpoint)
        query = read_query(scope, endpoint.query) if endpoint.query is not None else None
        body = None
        if decoder is not None:
            max_bytes = min(MAX_STRUCT_BYTES, self._services.settings.max_body_bytes)
            body = decoder.decode(await read_body(scope, receive, max_bytes))
        call = Call(self._services, caller, scope, receive, scope["path_params"], body, query)
        await _send(await endpoint.handler(call), send)

    def _caller(self, scope: Scope, endpoint: Endpoint) -> Caller:
        services = self._services
        address = services.address_of(scope)
        user_agent = _user_agent(scope)
        if endpoint.is_public:
            if endpoint.tag != "health":
                services.anonymous_limit.require(limit_key(address))
            return Caller(None, address, user_agent)
        principal = services.identify(scope)
        if principal is None:
            raise Unauthenticated("Log in first, or send an API key.")
        scope["pynomaly.principal"] = principal
        services.account_limit.require(principal.user_id)
        if endpoint.permission is not None:
            services.security.authz.require(principal, endpoint.permission, SecurityLevel.PUBLIC)
        return Caller(principal, address, user_agent)


def _user_agent(scope: Scope) -> str:
    return header(scope, b"user-agent").decode("latin-1")[:256]


async def _send(answer: Answer, send: Send) -> None:
    headers = [(b"content-type", answer.media_type), *answer.headers]
    if answer.status == 204:
        headers = list(answer.headers)
    elif answer.pieces is None:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.pieces is not None:
        async for piece in answer.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": answer.body})
