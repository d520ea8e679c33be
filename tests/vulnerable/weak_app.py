"""A small service with the platform's contract and a switch for each weakness. Never serve it but to tests."""

from __future__ import annotations

import json
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import weak_accounts
import weak_credentials
import weak_data
from weak_http import Answer, Refused, Request, problem, read_request
from weak_store import Account, Store
from weak_tokens import Tokens, jwks

SECURITY_HEADERS = {"x-content-type-options": "nosniff", "strict-transport-security": "max-age=63072000"}
MAX_BODY = 4 << 20
STATUSES = (200, 201, 202, 204, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429)
Handler = Callable[["WeakApp", Request], Awaitable[Answer]]


class WeakApp:
    """ASGI application. `holes` are the ids of the probes that must find something."""

    def __init__(self, folder: Path, *holes: str, asymmetric: bool = False) -> None:
        self.holes = frozenset(holes)
        self.caps_silently = False
        self.varying: Callable[[], dict[str, str]] = dict
        """Headers that change by themselves, whatever was asked."""
        self.asked: set[str] = set()
        """Each `METHOD path` that came in."""
        self.store = Store(folder, self.holes)
        self.tokens = Tokens(self.holes, asymmetric=asymmetric)
        self.routes: list[tuple[str, str, Handler, str | None]] = [
            *weak_accounts.ROUTES,
            *weak_data.ROUTES,
            *weak_credentials.ROUTES,
        ]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        self.asked.add(f"{scope['method']} {scope['raw_path'].decode().partition('?')[0]}")
        if scope["path"] == "/api/v1/detection/stream" and scope["method"] == "POST":
            await weak_credentials.stream(self, scope, receive, send)
            return
        try:
            limit = 10**9 if "RES-02" in self.holes else MAX_BODY
            with tempfile.TemporaryFile() as spool:
                request = await read_request(scope, receive, limit, spool if "DAT-05" in self.holes else None)
            self.store.log.append(f"request: {request.method}")
            answer = await self._answer(request)
        except Refused as refusal:
            answer = refusal.answer
        except (json.JSONDecodeError, UnicodeDecodeError):
            answer = Refused(400).answer
        except Exception as bug:
            answer = self._broken(bug)
        await self._send(scope, send, answer)

    async def _answer(self, request: Request) -> Answer:
        if request.method == "TRACE" and "CFG-03" in self.holes:
            return Answer(200, json.dumps(dict(request.headers)).encode())
        if request.method == "GET" and request.path.startswith("/api/v1/datasets/"):
            if "FUZ-01" in self.holes and "%" in request.path:
                raise RuntimeError("an id that nobody thought of")
            if "FUZ-02" in self.holes:
                raise Refused(418)
        self._throttle(request)
        if (answer := self._special(request)) is not None:
            return answer
        seen_path = False
        for method, template, handler, least in self.routes:
            found = _match(template, request.path)
            if found is None:
                continue
            seen_path = True
            if method == request.method:
                request.params = found
                if least is not None and not ("AUT-01" in self.holes and template.endswith("/datasets")):
                    self._admit(request, least)
                return await handler(self, request)
        raise Refused(405 if seen_path else 404)

    def _special(self, request: Request) -> Answer | None:
        path = request.path
        if path == "/openapi.json":
            return Answer(200, json.dumps(self.document()).encode())
        if path == "/.well-known/jwks.json" and self.tokens.asymmetric:
            return Answer(200, json.dumps(jwks()).encode())
        if path in ("/api/v1/health", "/api/v1/health/ready"):
            return Answer(200, b'{"status": "ok", "version": "weak"}')
        if path in ("/docs", "/debug", "/.env", "/metrics") and "CFG-04" in self.holes:
            return Answer(200, b"SECRET=1 routes: everything")
        return None

    def _throttle(self, request: Request) -> None:
        """200 requests at once for each bearer, then 429 for a second."""
        key = request.headers.get("authorization", "")
        if self.holes & {"RES-01", "ML-03"} or not key:
            return
        second = f"{key}{int(time.time())}"
        self.store.hits[second] = self.store.hits.get(second, 0) + 1
        if self.store.hits[second] > 200:
            raise Refused(429, headers={"retry-after": "1"})

    def _admit(self, request: Request, least: str) -> None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        cookie = request.headers.get("cookie", "")
        if "SES-02" in self.holes and cookie.startswith("session="):
            who = self.store.accounts.get(
                self.store.sessions.get(cookie.removeprefix("session=").split(";")[0], "")
            )
        elif "x-api-key" in request.headers:
            who = weak_credentials.by_key(self, request.headers["x-api-key"])
        else:
            who = weak_accounts.bearer_of(self, token)
        if who is None:
            self._record_refusal(request, None)
            raise Refused(401)
        request.who = who
        order = ("viewer", "analyst", "data_scientist", "admin")
        if "AZ-03" not in self.holes and order.index(who.role) < order.index(least):
            self._record_refusal(request, who)
            raise Refused(403)

    def _record_refusal(self, request: Request, who: Account | None) -> None:
        if "AUD-04" not in self.holes and {"authorization", "x-api-key"} & {*request.headers}:
            agent = request.headers.get("user-agent", "")
            self.store.record(who.id if who else "somebody", "access.refused", request.path, agent, "denied")

    def _broken(self, bug: Exception) -> Answer:
        text = traceback.format_exc() if "CFG-05" in self.holes else "something went wrong"
        return Answer(500, problem(500, text), {"content-type": "application/problem+json"})

    async def _send(self, scope: Any, send: Any, answer: Answer) -> None:
        request_headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        headers = {"content-type": "application/json", **answer.headers}
        if "CFG-01" not in self.holes:
            headers = {**SECURITY_HEADERS, **headers}
        if "DAT-01" not in self.holes:
            headers["cache-control"] = "no-store"
        if "CFG-02" in self.holes and "origin" in request_headers:
            headers["access-control-allow-origin"] = request_headers["origin"]
            headers["access-control-allow-credentials"] = "true"
        headers |= self.varying()
        headers["content-length"] = str(len(answer.body))
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await send({"type": "http.response.body", "body": answer.body})

    def document(self) -> dict[str, Any]:
        """The OpenAPI document of the routes."""
        paths: dict[str, Any] = {
            "/api/v1/health": {"get": {"security": [], "responses": {"200": {"description": "ok"}}}}
        }
        for method, template, _, least in self.routes:
            operation: dict[str, Any] = {
                "responses": {str(status): {"description": "declared"} for status in STATUSES}
            }
            if "{id}" in template:
                operation["parameters"] = [
                    {
                        "name": "id",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string", "minLength": 1},
                    }
                ]
            if least is None:
                operation["security"] = []
            paths.setdefault(template, {})[method.lower()] = operation
        return {"openapi": "3.1.0", "security": [{"bearer": []}], "paths": paths}


def _match(template: str, path: str) -> dict[str, str] | None:
    wanted, given = template.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    params = {}
    for want, have in zip(wanted, given, strict=True):
        if want.startswith("{"):
            params[want.strip("{}")] = unquote(have)
        elif want != have:
            return None
    return params
