"""What a probe is given: who it may be, how it may send, what it may spend."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pynomaly_itest.errors import CannotMeasure, NotApplicable
from pynomaly_itest.probing.actors import Actor, Actors, Ledger, Tokens
from pynomaly_itest.target.http import NO_BODY, Body, Reply
from pynomaly_itest.target.platform import PREFIX, is_sendable, problem_detail
from pynomaly_itest.transport.departures import is_ours

if TYPE_CHECKING:
    from pynomaly_itest.probing.demands import Demands
    from pynomaly_itest.probing.wire import Wire
    from pynomaly_itest.target.base import Target
    from pynomaly_itest.target.http import Http

_PATIENCE_S = 5.0
_TRIES = 3


@dataclass
class Budget:
    """What all probes of a step may spend together; beyond it they say so and stop."""

    requests: int
    sent_bytes: int
    lockouts: int
    connections: int
    used_requests: int = 0
    used_bytes: int = 0
    used_lockouts: int = 0
    used_connections: int = 0

    def spend(
        self, *, requests: int = 0, sent_bytes: int = 0, lockouts: int = 0, connections: int = 0
    ) -> None:
        """Raises CannotMeasure, before anything is sent, where this would be more than there is."""
        for name, more in (
            ("requests", requests), ("bytes", sent_bytes), ("lockouts", lockouts), ("connections", connections)
        ):  # fmt: skip
            limit = self.sent_bytes if name == "bytes" else getattr(self, name)
            used = getattr(self, f"used_{name}") + more
            if used > limit:
                raise CannotMeasure(f"the budget of {limit} {name} is used up")
            setattr(self, f"used_{name}", used)


@dataclass
class ProbeContext:
    """Everything a probe may use; `demands` are the profile's limits and policy."""

    http: Http
    wire: Wire
    actors: Actors
    target: Target
    ledger: Ledger
    demands: Demands
    budget: Budget
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    seed: int
    label: str
    allow_disruptive: bool = False
    kept: dict[str, Any] = field(default_factory=dict, repr=False)
    """What probes share, by name."""
    _openapi: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def is_local(self) -> bool:
        """Whether the target runs on this machine, and can reach its loopback."""
        return self.target.info.kind == "inprocess" or is_ours(self.target.info.url)

    async def send(
        self,
        method: str,
        path: str,
        *,
        actor: str | Actor | None = None,
        headers: Mapping[str, str] | None = None,
        body: Body = NO_BODY,
        timeout_s: float | None = None,
        throttled_ok: bool = False,
    ) -> Reply:
        """One request; `path` below the API's prefix, or absolute with its slash; `actor` None is anonymous.

        Waits and asks again where the target says 429, unless `throttled_ok`.
        """
        who = await self.actors.get(actor) if isinstance(actor, str) else actor
        identity = await who.headers() if who is not None else {}
        route = path if path.startswith("/") else f"{PREFIX}/{path}"
        for left in reversed(range(_TRIES)):
            self.budget.spend(requests=1, sent_bytes=_size(body))
            reply = await self.http.send(
                method, route, headers={**identity, **(headers or {})}, body=body, timeout_s=timeout_s
            )
            if reply.status != 429 or throttled_ok or not left:
                return reply
            await self.sleep(min(_PATIENCE_S, _retry_after_s(reply)))
        raise AssertionError("unreachable")

    async def login(self, username: str, password: str, **more: Any) -> Reply:
        """One login attempt; any status is a reply."""
        form = {"grant_type": "password", "username": username, "password": password}
        reply = await self.send("POST", "auth/login", body=Body(form=form), **more)
        if reply.status == 200:
            self._learn_tokens(reply)
        return reply

    async def new_session(self, actor: Actor) -> Tokens:
        """A login of its own, so that ending it hurts no other probe; a control: raises CannotMeasure."""
        reply = await self.login(actor.username, actor.password)
        self.control(reply.status == 200, f"{actor.name} can't log in ({reply.status})")
        return self._learn_tokens(reply)

    def _learn_tokens(self, reply: Reply) -> Tokens:
        try:
            given = json.loads(reply.body)
        except (ValueError, RecursionError):
            given = None
        access = given.get("access_token") if isinstance(given, dict) else None
        if not is_sendable(access):
            raise CannotMeasure("POST auth/login answered without a usable access_token")
        refresh = given.get("refresh_token")
        for token in (access, refresh):
            self.target.redactor.learn(token if isinstance(token, str) else None)
        return Tokens(access, refresh if isinstance(refresh, str) else None)

    async def me(self, token: str) -> Reply:
        """Who the target takes the bearer of `token` for."""
        self.target.redactor.learn(token)
        return await self.send("GET", "auth/me", headers=bearer(token))

    def signing_key(self) -> bytes | None:
        """The key of the target's access tokens, where it is given or the target is ours."""
        given = self.actors.environment.get("PYNOMALY_ITEST_SIGNING_KEY")
        self.target.redactor.learn(given)
        return given.encode() if given else self.target.signing_key()

    async def openapi(self) -> dict[str, Any]:
        """The target's OpenAPI document; raises NotApplicable where it publishes none."""
        if self._openapi is None:
            reply = await self.send("GET", "/openapi.json")
            if reply.status != 200:
                raise NotApplicable(
                    f"the target publishes no OpenAPI document (/openapi.json: {reply.status})"
                )
            document = reply.json()
            if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
                raise CannotMeasure("/openapi.json is no OpenAPI document")
            self._openapi = document
        return self._openapi

    def control(self, behaved: bool, what: str) -> None:
        """A control that doesn't behave ends the probe: without it neither answer would mean anything."""
        if not behaved:
            raise CannotMeasure(f"control: {what}")

    def require_status(self, reply: Reply, accept: tuple[int, ...], what: str) -> Any:
        """A control that a valid request works; gives its JSON, None where it has none."""
        self.control(reply.status in accept, f"{what} answered {reply.status}{problem_detail(reply)}")
        try:
            return json.loads(reply.body) if reply.body else None
        except (ValueError, RecursionError):
            return None

    async def side_by_side(self, works: list[Awaitable[Any]]) -> list[Any]:
        """Results of all, in order; the first error is raised."""
        return list(await asyncio.gather(*works))


def bearer(token: str) -> dict[str, str]:
    """The header that carries a bearer token."""
    return {"Authorization": f"Bearer {token}"}


def _size(body: Body) -> int:
    if body.content is not None:
        return len(body.content)
    if body.files is not None:
        return sum(len(part[1]) for part in body.files.values() if isinstance(part[1], bytes))
    return len(body.show() or "")


def _retry_after_s(reply: Reply) -> float:
    try:
        return max(0.1, float(reply.headers.get("retry-after", "1")))
    except ValueError:
        return 1.0
