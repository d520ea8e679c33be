"""Bodies of the account, administration and audit routes."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from pynomaly.api.schemas import Name, Reply, Request

Password = Annotated[str, Meta(min_length=1, max_length=256)]
Username = Annotated[str, Meta(min_length=1, max_length=64, examples=["ada"])]


class LoginForm(Request, frozen=True, kw_only=True):
    """OAuth 2 password form, with an optional second factor."""

    username: Annotated[str, Meta(min_length=1, max_length=256)]
    password: Annotated[str, Meta(min_length=1, max_length=1_024)]
    totp_code: Annotated[str, Meta(max_length=16)] | None = None
    device_token: Annotated[str, Meta(max_length=256)] | None = None
    """From the answer to an earlier login: then others' wrong passwords don't make this device wait."""
    grant_type: Annotated[str, Meta(max_length=32)] | None = None
    scope: Annotated[str, Meta(max_length=256)] | None = None
    client_id: Annotated[str, Meta(max_length=256)] | None = None
    client_secret: Annotated[str, Meta(max_length=256)] | None = None


class RefreshRequest(Request, frozen=True, kw_only=True):
    """A refresh token counts once; using it twice ends the session."""

    refresh_token: Annotated[str, Meta(min_length=1, max_length=4_096)]


class Account(Reply, frozen=True, kw_only=True):
    """An account, as it may be shown."""

    id: str
    username: str
    tenant_id: str
    role: str
    clearance: str
    permissions: list[str]
    disabled: bool
    created_at: float
    totp_enabled: bool


class Me(Reply, frozen=True, kw_only=True):
    """Who is asking, and what that account or key may do."""

    id: str
    username: str
    tenant_id: str
    role: str
    clearance: str
    permissions: list[str]


class Session(Reply, frozen=True, kw_only=True):
    """A login that is alive."""

    id: str
    created_at: float
    expires_at: float
    ip_address: str
    user_agent: str
    is_current: bool


class ApiKeyRequest(Request, frozen=True, kw_only=True):
    """A new key with some of one's own permissions (all of them if none are named)."""

    name: Name
    permissions: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=64)] | None = None
    expires_in_days: Annotated[float, Meta(gt=0, le=3_650)] | None = None


class ApiKey(Reply, frozen=True, kw_only=True):
    """A key, without its secret."""

    id: str
    name: str
    permissions: list[str]
    created_at: float
    expires_at: float


class NewApiKey(ApiKey, frozen=True, kw_only=True):
    """A key just made; `api_key` is shown this once and goes into the header X-API-Key."""

    api_key: str


class PasswordChange(Request, frozen=True, kw_only=True):
    """One's own password."""

    current_password: Password
    new_password: Password


class TotpEnable(Request, frozen=True, kw_only=True):
    """The password, once more."""

    password: Password


class TotpEnrolment(Reply, frozen=True, kw_only=True):
    """What an authenticator needs, shown this once."""

    secret: str
    uri: str


class TotpConfirm(Request, frozen=True, kw_only=True):
    """The authenticator's first code."""

    code: Annotated[str, Meta(min_length=6, max_length=8)]


class TotpDisable(Request, frozen=True, kw_only=True):
    """Both factors, once more."""

    password: Password
    code: Annotated[str, Meta(min_length=6, max_length=8)]


class BootstrapRequest(Request, frozen=True, kw_only=True):
    """The one-time token that the first start printed, and the first admin's name and password."""

    token: Annotated[str, Meta(min_length=1, max_length=256)]
    username: Username
    password: Password


class NewUser(Request, frozen=True, kw_only=True):
    """A new account in the admin's tenant."""

    username: Username
    password: Password
    role: Annotated[str, Meta(max_length=32, examples=["analyst"])]
    clearance: Annotated[str, Meta(max_length=32)] | None = None


class UserChange(Request, frozen=True, kw_only=True):
    """What to change of an account: in force at the next request."""

    role: Annotated[str, Meta(max_length=32)] | None = None
    clearance: Annotated[str, Meta(max_length=32)] | None = None
    disabled: bool | None = None
    password: Password | None = None


class RoleInfo(Reply, frozen=True, kw_only=True):
    """What a role may do."""

    role: str
    clearance: str
    permissions: list[str]


class AuditQuery(Request, frozen=True, kw_only=True):
    """Which events; instants in RFC 3339."""

    actor: Annotated[str, Meta(max_length=64)] | None = None
    action: Annotated[str, Meta(max_length=64)] | None = None
    outcome: Annotated[str, Meta(pattern="^(success|denied|failure)$")] | None = None
    resource: Annotated[str, Meta(max_length=128)] | None = None
    since: Annotated[str, Meta(max_length=40)] | None = None
    until: Annotated[str, Meta(max_length=40)] | None = None
    after_sequence: Annotated[int, Meta(ge=0, le=2**53)] = 0
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100
    newest_first: bool = False


class AuditEvent(Reply, frozen=True, kw_only=True):
    """One link of the chain; sequences count within the tenant, and the digest is the keyed one."""

    sequence: int
    occurred_at: str
    actor: str
    action: str
    outcome: str
    resource: str
    ip_address: str
    user_agent: str
    details: dict[str, Any]
    digest: str


class Chain(Reply, frozen=True, kw_only=True):
    """Whether the audit log is whole; if not, where it first isn't; if so, what the check could not know."""

    is_intact: bool
    n_events: int
    first_broken: int | None
    reason: str | None
    anchored_at: int | None
    not_known: str | None


class Rotation(Reply, frozen=True, kw_only=True):
    """The new encryption key's id, and how many stored objects were sealed anew."""

    key_id: str
    n_resealed: int


class PersonalData(Reply, frozen=True, kw_only=True):
    """Everything held about one user; `withheld` counts what is above the clearance of who asks."""

    account: dict[str, Any]
    sessions: list[dict[str, Any]]
    api_keys: list[dict[str, Any]]
    audit_events: list[dict[str, Any]]
    objects: dict[str, list[dict[str, Any]]]
    withheld: dict[str, int]


class Erasure(Reply, frozen=True, kw_only=True):
    """How many objects each store forgot."""

    user_id: str
    n_erased: dict[str, int]
