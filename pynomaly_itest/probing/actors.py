"""The accounts that probes act as: given by the environment, or made for the run and taken away again."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pynomaly_itest.errors import CannotMeasure, NotApplicable
from pynomaly_itest.target.base import Credentials
from pynomaly_itest.target.http import Body, RequestFailed
from pynomaly_itest.target.platform import PlatformApi, require

if TYPE_CHECKING:
    from pynomaly_itest.target.base import Target
    from pynomaly_itest.target.http import Http

ROLES = {"user_a": "data_scientist", "peer": "data_scientist", "viewer": "viewer", "user_b": "data_scientist"}


class Ledger(Protocol):
    """What was created and has to be removed again."""

    def created(self, kind: str, id: str, path: str) -> None: ...  # noqa: A002 - the field's word


@dataclass(frozen=True)
class Actor:
    """An account and its way to log in; `id` where it was made for the run."""

    name: str
    api: PlatformApi
    id: str | None = None

    @property
    def username(self) -> str:
        return self.api.credentials.username or ""

    @property
    def password(self) -> str:
        """The password; raises NotApplicable where the actor has a token only."""
        if self.api.credentials.password is None:
            raise NotApplicable(f"{self.name} has no password, only a token")
        return self.api.credentials.password

    async def headers(self) -> dict[str, str]:
        """What identifies the actor; logs in at the first use."""
        return await self.api.authorization()

    async def token(self) -> str:
        """The actor's bearer token; raises NotApplicable where it has none."""
        value = (await self.headers()).get("Authorization", "")
        if not value.startswith("Bearer "):
            raise NotApplicable(f"{self.name} has no bearer token")
        return value.removeprefix("Bearer ")


@dataclass(frozen=True)
class Tokens:
    """What one login gave."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)


@dataclass
class Actors:
    """Finds or makes each actor when it is first asked for.

    `admin` is who the run identifies as, `admin_b` administers another tenant. `user_a`, `peer` (of the same role),
    `viewer` and `user_b` (of another tenant) come from `PYNOMALY_ITEST_<ACTOR>_USERNAME` and `…_PASSWORD` or
    `…_TOKEN`; without those they are made by the tenant's admin.
    """

    http: Http
    target: Target
    ledger: Ledger
    ledger_of: Callable[[PlatformApi], Ledger]
    environment: Mapping[str, str] = field(repr=False)
    run_id: str
    _known: dict[str, Actor] = field(default_factory=dict)
    _finding: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, name: str) -> Actor:
        """The actor called `name`; raises NotApplicable where it can't be had, with the reason."""
        async with self._finding:
            if name not in self._known:
                self._known[name] = await self._find(name)
            return self._known[name]

    async def _find(self, name: str) -> Actor:
        given = self._from_environment(name)
        if given is not None:
            return self._actor(name, given)
        if name == "admin":
            if not self.target.credentials:
                raise NotApplicable(
                    "no admin account: none was given with --user or $PYNOMALY_ITEST_TOKEN",
                    hint="--user NAME and $PYNOMALY_ITEST_PASSWORD of an administrator",
                )
            return self._actor(name, self.target.credentials)
        if name == "admin_b":
            return self._actor(name, await self.target.tenant_administrator(f"itest-{secrets.token_hex(4)}"))
        if name not in ROLES:
            raise NotApplicable(f"there is no actor {name!r}")
        if name != "user_b":
            return await self._made(name, ROLES[name])
        return await self._of_another_tenant(name)

    def _from_environment(self, name: str) -> Credentials | None:
        def value(part: str) -> str | None:
            return self.environment.get(f"PYNOMALY_ITEST_{name.upper()}_{part}")

        found = Credentials(value("USERNAME"), value("PASSWORD"), value("TOKEN"))
        return found if found else None

    def _actor(self, name: str, credentials: Credentials, id_: str | None = None) -> Actor:
        for secret in credentials.secrets:
            self.target.redactor.learn(secret)
        return Actor(name, PlatformApi(self.http, credentials, self.target.redactor), id_)

    async def canary(self, role: str = "viewer") -> Actor:
        """A new account of our own that a probe may lock, disable or demote."""
        return await self._made("canary", role)

    async def _made(self, name: str, role: str) -> Actor:
        admin = self._known.get("admin") or await self._find("admin")
        made = await self._created_by(admin.api, name, role)
        self.ledger.created("account", str(made.id), f"admin/users/{made.id}")
        return made

    async def _of_another_tenant(self, name: str) -> Actor:
        admin = self._known.get("admin_b") or await self._find("admin_b")
        self._known["admin_b"] = admin
        made = await self._created_by(admin.api, name, ROLES[name])
        self.ledger_of(admin.api).created("account", str(made.id), f"admin/users/{made.id}")
        return made

    async def _created_by(self, admin: PlatformApi, name: str, role: str) -> Actor:
        password = f"{secrets.token_urlsafe(18)}-Aa1"
        self.target.redactor.learn(password)
        username = f"itest-{self.run_id[:8]}-{name.replace('_', '-')}-{secrets.token_hex(3)}"
        wanted = {"username": username, "password": password, "role": role}
        try:
            reply = await admin.send("POST", "admin/users", body=Body(json=wanted))
        except (RequestFailed, CannotMeasure) as problem:
            raise CannotMeasure(f"{name} could not be made: {problem.message}") from problem
        if reply.status in (401, 403, 404, 405):
            raise NotApplicable(
                f"{name} could not be made: POST admin/users answered {reply.status}",
                hint=f"an administrator by --user, or $PYNOMALY_ITEST_{name.upper()}_USERNAME and _PASSWORD",
            )
        made: Any = require(reply, (200, 201))
        if not isinstance(made, dict) or not isinstance(made.get("id"), str | int):
            raise CannotMeasure("POST admin/users answered without the account's id")
        return self._actor(name, Credentials(username=username, password=password), str(made["id"]))
