"""Users for a run: made through the platform's own administration, in the tool's tenant or in another one."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.target.base import Credentials
from pynomaly_itest.target.http import Body
from pynomaly_itest.target.platform import PlatformApi

if TYPE_CHECKING:
    from pynomaly_itest.target.base import Target

OTHER_TENANT = "itest-other"


@dataclass(frozen=True)
class Actor:
    """Somebody at the platform; `api` speaks as them, `administration` as who may remove them again."""

    id: str
    username: str
    role: str
    tenant: str
    api: PlatformApi = field(repr=False)
    administration: PlatformApi = field(repr=False)
    password: str = field(default="", repr=False)

    @property
    def path(self) -> str:
        """Where the account is administered; DELETE erases it."""
        return f"admin/users/{self.id}"


@dataclass
class Accounts:
    """Makes actors. `api` is the run's own account, which must be an administrator's for it."""

    api: PlatformApi
    target: Target
    run_id: str = ""
    _other: PlatformApi | None = field(default=None, repr=False)

    async def enrol(self, role: str = "data_scientist", *, tenant: str = "own") -> Actor:
        """A new user of this role, in the run's own tenant or (`tenant="other"`) in another.

        Raises NotApplicable where the run's account may not make users, or no other tenant can be had.
        """
        administration = self.api if tenant == "own" else await self._other_tenant()
        username = "-".join(filter(None, ("itest", self.run_id[:8], secrets.token_hex(6))))
        password = secrets.token_urlsafe(18)
        self.api.redactor.learn(password)
        wanted = {"username": username, "password": password, "role": role}
        reply = await administration.send("POST", "admin/users", body=Body(json=wanted))
        if reply.status in (401, 403, 404, 405):
            raise NotApplicable(
                f"no user could be made: POST admin/users answered {reply.status}",
                hint="run with an administrator's account",
            )
        made = reply.json()
        if (
            reply.status not in (200, 201)
            or not isinstance(made, dict)
            or not isinstance(made.get("id"), str)
        ):
            from pynomaly_itest.target.http import RequestFailed

            raise RequestFailed(f"POST admin/users answered {reply.status} for a new {role}", reply.exchange)
        return Actor(
            id=made["id"],
            username=username,
            role=role,
            tenant=str(made.get("tenant_id", tenant)),
            api=self._speaking_as(Credentials(username=username, password=password)),
            administration=administration,
            password=password,
        )

    def log_in_again(self, actor: Actor) -> PlatformApi:
        """The actor's API by a new login: what was changed of the account ends the sessions it had."""
        return self._speaking_as(actor.api.credentials)

    def with_api_key(self, api_key: str) -> PlatformApi:
        """The API as the holder of this key sees it."""
        self.api.redactor.learn(api_key)
        return self._speaking_as(Credentials(api_key=api_key))

    def anonymous(self) -> PlatformApi:
        """The API as nobody sees it."""
        return self._speaking_as(Credentials())

    def _speaking_as(self, credentials: Credentials) -> PlatformApi:
        return PlatformApi(self.api.http, credentials, self.api.redactor, self.api.clock)

    async def _other_tenant(self) -> PlatformApi:
        if self._other is None:
            credentials = await self.target.tenant_administrator(OTHER_TENANT)
            for secret in credentials.secrets:
                self.api.redactor.learn(secret)
            self._other = self._speaking_as(credentials)
        return self._other
