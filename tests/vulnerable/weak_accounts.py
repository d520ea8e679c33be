"""Accounts, sessions and audit of the vulnerable application."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import weak_credentials
from weak_http import Answer, Refused, Request, answer_of
from weak_store import LEVELS, ROLES, Account

if TYPE_CHECKING:
    from weak_app import WeakApp

MOST_FAILURES = 5


def bearer_of(app: WeakApp, token: str) -> Account | None:
    """The account of a bearer token, None where it is not valid."""
    claims = app.tokens.verify(token, "access")
    if claims is None:
        return None
    account = app.store.accounts.get(str(claims.get("sub")))
    if account is None:
        return None
    if "SES-01" not in app.holes and claims.get("sid") not in app.store.sessions:
        return None
    if "SES-03" not in app.holes and account.disabled:
        return None
    return account


async def login(app: WeakApp, request: Request) -> Answer:
    form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    name, password = form.get("username", ""), form.get("password", "")
    if "DAT-02" in app.holes:
        app.store.log.append(f"login of {name} with {password}")
    account = app.store.by_name(name)
    subject = name
    if "AUT-04" in app.holes:  # the limit belongs to whoever the client says it is
        subject = f"{name}@{request.headers.get('x-forwarded-for', '')}"
    device = form.get("device_token", "")
    if device and account is not None and app.store.devices.get(device) == account.id:
        subject = name if "AUT-08" in app.holes else f"{name} on {device}"
    failures = app.store.unknown_failures
    if "AUT-03" not in app.holes and failures.get(subject, 0) >= MOST_FAILURES:
        raise Refused(429, "too many failures", {"retry-after": "60"})
    is_right = account is not None and account.password == password and not account.disabled
    if "AUT-06" in app.holes and account is not None:
        await asyncio.sleep(0.03)
    if not is_right or account is None:
        failures[subject] = failures.get(subject, 0) + 1
        app.store.record("somebody", "login", "session", name, "denied")
        known = "wrong password" if account is not None else "no such user"
        raise Refused(401, known if "AUT-05" in app.holes else "wrong name or password")
    failures.pop(subject, None)
    session = secrets.token_hex(8)
    cookie = request.headers.get("cookie", "")
    if "SES-02" in app.holes and cookie.startswith("session="):
        session = cookie.removeprefix("session=").split(";")[0]
    app.store.sessions[session] = account.id
    app.store.record(account.id, "login", "session", request.headers.get("user-agent", ""))
    return _tokens(app, account, session)


def _tokens(app: WeakApp, account: Account, session: str) -> Answer:
    device = secrets.token_hex(8)
    app.store.devices[device] = account.id
    pair = {use: app.tokens.issue(account.id, session, account.version, use) for use in ("access", "refresh")}
    return answer_of(
        {
            "access_token": pair["access"],
            "refresh_token": pair["refresh"],
            "token_type": "bearer",
            "expires_in": 900,
            "device_token": device,
        }
    )


async def refresh(app: WeakApp, request: Request) -> Answer:
    claims = app.tokens.verify(str(json.loads(request.body).get("refresh_token")), "refresh")
    if claims is None or claims["sid"] not in app.store.sessions:
        raise Refused(401)
    account = app.store.accounts[claims["sub"]]
    if account.disabled and "SES-03" not in app.holes:
        raise Refused(401)
    return _tokens(app, account, claims["sid"])


async def logout(app: WeakApp, request: Request) -> Answer:
    token = request.headers["authorization"].removeprefix("Bearer ")
    claims = app.tokens.verify(token, "access")
    assert claims is not None
    if "SES-01" not in app.holes:
        app.store.sessions.pop(claims["sid"], None)
    app.store.record(request.account.id, "logout", "session", request.headers.get("user-agent", ""))
    return Answer(204)


async def me(app: WeakApp, request: Request) -> Answer:
    who = request.account
    return answer_of({"id": who.id, "username": who.username, "role": who.role, "tenant_id": who.tenant})


def _view(app: WeakApp, account: Account) -> dict[str, Any]:
    shown = {
        "id": account.id, "username": account.username, "role": account.role, "disabled": account.disabled,
        "tenant_id": account.tenant, "clearance": LEVELS[account.clearance],
    }  # fmt: skip
    return {**shown, "password_hash": "x"} if "AZ-05" in app.holes else shown


async def users(app: WeakApp, request: Request) -> Answer:
    own = [each for each in app.store.accounts.values() if each.tenant == request.account.tenant]
    return answer_of([_view(app, each) for each in own])


async def create_user(app: WeakApp, request: Request) -> Answer:
    body = json.loads(request.body)
    if body.get("role") not in ROLES or not isinstance(body.get("username"), str):
        raise Refused(422)
    clearance = _granted(app, request, body)
    account = app.store.add_account(body["username"], body["password"], body["role"], request.account.tenant)
    account.clearance = request.account.clearance if clearance is None else clearance
    app.store.record(
        request.account.id, "user.create", f"user:{account.id}", request.headers.get("user-agent", "")
    )
    return answer_of(_view(app, account), 201)


def _found(app: WeakApp, request: Request) -> Account:
    account = app.store.accounts.get(request.params["id"])
    if account is None or account.tenant != request.account.tenant:
        raise Refused(404)
    return account


async def user(app: WeakApp, request: Request) -> Answer:
    return answer_of(_view(app, _found(app, request)))


def _granted(app: WeakApp, request: Request, body: dict[str, Any]) -> int | None:
    """The clearance that is wanted, which must not be above that of who grants it."""
    if body.get("clearance") is None:
        return None
    if body["clearance"] not in LEVELS:
        raise Refused(422)
    level = LEVELS.index(body["clearance"])
    if level > request.account.clearance and "AZ-07" not in app.holes:
        raise Refused(403)
    return level


async def change_user(app: WeakApp, request: Request) -> Answer:
    account, body = _found(app, request), json.loads(request.body)
    if "AZ-09" in app.holes and body.get("role") is not None:
        account.role = body["role"]
    clearance = _granted(app, request, body)
    if len(body.get("password", "long enough")) < 8:
        raise Refused(422)
    if body.get("role") is not None and "SES-03" not in app.holes:
        account.role = body["role"]
    if clearance is not None:
        account.clearance = clearance
    if body.get("disabled") is not None:
        weak_credentials.end_keys(app, account)
    account.disabled = bool(body.get("disabled", account.disabled))
    app.store.record(
        request.account.id, "user.change", f"user:{account.id}", request.headers.get("user-agent", "")
    )
    return answer_of(_view(app, account))


async def erase_user(app: WeakApp, request: Request) -> Answer:
    app.store.accounts.pop(_found(app, request).id)
    return answer_of({"user_id": request.params["id"]})


def events_of(app: WeakApp, account: Account) -> list[dict[str, Any]]:
    """The events of the account's tenant, numbered among themselves."""
    own = [event for event in app.store.audit if event["tenant"] == account.tenant]
    if "AUD-06" in app.holes:
        return own
    return [{**event, "sequence": number} for number, event in enumerate(own, 1)]


async def audit(app: WeakApp, request: Request) -> Answer:
    events = events_of(app, request.account)
    for name in ("actor", "resource"):
        if request.query.get(name):
            events = [event for event in events if event[name] == request.query[name]]
    newest = list(reversed(events)) if request.query.get("newest_first") == "true" else events
    return answer_of(newest[: int(request.query.get("limit", "100"))])


PREFIX = "/api/v1"
ROUTES = [
    ("POST", f"{PREFIX}/auth/login", login, None),
    ("POST", f"{PREFIX}/auth/refresh", refresh, None),
    ("POST", f"{PREFIX}/auth/logout", logout, "viewer"),
    ("GET", f"{PREFIX}/auth/me", me, "viewer"),
    ("GET", f"{PREFIX}/admin/users", users, "admin"),
    ("POST", f"{PREFIX}/admin/users", create_user, "admin"),
    ("GET", f"{PREFIX}/admin/users/{{id}}", user, "admin"),
    ("PATCH", f"{PREFIX}/admin/users/{{id}}", change_user, "admin"),
    ("DELETE", f"{PREFIX}/admin/users/{{id}}", erase_user, "admin"),
    ("GET", f"{PREFIX}/audit", audit, "admin"),
]
