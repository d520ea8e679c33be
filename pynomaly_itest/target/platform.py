"""The platform's API as steps use it: log in once, call, and turn a refusal into a sentence with evidence."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard

from pynomaly_itest.errors import CannotMeasure, NotApplicable
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.base import ClientCredentials, Credentials
from pynomaly_itest.target.http import NO_BODY, Body, Http, Reply, RequestFailed

if TYPE_CHECKING:
    import asyncio

PREFIX = "/api/v1"
_RENEW_BEFORE_S = 30.0
_NOT_LET_IN = (400, 401, 403, 422)
_NO_SUCH_ROUTE = (404, 405, 410, 501)


def _lock() -> asyncio.Lock:
    import asyncio

    return asyncio.Lock()


@dataclass
class PlatformApi:
    """Calls to `/api/v1`. `authorization` logs in at the first use, and again before the token runs out."""

    http: Http
    credentials: Credentials
    redactor: Redactor
    clock: Callable[[], float] = time.monotonic
    _token: str | None = field(default=None, repr=False)
    _renew_at: float = 0.0
    _ends_at: float = math.inf
    _lasting_s: float = 0.0
    _logging_in: asyncio.Lock = field(default_factory=_lock)

    async def authorization(self) -> dict[str, str]:
        """The headers that identify us; empty where no credentials were given."""
        if self.credentials.api_key:
            return {"X-API-Key": self.credentials.api_key}
        if self.credentials.token:
            return {"Authorization": f"Bearer {self.credentials.token}"}
        if self.credentials.headers:
            return dict(self.credentials.headers)
        if not self.credentials.password and self.credentials.grant is None:
            return {}
        async with self._logging_in:
            if self._token is None or self.clock() + self._lasting_s >= self._renew_at:
                await self._log_in()
        return {"Authorization": f"Bearer {self._token}"}

    @contextlib.contextmanager
    def lasting(self, seconds: float) -> Iterator[None]:
        """Inside, `authorization` gives what is good for so long, if any is: for who sends it again and again."""
        before, self._lasting_s = self._lasting_s, seconds
        try:
            yield
        finally:
            self._lasting_s = before

    def good_for_s(self) -> float:
        """How long what `authorization` gave last is good for; infinite where it is no token, or doesn't say."""
        return self._ends_at - self.clock()

    async def _log_in(self) -> None:
        reply = await (self._granted(self.credentials.grant) if self.credentials.grant else self._asked())
        tokens = require(reply, (200,))
        token = tokens.get("access_token") if isinstance(tokens, Mapping) else None
        if not is_sendable(token):
            where = "the token URL" if self.credentials.grant else "POST auth/login"
            raise RequestFailed(f"{where} answered without a usable access_token", reply.exchange)
        self.redactor.learn(token)
        refresh = tokens.get("refresh_token")
        if isinstance(refresh, str):
            self.redactor.learn(refresh)
        self._token = token
        lifetime = tokens.get("expires_in")
        lifetime_s = float(lifetime) if isinstance(lifetime, int | float) else 300.0
        self._renew_at = self.clock() + max(1.0, lifetime_s - _RENEW_BEFORE_S)
        self._ends_at = self.clock() + lifetime_s if isinstance(lifetime, int | float) else math.inf

    async def _asked(self) -> Reply:
        """The answer to a login with name and password."""
        form = {"username": self.credentials.username or "", "password": self.credentials.password or ""}
        reply = await self.http.send(
            "POST", f"{PREFIX}/auth/login", body=Body(form={"grant_type": "password", **form})
        )
        if reply.status in _NO_SUCH_ROUTE:
            raise NotApplicable(
                f"the target has no login: POST {PREFIX}/auth/login answered {reply.status}",
                hint="leave --user out, or give $PYNOMALY_ITEST_TOKEN or $PYNOMALY_ITEST_API_KEY",
            )
        if reply.status in _NOT_LET_IN:
            raise CannotMeasure(
                f"the target refused the login of {self.credentials.username!r} ({reply.status})",
                hint="check --user and $PYNOMALY_ITEST_PASSWORD",
            )
        return reply

    async def _granted(self, grant: ClientCredentials) -> Reply:
        """The answer to a request for a token in the client's own name."""
        named = {"scope": grant.scope, "audience": grant.audience}
        form = {
            "grant_type": "client_credentials",
            "client_id": grant.client_id,
            "client_secret": grant.client_secret,
            **{name: value for name, value in named.items() if value is not None},
        }
        reply = await self.http.send("POST", grant.token_url, body=Body(form=form))
        if reply.status in _NOT_LET_IN:
            raise CannotMeasure(
                f"POST {grant.token_url} refused the client {grant.client_id!r} ({reply.status})",
                hint="check `oauth2_client_credentials` in the service's block",
            )
        return reply

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: Body = NO_BODY,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Reply:
        """One request below `/api/v1`, identified; any status is a reply."""
        identified = {**(headers or {}), **await self.authorization()}
        return await self.http.send(
            method, f"{PREFIX}/{path}", headers=identified, body=body, timeout_s=timeout_s
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        accept: Collection[int] = (200,),
        body: Body = NO_BODY,
        timeout_s: float | None = None,
    ) -> Any:
        """One request and its JSON reply; raises RequestFailed where the status is not in `accept`."""
        return require(await self.send(method, path, body=body, timeout_s=timeout_s), accept)


def is_sendable(token: object) -> TypeGuard[str]:
    """Whether a target's token can stand in a header: a text of printable ASCII."""
    return isinstance(token, str) and token.isascii() and token.isprintable() and bool(token.strip())


def require(reply: Reply, accept: Collection[int]) -> Any:
    """The JSON of `reply` (None where it has no body); raises RequestFailed for any other status."""
    if reply.status not in accept:
        exchange = reply.exchange
        asked, wanted = f"{exchange.method} {_path(exchange.url)}", " or ".join(map(str, accept))
        raise RequestFailed(
            f"{asked} answered {reply.status}{problem_detail(reply)}, expected {wanted}", exchange
        )
    return reply.json() if reply.body else None


def problem_detail(reply: Reply) -> str:
    """What a problem+json reply says of itself, in brackets; empty where the reply is none."""
    if "json" not in reply.headers.get("content-type", ""):
        return ""
    try:
        problem = reply.json()
    except RequestFailed:
        return ""
    said = problem.get("detail") or problem.get("title") if isinstance(problem, dict) else None
    return f" ({str(said)[:200]})" if said else ""


def _path(url: str) -> str:
    return "/" + url.split("://", 1)[-1].partition("/")[2]
