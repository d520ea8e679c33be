"""What someone may do: role, clearance, tenant and ownership, asked in one place; everything not allowed is
refused.
"""

from __future__ import annotations

from pynomaly.domain.accounts import User
from pynomaly.domain.errors import Forbidden, NotFound
from pynomaly.domain.permissions import Permission, Principal, SecurityLevel
from pynomaly.domain.ports import Scope


class AuthzService:
    """Decides; holds no state, so there is nothing that could be stale."""

    def check_permission(
        self, user: User | Principal, permission: Permission | str, level: SecurityLevel
    ) -> bool:
        """Whether role (or key) holds the permission and the clearance reaches the level.

        An unknown permission is held by no one; a disabled user holds none.
        """
        return permission in user.permissions and user.clearance >= level

    def require(self, principal: Principal, permission: Permission | str, level: SecurityLevel) -> None:
        """Raises Forbidden where check_permission says no; names the permission, which is no secret."""
        if not self.check_permission(principal, permission, level):
            raise Forbidden(
                "You may not do that.", hint=f"{permission} at level {SecurityLevel(level).name} is needed"
            )

    def require_access(
        self,
        principal: Principal,
        resource_owner: str,
        resource_tenant: str,
        permission: Permission | str,
        level: SecurityLevel,
        *,
        is_shared: bool = False,
    ) -> None:
        """Raises unless the principal may do this to that object.

        The permission is looked at first (Forbidden, whatever the object). Then another tenant's object, or
        within the tenant another owner's, does not exist (NotFound): an id can't be probed. Within his tenant
        an admin reaches every object, and everyone may *read* one that its owner shared. Last the clearance
        (Forbidden).
        """
        self.require(principal, permission, SecurityLevel.PUBLIC)
        if not self._is_visible(principal, resource_owner, resource_tenant, permission, is_shared):
            raise NotFound("There is no such object.")
        self.require(principal, permission, level)

    def scope(self, principal: Principal) -> Scope:
        """What listings must be narrowed to, in the store's own query; the same rule as require_access."""
        owner_id = None if principal.role.is_administrator else principal.user_id
        return Scope(principal.tenant_id, owner_id, principal.clearance)

    def _is_visible(
        self, principal: Principal, owner: str, tenant: str, permission: Permission | str, is_shared: bool
    ) -> bool:
        if not tenant or tenant != principal.tenant_id:
            return False
        is_reading = str(permission).endswith(":read")
        return owner == principal.user_id or principal.role.is_administrator or (is_shared and is_reading)
