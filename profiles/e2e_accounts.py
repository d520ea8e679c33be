"""Accounts of the e2e profile that YAML says badly: keys and sessions that end, second factors whose codes change."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

from pynomaly_itest.target.http import Body
from pynomaly_itest.testing import (
    Container,
    IntegrationTestAssertions,
    TestSecurityService,
    scenario,
)


@scenario
async def a_revoked_key_is_dead(
    test_security_service: TestSecurityService, integration_assertions: IntegrationTestAssertions
) -> None:
    """A key that was revoked is refused at the next request."""
    user = await test_security_service.create_user("analyst")
    made = await user.api.call(
        "POST", "auth/api-keys", accept=(201,), body=Body(json={"name": "short-lived"})
    )
    integration_assertions.assert_api_response_structure(made, ["id", "api_key", "permissions", "expires_at"])
    by_key = test_security_service.accounts.with_api_key(made["api_key"])
    assert (await by_key.send("GET", "auth/me")).status == 200
    listed = await user.api.call("GET", "auth/api-keys")
    assert [key["id"] for key in listed] == [made["id"]]
    assert "api_key" not in listed[0], "a key's secret is shown once"
    await user.api.call("DELETE", f"auth/api-keys/{made['id']}", accept=(204,))
    assert (await by_key.send("GET", "auth/me")).status == 401


@scenario(
    title="A session can be seen, renewed once, ended; afterwards its tokens are dead", tags=["end_to_end"]
)
async def sessions(test_container: Container) -> None:
    """Log in, look, refresh, use a refresh token twice, log out."""
    user = await test_container.security.create_user("analyst")
    http, anonymous = test_container.http, test_container.security.anonymous()

    async def log_in() -> Any:
        form = {"username": user.username, "password": user.password}
        reply = await anonymous.send("POST", "auth/login", body=Body(form=form))
        assert reply.status == 200
        return reply.json()

    async def status(token: str, path: str = "auth/me", method: str = "GET") -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return (await http.send(method, f"/api/v1/{path}", headers=headers)).status

    async def refresh(token: str) -> Any:
        return await anonymous.send("POST", "auth/refresh", body=Body(json={"refresh_token": token}))

    first = await log_in()
    assert await status(first["access_token"]) == 200
    renewed = await refresh(first["refresh_token"])
    assert renewed.status == 200
    assert (await refresh(first["refresh_token"])).status == 401, "a refresh token counts once"
    assert await status(renewed.json()["access_token"]) == 401, "its second use ends the session"
    second, third = await log_in(), await log_in()
    listed = await user.api.call("GET", "auth/sessions")
    assert sum(session["is_current"] for session in listed) == 1
    assert await status(second["access_token"], "auth/logout", "POST") == 204
    assert await status(second["access_token"]) == 401
    left = {
        session["id"] for session in await user.api.call("GET", "auth/sessions") if not session["is_current"]
    }
    for session in left:
        await user.api.call("DELETE", f"auth/sessions/{session}", accept=(204,))
    assert await status(third["access_token"]) == 401, "a session that was ended from elsewhere"
    assert await status("eyJhbGciOiJub25lIn0.e30.") == 401


@scenario(
    title="A second factor is asked for once it is confirmed, and no more once it is removed",
    tags=["end_to_end"],
)
async def second_factor(test_container: Container) -> None:
    """Enrol, confirm with a code, log in with and without one, change the password, remove it."""
    user = await test_container.security.create_user("analyst")
    anonymous, api = test_container.security.anonymous(), user.api

    async def log_in(password: str, **more: str) -> int:
        form = {"username": user.username, "password": password, **more}
        return (await anonymous.send("POST", "auth/login", body=Body(form=form))).status

    enrolled = await api.call("POST", "auth/totp", accept=(201,), body=Body(json={"password": user.password}))
    confirmation = Body(json={"code": _totp(enrolled["secret"], -1)})
    await api.call("POST", "auth/totp/confirm", accept=(204,), body=confirmation)
    assert await log_in(user.password) == 401, "without the code"
    assert await log_in(user.password, totp_code=_totp(enrolled["secret"], 0)) == 200
    removal = {"password": user.password, "code": _totp(enrolled["secret"], 1)}
    await api.call("POST", "auth/totp/disable", accept=(204,), body=Body(json=removal))
    assert await log_in(user.password) == 200
    fresh = "another-Pass-phrase-of-42-words"
    change = {"current_password": user.password, "new_password": fresh}
    await api.call("POST", "auth/password", accept=(204,), body=Body(json=change))
    assert await log_in(user.password) == 401
    assert await log_in(fresh) == 200


def _totp(secret: str, steps_away: int) -> str:
    """RFC 6238, SHA-1, 30 s, 6 digits; `steps_away` from now."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8), casefold=True)
    counter = int(time.time()) // 30 + steps_away
    digest = hmac.new(key, counter.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


@scenario(
    title="Accounts are made, changed, closed and erased; what is held about one can be seen",
    tags=["end_to_end"],
)
async def administration(
    test_container: Container, integration_assertions: IntegrationTestAssertions, sample_dataset_csv: Path
) -> None:
    """Roles, permissions, a change of role in force at once, a closed account, personal data, erasure."""
    api = test_container.api
    roles = {role["role"] for role in await api.call("GET", "admin/roles")}
    assert roles == {"operator", "admin", "data_scientist", "analyst", "viewer"}
    assert "data:read" in await api.call("GET", "admin/permissions")
    user = await test_container.security.create_user("viewer")
    assert user.id in {account["id"] for account in await api.call("GET", "admin/users")}
    twin = {"username": user.username, "password": "Correct-Horse-42-Battery", "role": "viewer"}
    assert (await api.send("POST", "admin/users", body=Body(json=twin))).status == 409
    weak = {"username": f"{user.username}-2", "password": "password1", "role": "viewer"}
    assert (await api.send("POST", "admin/users", body=Body(json=weak))).status == 422
    file = {"file": ("rows.csv", sample_dataset_csv.read_bytes(), "text/csv")}
    assert (await user.api.send("POST", "datasets/upload", body=Body(files=file))).status == 403
    await api.call("PATCH", user.path, body=Body(json={"role": "data_scientist"}))
    assert (await user.api.send("GET", "auth/me")).status == 401, (
        "a change of role ends what was granted before"
    )
    promoted = test_container.security.accounts.log_in_again(user)
    uploaded = await promoted.call("POST", "datasets/upload", accept=(201,), body=Body(files=file))
    held = await api.call("GET", f"{user.path}/personal-data")
    assert uploaded["id"] in json.dumps(held)
    await api.call("PATCH", user.path, body=Body(json={"disabled": True}))
    assert (await promoted.send("GET", "auth/me")).status == 401
    await api.call("PATCH", user.path, body=Body(json={"disabled": False}))
    await api.call("DELETE", user.path)
    integration_assertions.assert_resource_cleanup(await api.send("GET", user.path), "user")
    gone = await api.send("GET", f"datasets/{uploaded['id']}")
    integration_assertions.assert_resource_cleanup(gone, "dataset")


@scenario(
    title="Too many wrong passwords shut an account for a while, and an administrator opens it",
    tags=["end_to_end"],
)
async def lock_out(test_container: Container) -> None:
    """The right password doesn't help either, until the account is unlocked."""
    user = await test_container.security.create_user("viewer")
    anonymous = test_container.security.anonymous()

    async def log_in(password: str) -> Any:
        form = {"username": user.username, "password": password}
        return await anonymous.send("POST", "auth/login", body=Body(form=form))

    statuses = [(await log_in("wrong-wrong-wrong")).status for _ in range(8)]
    assert set(statuses) <= {401, 429}, statuses
    locked = await log_in(user.password)
    assert locked.status == 429
    assert int(locked.headers["retry-after"]) >= 1
    await test_container.api.call("POST", f"{user.path}/unlock", accept=(204,))
    assert (await log_in(user.password)).status == 200
