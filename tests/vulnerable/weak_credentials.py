"""API keys, second factors, key rotation, queue and stream of the vulnerable application."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, Any

import weak_accounts
import weak_data
from weak_http import Answer, Refused, Request, answer_of
from weak_store import Account

if TYPE_CHECKING:
    from weak_app import WeakApp

MOST_CODES, QUEUE, SHARE = 5, 32, 8


def by_key(app: WeakApp, secret: str) -> Account | None:
    """The owner of an API key; of a closed account only while the hole is open."""
    account = app.store.accounts.get(app.store.keys.get(secret, ""))
    if account is None or (account.disabled and "SES-04" not in app.holes):
        return None
    return account


def end_keys(app: WeakApp, account: Account) -> None:
    if "SES-04" not in app.holes:
        app.store.keys = {key: owner for key, owner in app.store.keys.items() if owner != account.id}


def _require_login(app: WeakApp, request: Request) -> None:
    if "x-api-key" in request.headers and "AUT-07" not in app.holes:
        raise Refused(403)


async def create_key(app: WeakApp, request: Request) -> Answer:
    _require_login(app, request)
    secret = f"key-{secrets.token_hex(16)}"
    app.store.keys[secret] = request.account.id
    return answer_of({"id": secret[4:12], "api_key": secret}, 201)


async def keys(app: WeakApp, request: Request) -> Answer:
    _require_login(app, request)
    own = [key for key, owner in app.store.keys.items() if owner == request.account.id]
    return answer_of([{"id": key[4:12]} for key in own])


async def delete_key(app: WeakApp, request: Request) -> Answer:
    _require_login(app, request)
    app.store.keys = {key: o for key, o in app.store.keys.items() if key[4:12] != request.params["id"]}
    return Answer(204)


async def sessions(app: WeakApp, request: Request) -> Answer:
    _require_login(app, request)
    own = [session for session, owner in app.store.sessions.items() if owner == request.account.id]
    return answer_of([{"id": session} for session in own])


async def delete_session(app: WeakApp, request: Request) -> Answer:
    _require_login(app, request)
    app.store.sessions.pop(request.params["id"], None)
    return Answer(204)


async def password(app: WeakApp, request: Request) -> Answer:
    _require_login(app, request)
    body = json.loads(request.body)
    if body.get("current_password") != request.account.password:
        raise Refused(403)
    request.account.password = body["new_password"]
    end_keys(app, request.account)
    return Answer(204)


async def enable_totp(app: WeakApp, request: Request) -> Answer:
    _require_login(app, request)
    return answer_of({"secret": "JBSWY3DPEHPK3PXP"}, 201)


async def confirm_totp(app: WeakApp, request: Request) -> Answer:
    _require_login(app, request)
    request.account.wrong_codes += 1
    if request.account.wrong_codes > MOST_CODES and "AUT-09" not in app.holes:
        raise Refused(429, headers={"retry-after": "30"})
    raise Refused(422)


def is_operator(app: WeakApp, account: Account) -> bool:
    return account.role == "admin" and account.tenant == "one"


async def rotate(app: WeakApp, request: Request) -> Answer:
    """Every file anew: what was deleted between reading and writing is back where the hole is open."""
    if not is_operator(app, request.account) and "AZ-08" not in app.holes:
        raise Refused(403)
    files = [path for path in app.store.folder.iterdir() if path.name in app.store.things]
    contents = {path: path.read_bytes() for path in files}
    await asyncio.sleep(0.2)
    for path, content in contents.items():
        if path.exists() or "DAT-04" in app.holes:
            path.write_bytes(content)
    return answer_of({"key_id": "new", "n_resealed": len(contents)})


async def verify_audit(app: WeakApp, request: Request) -> Answer:
    own = weak_accounts.events_of(app, request.account)
    is_whole_told = is_operator(app, request.account) or "AUD-06" in app.holes
    return answer_of({"is_intact": True, "n_events": len(app.store.audit if is_whole_told else own)})


def queued(app: WeakApp, account: Account) -> str:
    """A place in the queue of trainings; raises Refused where there is none."""
    waiting = app.store.waiting
    n_own = sum(owner == account.id for owner in waiting.values())
    if len(waiting) >= QUEUE or (n_own >= SHARE and "AZ-10" not in app.holes):
        raise Refused(429, headers={"retry-after": "5"})
    operation = secrets.token_hex(4)
    waiting[operation] = account.id
    return operation


async def cancel(app: WeakApp, request: Request) -> Answer:
    app.store.waiting.pop(request.params["id"], None)
    return answer_of({"id": request.params["id"], "status": "cancelled"})


async def stream(app: WeakApp, scope: Any, receive: Any, send: Any) -> None:
    """Scores line by line; asks for the account at each unless the hole is open."""
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
    token = headers.get("authorization", "").removeprefix("Bearer ")
    account = weak_accounts.bearer_of(app, token)
    thing = app.store.things.get(scope["query_string"].decode().partition("detector_id=")[2])
    if account is None or thing is None or thing.model is None:
        await send({"type": "http.response.start", "status": 401 if account is None else 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    is_open = True
    while is_open:
        message = await receive()
        is_open = message["type"] == "http.request" and message.get("more_body", False)
        if not message.get("body"):
            continue
        if "SES-05" not in app.holes and weak_accounts.bearer_of(app, token) is None:
            break
        row = json.loads(message["body"])
        line = json.dumps({"score": weak_data.score_of(app, thing.model, row)}).encode() + b"\n"
        await send({"type": "http.response.body", "body": line, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


PREFIX = "/api/v1"
ROUTES = [
    ("POST", f"{PREFIX}/auth/api-keys", create_key, "viewer"),
    ("GET", f"{PREFIX}/auth/api-keys", keys, "viewer"),
    ("DELETE", f"{PREFIX}/auth/api-keys/{{id}}", delete_key, "viewer"),
    ("GET", f"{PREFIX}/auth/sessions", sessions, "viewer"),
    ("DELETE", f"{PREFIX}/auth/sessions/{{id}}", delete_session, "viewer"),
    ("POST", f"{PREFIX}/auth/password", password, "viewer"),
    ("POST", f"{PREFIX}/auth/totp", enable_totp, "viewer"),
    ("POST", f"{PREFIX}/auth/totp/confirm", confirm_totp, "viewer"),
    ("POST", f"{PREFIX}/admin/keys/rotate", rotate, "admin"),
    ("GET", f"{PREFIX}/audit/verify", verify_audit, "admin"),
    ("DELETE", f"{PREFIX}/operations/{{id}}", cancel, "analyst"),
]
