"""Routes of one's own account: logging in and out, tokens, sessions, keys, password and second factor."""

from __future__ import annotations

import time

import msgspec
from msgspec import UNSET

from pynomaly.api import account_schemas as schemas
from pynomaly.api.endpoint import Answer, Call, Endpoint, json_answer
from pynomaly.api.login_form import read_login_form
from pynomaly.api.off_loop import off_loop
from pynomaly.api.schemas import Token
from pynomaly.domain.accounts import ApiKey
from pynomaly.domain.errors import Forbidden, RateLimited, Unauthenticated, recorded
from pynomaly.domain.permissions import Principal
from pynomaly.security.client_address import limit_key
from pynomaly.security.tokens import TokenPair
from pynomaly.usecases.platform import principal_of

_DAY_S = 86_400


async def login(call: Call) -> Answer:
    """Name and password (and code) for tokens; every refusal says the same."""
    services, caller = call.services, call.caller
    services.login_limit.require(limit_key(caller.ip_address))
    form = await read_login_form(call)
    session = await off_loop(
        services.security.auth.authenticate_user,
        form.username,
        form.password,
        caller.ip_address,
        caller.user_agent,
        form.totp_code,
        form.device_token,
    )
    if session is None:
        retry_after_s = await off_loop(
            services.security.auth.login_retry_after_s, form.username, caller.ip_address, form.device_token
        )
        if retry_after_s is not None:
            raise RateLimited("Too many failed logins with that name.", retry_after_s=retry_after_s)
        raise recorded(Unauthenticated("Name, password or code is not right."))
    pair = await off_loop(services.security.auth.issue_tokens, session)
    return _token_answer(pair, services.security.auth.device_token(session))


def _token_answer(pair: TokenPair, device_token: str | None = None) -> Answer:
    return json_answer(
        Token(
            access_token=pair.access_token,
            refresh_token=pair.refresh_token,
            token_type=pair.token_type,
            expires_in=pair.expires_in,
            device_token=UNSET if device_token is None else device_token,
        ),
        headers=((b"pragma", b"no-cache"),),
    )


async def refresh(call: Call) -> Answer:
    """New tokens for a refresh token."""
    services, caller = call.services, call.caller
    services.login_limit.require(limit_key(caller.ip_address))
    return _token_answer(
        await off_loop(
            services.security.auth.refresh, call.body.refresh_token, caller.ip_address, caller.user_agent
        )
    )


async def logout(call: Call) -> Answer:
    """End this session: its tokens stop counting at once."""
    session_id = _logged_in(call).session_id
    await off_loop(lambda: call.services.security.auth.logout(str(session_id), by=call.caller))
    return Answer(status=204)


async def me(call: Call) -> Answer:
    """Who is asking."""
    principal = principal_of(call.caller)
    return json_answer(
        schemas.Me(
            id=principal.user_id,
            username=principal.username,
            tenant_id=principal.tenant_id,
            role=principal.role.value,
            clearance=principal.clearance.name,
            permissions=sorted(principal.permissions),
        )
    )


async def sessions(call: Call) -> Answer:
    """One's own sessions."""
    principal = principal_of(call.caller)
    found = await off_loop(call.services.security.auth.sessions, principal.user_id, by=call.caller)
    return json_answer(
        [
            schemas.Session(
                id=session.id,
                created_at=session.created_at,
                expires_at=session.expires_at,
                ip_address=session.ip_address,
                user_agent=session.user_agent,
                is_current=session.id == principal.session_id,
            )
            for session in found
        ]
    )


async def revoke_session(call: Call) -> Answer:
    """End one of one's sessions."""
    await off_loop(lambda: call.services.security.auth.revoke_session(call.path["id"], by=call.caller))
    return Answer(status=204)


async def create_api_key(call: Call) -> Answer:
    """Make a key; its secret is shown this once."""
    body: schemas.ApiKeyRequest = call.body
    principal = _logged_in(call)
    permissions = sorted(principal.permissions) if body.permissions is None else body.permissions
    expires_at = None if body.expires_in_days is None else time.time() + body.expires_in_days * _DAY_S
    made = await off_loop(
        call.services.security.auth.create_api_key,
        principal.user_id,
        body.name,
        permissions,
        expires_at,
        by=call.caller,
    )
    return json_answer(
        schemas.NewApiKey(api_key=made.secret, **msgspec.structs.asdict(_key_view(made.key))), 201
    )


async def api_keys(call: Call) -> Answer:
    """One's own keys."""
    found = await off_loop(
        call.services.security.auth.api_keys, principal_of(call.caller).user_id, by=call.caller
    )
    return json_answer([_key_view(key) for key in found])


async def revoke_api_key(call: Call) -> Answer:
    """End a key."""
    await off_loop(call.services.security.auth.revoke_api_key, call.path["id"], by=call.caller)
    return Answer(status=204)


async def change_password(call: Call) -> Answer:
    """Set one's own password; the other sessions end."""
    principal, body = _logged_in(call), call.body
    await off_loop(
        call.services.security.auth.change_password,
        principal.user_id,
        body.current_password,
        body.new_password,
        by=call.caller,
    )
    return Answer(status=204)


async def enable_totp(call: Call) -> Answer:
    """Prepare a second factor."""
    principal = _logged_in(call)
    made = await off_loop(
        call.services.security.auth.enable_totp, principal.user_id, call.body.password, by=call.caller
    )
    return json_answer(schemas.TotpEnrolment(secret=made.secret, uri=made.uri), 201)


async def confirm_totp(call: Call) -> Answer:
    """Make the second factor count."""
    principal = _logged_in(call)
    await off_loop(
        call.services.security.auth.confirm_totp, principal.user_id, call.body.code, by=call.caller
    )
    return Answer(status=204)


async def disable_totp(call: Call) -> Answer:
    """Remove the second factor."""
    principal, body = _logged_in(call), call.body
    await off_loop(
        call.services.security.auth.disable_totp, principal.user_id, body.password, body.code, by=call.caller
    )
    return Answer(status=204)


async def bootstrap(call: Call) -> Answer:
    """Make the first admin with the one-time token that the first start printed."""
    call.services.login_limit.require(limit_key(call.caller.ip_address))
    body: schemas.BootstrapRequest = call.body
    await off_loop(
        call.services.security.auth.redeem_bootstrap_token,
        body.token,
        body.username,
        body.password,
        by=call.caller,
    )
    return Answer(status=204)


def _logged_in(call: Call) -> Principal:
    """The principal, who must have logged in: keys can't manage credentials."""
    principal = principal_of(call.caller)
    if principal.session_id is None:
        raise Forbidden("This needs a login; an API key won't do.")
    return principal


def _key_view(key: ApiKey) -> schemas.ApiKey:
    return schemas.ApiKey(
        id=key.id,
        name=key.name,
        permissions=sorted(key.permissions),
        created_at=key.created_at,
        expires_at=key.expires_at,
    )


_LOGIN_FORM = {"application/x-www-form-urlencoded": schemas.LoginForm}

ENDPOINTS = [
    Endpoint(
        method="POST", path="/api/v1/auth/login", handler=login, summary="Log in", tag="auth", is_public=True,
        body_media=_LOGIN_FORM, reply=Token, problems=(400, 401, 413, 415, 422, 429),
    ),
    Endpoint(
        method="POST", path="/api/v1/auth/refresh", handler=refresh, summary="New tokens", tag="auth", is_public=True,
        body=schemas.RefreshRequest, reply=Token, problems=(400, 401, 413, 422, 429),
    ),
    Endpoint(
        method="POST", path="/api/v1/auth/logout", handler=logout, summary="Log out", tag="auth", status=204,
    ),
    Endpoint(method="GET", path="/api/v1/auth/me", handler=me, summary="Who am I", tag="auth", reply=schemas.Me),
    Endpoint(
        method="GET", path="/api/v1/auth/sessions", handler=sessions, summary="My sessions", tag="auth",
        reply=list[schemas.Session],
    ),
    Endpoint(
        method="DELETE", path="/api/v1/auth/sessions/{id}", handler=revoke_session, summary="End a session",
        tag="auth", status=204, problems=(404,),
    ),
    Endpoint(
        method="POST", path="/api/v1/auth/api-keys", handler=create_api_key, summary="Make an API key", tag="auth",
        body=schemas.ApiKeyRequest, reply=schemas.NewApiKey, status=201, problems=(400, 413, 422),
    ),
    Endpoint(
        method="GET", path="/api/v1/auth/api-keys", handler=api_keys, summary="My API keys", tag="auth",
        reply=list[schemas.ApiKey],
    ),
    Endpoint(
        method="DELETE", path="/api/v1/auth/api-keys/{id}", handler=revoke_api_key, summary="End an API key",
        tag="auth", status=204, problems=(404,),
    ),
    Endpoint(
        method="POST", path="/api/v1/auth/password", handler=change_password, summary="Change my password",
        tag="auth", body=schemas.PasswordChange, status=204, problems=(400, 413, 422),
    ),
    Endpoint(
        method="POST", path="/api/v1/auth/totp", handler=enable_totp, summary="Prepare a second factor", tag="auth",
        body=schemas.TotpEnable, reply=schemas.TotpEnrolment, status=201, problems=(400, 409, 413, 422),
    ),
    Endpoint(
        method="POST", path="/api/v1/auth/totp/confirm", handler=confirm_totp, summary="Confirm the second factor",
        tag="auth", body=schemas.TotpConfirm, status=204, problems=(400, 409, 413, 422),
    ),
    Endpoint(
        method="POST", path="/api/v1/auth/totp/disable", handler=disable_totp, summary="Remove the second factor",
        tag="auth", body=schemas.TotpDisable, status=204, problems=(400, 413, 422),
    ),
    Endpoint(
        method="POST", path="/api/v1/auth/bootstrap", handler=bootstrap, summary="Make the first admin", tag="auth",
        is_public=True, body=schemas.BootstrapRequest, status=204, problems=(400, 401, 409, 413, 422, 429),
    ),
]  # fmt: skip
