"""A service at a URL: ours to ask, not ours to start or stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from pynomaly_itest.errors import NotApplicable, TargetUnreachable, UsageError
from pynomaly_itest.events import TargetInfo
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.base import Credentials, Target
from pynomaly_itest.target.pinned import resolve_once
from pynomaly_itest.transport.departures import departures_for

REACH_TIMEOUT_S = 10.0
_PORTS = 65_536
_ILL = (401, 403, 408, 425, 429)
"""So may a platform answer whose health can't be asked just now, like any 5xx: that is for the gates."""


def check_url(url: str) -> str:
    """`url` as a base URL without a trailing slash; raises UsageError where it can't be one."""
    try:
        parsed = httpx.URL(url)
        if parsed.port is not None and not 0 < parsed.port < _PORTS:
            raise ValueError(f"no port {parsed.port}")
    except (httpx.InvalidURL, ValueError) as problem:
        raise UsageError(f"--target: not a URL: {problem}", hint="write http://host:port") from problem
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise UsageError(
            f"--target: {_shown(parsed)!r} is neither 'bundled', 'inprocess' nor a URL",
            hint="write http://host:port or https://host",
        )
    if parsed.userinfo:
        raise UsageError(
            "--target: a URL with credentials in it would end up in logs",
            hint="use --user and $PYNOMALY_ITEST_PASSWORD, or $PYNOMALY_ITEST_TOKEN",
        )
    if parsed.query or parsed.fragment:
        raise UsageError("--target: a base URL has no query and no fragment")
    return str(parsed).rstrip("/")


def _shown(url: httpx.URL) -> str:
    return str(url.copy_with(userinfo=b"")) if url.userinfo else str(url)


def _version_in(health: dict[str, Any] | None) -> str | None:
    said = None if health is None else health.get("version")
    return str(said)[:100] if isinstance(said, str | int | float) else None


@dataclass(frozen=True)
class Greeting:
    """What is asked to see whether a service is there, and how its version is read from the JSON of the answer."""

    path: str = "/api/v1/health"
    version: Callable[[Any], str | None] = _version_in


class RemoteTarget(Target):
    """`start` makes sure that something answers HTTP there, and learns the platform's version if it tells.

    needs_platform: some step speaks the platform's API, so what answers must be one. is_authorised: somebody answers
    for what is sent there. other_tenant: an administrator of another tenant, for scenarios that look across the border.
    greeting: what is asked first.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        redactor: Redactor,
        *,
        needs_platform: bool = False,
        is_authorised: bool = False,
        other_tenant: Credentials | None = None,
        greeting: Greeting | None = None,
    ) -> None:
        self.info = TargetInfo(kind="url", url=check_url(url))
        self.credentials = credentials
        self.redactor = redactor
        self.departures = departures_for(self.info.url, is_authorised=is_authorised)
        self._needs_platform = needs_platform
        self._other_tenant = other_tenant
        self._greeting = greeting or Greeting()
        self.greeting_path = self._greeting.path
        for secret in credentials.secrets:
            redactor.learn(secret)

    async def start(self) -> None:
        self.address = await resolve_once(self.info.url)
        try:
            reply, health = await self._health()
        except (httpx.HTTPError, TimeoutError) as problem:
            raise _unreachable(self.info.url, _why(problem)) from problem
        if self._needs_platform and _is_another_service(reply.status_code, health):
            kind = reply.headers.get("content-type", "no content type")
            raise TargetUnreachable(
                f"what answers at {self.info.url} does not look like the platform: "
                f"GET /api/v1/health answered {reply.status_code} with {kind}",
                hint="the profile has steps that need the platform's API; is this its address?",
            )
        if (version := self._greeting.version(health)) is not None:
            self.info = self.info.model_copy(update={"version": version})

    async def changed(self) -> str | None:
        """Another version than at the start; a target that doesn't tell any more says nothing."""
        try:
            _, health = await self._health()
        except (httpx.HTTPError, TimeoutError):
            return None
        before, now = self.info.version, self._greeting.version(health)
        return None if before is None or now in (None, before) else f"its version was {before}, and is {now}"

    async def _health(self) -> tuple[httpx.Response, dict[str, Any] | None]:
        async with (
            self.client(REACH_TIMEOUT_S) as client,
            client.stream("GET", self._greeting.path, headers=dict(self.credentials.headers)) as reply,
        ):
            return reply, _health(await _head(reply))

    async def tenant_administrator(self, tenant: str) -> Credentials:
        if not self._other_tenant:
            raise NotApplicable(
                "no account of another tenant was given",
                hint="set $PYNOMALY_ITEST_OTHER_TENANT_USER and $PYNOMALY_ITEST_OTHER_TENANT_PASSWORD",
            )
        return self._other_tenant

    async def close(self) -> None:
        """Nothing of the target is ours to end."""


async def _head(reply: httpx.Response) -> bytes:
    """At most the first 64 KiB of a reply: what comes from a target has no size that we trust."""
    head = b""
    async for chunk in reply.aiter_bytes(16_384):
        head += chunk
        if len(head) > 65_536:
            break
    return head


def _health(body: bytes) -> dict[str, Any] | None:
    """The JSON object that a health endpoint answers with; None for anything else."""
    import json

    try:
        health = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return health if isinstance(health, dict) else None


def _is_another_service(status: int, health: dict[str, Any] | None) -> bool:
    """Whether what answers the platform's health check so is not the platform.

    A service that doesn't know the address says so in JSON as well as in HTML.
    """
    if status >= 500 or status in _ILL:
        return False
    return status != 200 or health is None or not health.keys() & {"status", "version"}


def _unreachable(url: str, why: str) -> TargetUnreachable:
    if "certificate" not in why:
        return TargetUnreachable(
            f"nothing answers at {url}: {why}", hint="is the service up, and is this its address?"
        )
    return TargetUnreachable(
        f"no trusted connection to {url}: {why}",
        hint="--ca FILE for an authority of your own, --cert FILE where the service asks who we are",
    )


def _why(problem: Exception) -> str:
    match problem:
        case httpx.ConnectTimeout() | httpx.ReadTimeout() | TimeoutError():
            return f"no answer within {REACH_TIMEOUT_S:g} s"
        case httpx.ConnectError() if (
            "refused" in str(problem).lower() or "all connection" in str(problem).lower()
        ):
            return "connection refused"
        case _:
            return str(problem) or type(problem).__name__
