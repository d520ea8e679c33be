"""Who may do what: roles, permissions, security levels, and the principal that carries them through a
request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class SecurityLevel(IntEnum):
    """How sensitive an object is, and up to where an account is cleared."""

    PUBLIC = 0
    INTERNAL = 1
    RESTRICTED = 2
    CONFIDENTIAL = 3
    SECRET = 4


class Permission(StrEnum):
    """One kind of act on one kind of object, written `object:act` as in tokens, API keys and the admin
    routes.
    """

    DATA_READ = "data:read"
    DATA_WRITE = "data:write"
    DATA_DELETE = "data:delete"
    DETECTORS_READ = "detectors:read"
    DETECTORS_WRITE = "detectors:write"
    DETECTORS_DELETE = "detectors:delete"
    DETECTION_RUN = "detection:run"
    RESULTS_READ = "results:read"
    RESULTS_DELETE = "results:delete"
    OPERATIONS_READ = "operations:read"
    OPERATIONS_CANCEL = "operations:cancel"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    AUDIT_READ = "audit:read"
    AUDIT_VERIFY = "audit:verify"
    KEYS_ROTATE = "keys:rotate"


class Role(StrEnum):
    """What an account is for; each role holds all that the next one holds.

    An admin administers his tenant. What belongs to the service as a whole (its encryption keys, the audit log
    of all tenants) is an operator's, who is an admin of his own tenant besides.
    """

    OPERATOR = "operator"
    ADMIN = "admin"
    DATA_SCIENTIST = "data_scientist"
    ANALYST = "analyst"
    VIEWER = "viewer"

    @property
    def is_administrator(self) -> bool:
        """Whether it administers the accounts, and reaches the objects, of its tenant."""
        return self in (Role.OPERATOR, Role.ADMIN)


_VIEWER = frozenset(
    {Permission.DATA_READ, Permission.DETECTORS_READ, Permission.RESULTS_READ, Permission.OPERATIONS_READ}
)
_ANALYST = _VIEWER | {Permission.DATA_WRITE, Permission.DETECTION_RUN, Permission.OPERATIONS_CANCEL}
_DATA_SCIENTIST = _ANALYST | {
    Permission.DATA_DELETE,
    Permission.DETECTORS_WRITE,
    Permission.DETECTORS_DELETE,
    Permission.RESULTS_DELETE,
}

SERVICE_PERMISSIONS = frozenset({Permission.KEYS_ROTATE, Permission.AUDIT_VERIFY})
"""Acts on what all tenants share."""

ROLE_PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.ANALYST: _ANALYST,
    Role.DATA_SCIENTIST: _DATA_SCIENTIST,
    Role.ADMIN: frozenset(Permission) - SERVICE_PERMISSIONS,
    Role.OPERATOR: frozenset(Permission),
}

ROLE_CLEARANCES: Mapping[Role, SecurityLevel] = {
    Role.VIEWER: SecurityLevel.INTERNAL,
    Role.ANALYST: SecurityLevel.RESTRICTED,
    Role.DATA_SCIENTIST: SecurityLevel.CONFIDENTIAL,
    Role.ADMIN: SecurityLevel.SECRET,
    Role.OPERATOR: SecurityLevel.SECRET,
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request, as proved by a token or a key; exactly one of the two ids is set.

    `permissions` are those of the role, or for an API key the part of them that the key was given.
    """

    user_id: str
    username: str
    tenant_id: str
    role: Role
    permissions: frozenset[Permission]
    clearance: SecurityLevel
    session_id: str | None = None
    api_key_id: str | None = None
