"""Routes of administration: accounts, roles, keys, and what is held about a user."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from pynomaly.api import account_schemas as schemas
from pynomaly.api.datasets import level_named
from pynomaly.api.endpoint import Answer, Call, Endpoint, encode, json_answer
from pynomaly.api.off_loop import off_loop
from pynomaly.domain.accounts import User
from pynomaly.domain.errors import InvalidInput
from pynomaly.domain.permissions import ROLE_CLEARANCES, ROLE_PERMISSIONS, Permission, Role, SecurityLevel
from pynomaly.security.administration import AccountChange
from pynomaly.security.foundation import Caller
from pynomaly.usecases.rotate_keys import rotate_keys


async def users(call: Call) -> Answer:
    """The tenant's accounts."""
    found = await off_loop(call.services.security.auth.users, by=call.caller)
    return json_answer([_view(user) for user in found])


async def create_user(call: Call) -> Answer:
    """Make an account in the admin's tenant."""
    body: schemas.NewUser = call.body
    user = await off_loop(
        call.services.security.auth.create_user,
        body.username,
        body.password,
        _role_named(body.role),
        by=call.caller,
        clearance=_clearance(body.clearance),
    )
    return json_answer(_view(user), 201)


async def user(call: Call) -> Answer:
    """One account."""
    return json_answer(
        _view(await off_loop(call.services.security.auth.get_user, call.path["id"], by=call.caller))
    )


async def change_user(call: Call) -> Answer:
    """Change role, clearance, password, or whether the account is open; in force at the next request."""
    return json_answer(_view(await off_loop(_change, call, call.path["id"], call.body)))


def _change(call: Call, user_id: str, body: schemas.UserChange) -> User:
    wanted = AccountChange(
        role=None if body.role is None else _role_named(body.role),
        clearance=_clearance(body.clearance),
        password=body.password,
        disabled=body.disabled,
    )
    return call.services.security.auth.change_user(user_id, wanted, by=call.caller)


async def erase_user(call: Call) -> Answer:
    """Forget an account and everything that is its own."""
    found = await off_loop(call.services.security.personal_data.erase_user, call.path["id"], by=call.caller)
    return json_answer(schemas.Erasure(user_id=found.user_id, n_erased=dict(found.n_erased)))


async def personal_data(call: Call) -> Answer:
    """Everything held about a user; one's own for everyone, others' for admins."""
    return Answer(await off_loop(_personal_data, call, call.path["id"], call.caller))


def _personal_data(call: Call, user_id: str, by: Caller) -> bytes:
    return encode(asdict(call.services.security.personal_data.export_user_data(user_id, by=by)))


async def unlock_user(call: Call) -> Answer:
    """End a lock-out before its time."""
    auth, by = call.services.security.auth, call.caller
    found = await off_loop(auth.get_user, call.path["id"], by=by)
    await off_loop(auth.unlock_user, found.username, by=by)
    return Answer(status=204)


async def roles(call: Call) -> Answer:
    """The roles there are, and what each may do."""
    return json_answer(
        [
            schemas.RoleInfo(
                role=role.value,
                clearance=ROLE_CLEARANCES[role].name,
                permissions=sorted(ROLE_PERMISSIONS[role]),
            )
            for role in Role
        ]
    )


async def permissions(call: Call) -> Answer:
    """The permissions there are."""
    return json_answer(sorted(Permission))


async def rotate(call: Call) -> Answer:
    """Make a new encryption key and seal everything stored anew; requests go on meanwhile."""
    services = call.services
    encryption = services.security.encryption
    in_database = (services.security.second_factors, *services.words)
    found = await off_loop(
        partial(rotate_keys, services.platform, call.caller, encryption, services.contents, in_database)
    )
    await off_loop(services.security.audit.keep_anchor)
    return json_answer(schemas.Rotation(key_id=found.key_id, n_resealed=found.n_resealed))


def _role_named(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        raise InvalidInput(f"role is one of {', '.join(Role)}.") from None


def _clearance(name: str | None) -> SecurityLevel | None:
    return None if name is None else level_named(name)


def _view(found: User) -> schemas.Account:
    return schemas.Account(
        id=found.id,
        username=found.username,
        tenant_id=found.tenant_id,
        role=found.role.value,
        clearance=found.clearance.name,
        permissions=sorted(found.permissions),
        disabled=found.disabled,
        created_at=found.created_at,
        totp_enabled=found.totp_confirmed,
    )


ENDPOINTS = [
    Endpoint(
        method="GET", path="/api/v1/admin/users", handler=users, summary="List accounts", tag="admin",
        permission=Permission.USERS_READ, reply=list[schemas.Account],
    ),
    Endpoint(
        method="POST", path="/api/v1/admin/users", handler=create_user, summary="Make an account", tag="admin",
        permission=Permission.USERS_WRITE, body=schemas.NewUser, reply=schemas.Account, status=201,
        problems=(400, 409, 413, 422),
    ),
    Endpoint(
        method="GET", path="/api/v1/admin/users/{id}", handler=user, summary="Get an account", tag="admin",
        permission=Permission.USERS_READ, reply=schemas.Account, problems=(404,),
    ),
    Endpoint(
        method="PATCH", path="/api/v1/admin/users/{id}", handler=change_user, summary="Change an account",
        tag="admin", permission=Permission.USERS_WRITE, body=schemas.UserChange, reply=schemas.Account,
        problems=(400, 404, 409, 413, 422),
    ),
    Endpoint(
        method="DELETE", path="/api/v1/admin/users/{id}", handler=erase_user, summary="Erase a user", tag="admin",
        reply=schemas.Erasure, problems=(404, 409),
    ),
    Endpoint(
        method="POST", path="/api/v1/admin/users/{id}/unlock", handler=unlock_user, summary="End a lock-out",
        tag="admin", permission=Permission.USERS_WRITE, status=204, problems=(404,),
    ),
    Endpoint(
        method="GET", path="/api/v1/admin/users/{id}/personal-data", handler=personal_data,
        summary="Everything held about a user", tag="admin", reply=schemas.PersonalData, problems=(404,),
    ),
    Endpoint(
        method="GET", path="/api/v1/admin/roles", handler=roles, summary="The roles", tag="admin",
        permission=Permission.USERS_READ, reply=list[schemas.RoleInfo],
    ),
    Endpoint(
        method="GET", path="/api/v1/admin/permissions", handler=permissions, summary="The permissions", tag="admin",
        permission=Permission.USERS_READ, reply=list[str],
    ),
    Endpoint(
        method="POST", path="/api/v1/admin/keys/rotate", handler=rotate, summary="Change the encryption key",
        tag="admin", permission=Permission.KEYS_ROTATE, reply=schemas.Rotation, problems=(409,),
    ),
]  # fmt: skip
