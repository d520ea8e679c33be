"""The whole table of roles, permissions and levels, written out a second time on purpose."""

from __future__ import annotations

import itertools

import pytest

from pynomaly.domain.errors import Forbidden, NotFound
from pynomaly.domain.permissions import (
    ROLE_CLEARANCES,
    ROLE_PERMISSIONS,
    Permission,
    Principal,
    Role,
    SecurityLevel,
)
from pynomaly.domain.ports import Scope
from pynomaly.security.authorization import AuthzService
from pynomaly.security.foundation import SYSTEM

VIEWER = {"data:read", "detectors:read", "results:read", "operations:read"}
ANALYST = VIEWER | {"data:write", "detection:run", "operations:cancel"}
SCIENTIST = ANALYST | {"data:delete", "detectors:write", "detectors:delete", "results:delete"}
ADMIN = SCIENTIST | {"users:read", "users:write", "audit:read"}
OPERATOR = ADMIN | {"keys:rotate", "audit:verify"}
DECLARED = {
    "viewer": VIEWER,
    "analyst": ANALYST,
    "data_scientist": SCIENTIST,
    "admin": ADMIN,
    "operator": OPERATOR,
}
CLEARED = {"viewer": 1, "analyst": 2, "data_scientist": 3, "admin": 4, "operator": 4}

authz = AuthzService()


def principal(role=Role.ANALYST, user_id="alice", tenant_id="t1", permissions=None, clearance=None):
    return Principal(
        user_id=user_id,
        username=user_id,
        tenant_id=tenant_id,
        role=role,
        permissions=ROLE_PERMISSIONS[role] if permissions is None else permissions,
        clearance=ROLE_CLEARANCES[role] if clearance is None else clearance,
        session_id="s",
    )


@pytest.mark.parametrize("role", list(Role))
def test_every_role_permission_and_level(role):
    for permission, level in itertools.product(Permission, SecurityLevel):
        expected = permission.value in DECLARED[role.value] and level <= CLEARED[role.value]
        assert authz.check_permission(principal(role), permission, level) is expected, (permission, level)
        if expected:
            authz.require(principal(role), permission, level)
        else:
            with pytest.raises(Forbidden):
                authz.require(principal(role), permission, level)


def test_every_permission_is_declared():
    assert {permission.value for permission in Permission} == OPERATOR


@pytest.mark.parametrize("unknown", ["", "*", "data:*", "data", "DATA:READ", "users:write "])
def test_an_unknown_permission_is_held_by_no_one(unknown):
    assert not authz.check_permission(principal(Role.ADMIN), unknown, SecurityLevel.PUBLIC)


def test_a_user_is_asked_like_a_principal_and_a_disabled_one_may_nothing(world):
    user = world.user()
    assert authz.check_permission(user, "data:read", SecurityLevel.RESTRICTED)
    assert not authz.check_permission(user, "data:read", SecurityLevel.CONFIDENTIAL)
    closed = world.auth.disable_user(user.id, by=SYSTEM)
    assert not any(authz.check_permission(closed, p, SecurityLevel.PUBLIC) for p in Permission)


@pytest.mark.parametrize(
    ("who", "owner", "tenant", "permission", "level", "is_shared", "expected"),
    [
        (principal(), "alice", "t1", "data:read", 1, False, None),
        (principal(), "alice", "t1", "data:write", 2, False, None),
        (principal(), "alice", "t1", "data:read", 3, False, Forbidden),
        (principal(), "alice", "t1", "data:delete", 0, False, Forbidden),
        (principal(), "bob", "t1", "data:read", 0, False, NotFound),
        (principal(), "bob", "t1", "data:write", 0, False, NotFound),
        (principal(), "bob", "t1", "data:delete", 0, False, Forbidden),
        (principal(), "bob", "t1", "data:read", 0, True, None),
        (principal(), "bob", "t1", "data:write", 0, True, NotFound),
        (principal(), "bob", "t2", "data:read", 0, True, NotFound),
        (principal(), "alice", "t2", "data:read", 0, False, NotFound),
        (principal(), "alice", "", "data:read", 0, False, NotFound),
        (principal(tenant_id=""), "alice", "", "data:read", 0, False, NotFound),
        (principal(Role.ADMIN, "root"), "bob", "t1", "data:delete", 4, False, None),
        (principal(Role.ADMIN, "root"), "bob", "t2", "data:read", 0, False, NotFound),
        (principal(Role.ADMIN, "root"), "bob", "t2", "data:read", 0, True, NotFound),
        (
            principal(Role.ADMIN, "root", permissions=frozenset()),
            "bob",
            "t1",
            "data:read",
            0,
            False,
            Forbidden,
        ),
    ],
)
def test_objects_of_others(who, owner, tenant, permission, level, is_shared, expected):
    def ask():
        authz.require_access(who, owner, tenant, permission, SecurityLevel(level), is_shared=is_shared)

    if expected is None:
        ask()
    else:
        with pytest.raises(expected):
            ask()


def test_a_strangers_object_is_refused_in_the_same_words_as_none():
    with pytest.raises(NotFound) as other_owner:
        authz.require_access(principal(), "bob", "t1", "data:read", SecurityLevel.SECRET)
    with pytest.raises(NotFound) as other_tenant:
        authz.require_access(principal(), "alice", "t2", "data:read", SecurityLevel.PUBLIC)
    assert str(other_owner.value) == str(other_tenant.value)


def test_listings_are_narrowed_by_the_same_rule():
    assert authz.scope(principal()) == Scope("t1", "alice", principal().clearance)
    assert authz.scope(principal(Role.ADMIN, "root")) == Scope("t1", None, SecurityLevel.SECRET)
