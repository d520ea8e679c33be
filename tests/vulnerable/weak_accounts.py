"""Accounts, sessions and audit of the vulnerable application."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from weak_http import Answer, Refused, Request, answer_of
from weak_store import ROLES, Account

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
    pair = {use: app.tokens.issue(account.id, session, account.version, use) for use in ("access", "refresh")}
    return answer_of(
        {
            "access_token": pair["access"],
            "refresh_token": pair["refresh"],
            "token_type": "bearer",
            "expires_in": 900,
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
        "tenant_id": account.tenant,
    }  # fmt: skip
    return {**shown, "password_hash": "x"} if "AZ-05" in app.holes else shown


async def users(app: WeakApp, request: Request) -> Answer:
    own = [each for each in app.store.accounts.values() if each.tenant == request.account.tenant]
    return answer_of([_view(app, each) for each in own])


async def create_user(app: WeakApp, request: Request) -> Answer:
    body = json.loads(request.body)
    if body.get("role") not in ROLES or not isinstance(body.get("username"), str):
        raise Refused(422)
    account = app.store.add_account(body["username"], body["password"], body["role"], request.account.tenant)
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


async def change_user(app: WeakApp, request: Request) -> Answer:
    account, body = _found(app, request), json.loads(request.body)
    if body.get("role") is not None and "SES-03" not in app.holes:
        account.role = body["role"]
    account.disabled = bool(body.get("disabled", account.disabled))
    app.store.record(
        request.account.id, "user.change", f"user:{account.id}", request.headers.get("user-agent", "")
    )
    return answer_of(_view(app, account))


async def erase_user(app: WeakApp, request: Request) -> Answer:
    app.store.accounts.pop(_found(app, request).id)
    return answer_of({"user_id": request.params["id"]})


async def audit(app: WeakApp, request: Request) -> Answer:
    events = app.store.audit
    if request.query.get("actor"):
        events = [event for event in events if event["actor"] == request.query["actor"]]
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
