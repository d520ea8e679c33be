"""How requests identify themselves at a service, as the `service:` block says it."""

from __future__ import annotations

import base64
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class Basic(_Strict):
    """A name and a password in every request (RFC 7617)."""

    username: str
    password: str = Field(repr=False)


class ClientCredentials(_Strict):
    """A token that the client asks for in its own name (RFC 6749, section 4.4), and again before it runs out."""

    token_url: str = Field(pattern=r"^(/|https?://)", description="a path of the service, or another URL")
    client_id: str
    client_secret: str = Field(repr=False)
    scope: str | None = None
    audience: str | None = None


class Auth(_Strict):
    """One way to identify; every secret is `${{ env.NAME }}`."""

    header: str | None = Field(None, pattern=r"^[A-Za-z0-9-]{1,100}$", description="the header's name")
    value: str | None = Field(None, repr=False, description="the header's value")
    bearer: str | None = Field(None, repr=False, description="a token, sent as Authorization: Bearer")
    basic: Basic | None = None
    oauth2_client_credentials: ClientCredentials | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Auth:
        ways = (self.header, self.bearer, self.basic, self.oauth2_client_credentials)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("say one way: header and value, bearer, basic or oauth2_client_credentials")
        if (self.header is None) != (self.value is None):
            raise ValueError("'header' and 'value' go together")
        return self

    def fixed_headers(self) -> dict[str, str]:
        """The headers that identify every request; none where a token has to be asked for first."""
        if self.header is not None:
            return {self.header: self.value or ""}
        if self.bearer is not None:
            return {"Authorization": f"Bearer {self.bearer}"}
        if self.basic is not None:
            pair = f"{self.basic.username}:{self.basic.password}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        return {}

    def secrets(self) -> list[str]:
        """All that must not be shown."""
        said: list[Any] = [self.value, self.bearer]
        if self.basic is not None:
            said += [self.basic.password, *self.fixed_headers().values()]
        if self.oauth2_client_credentials is not None:
            said.append(self.oauth2_client_credentials.client_secret)
        return [value for value in said if value]
