"""Whether what work was begun with still holds: asked again at each unit of work that goes on after its request was let
in, so that nobody's stream, batch or training outlives his account.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pynomaly.domain.accounts import ApiKey, Session
from pynomaly.domain.errors import Unauthenticated
from pynomaly.domain.permissions import Principal
from pynomaly.security.epoch import Epoch
from pynomaly.security.foundation import Clock, Foundation


class Standing:
    """Looks an earlier proof up again; raises Unauthenticated where nothing is left of it."""

    def __init__(self, foundation: Foundation) -> None:
        self._base = foundation

    def of_account(self, principal: Principal) -> Principal:
        """The principal as the account is now, for work that goes on after a logout: a training, a batch."""
        user = self._base.accounts.users.get(principal.user_id)
        if user is None or user.disabled:
            raise Unauthenticated("The account was closed.")
        permissions = user.permissions
        if principal.api_key_id is not None:
            permissions &= principal.permissions
        return replace(principal, role=user.role, permissions=permissions, clearance=user.clearance)

    def of_credential(self, principal: Principal) -> Principal:
        """The same for what goes on in one request, which ends with its session or key too."""
        accounts, now = self._base.accounts, self._base.clock()
        credential: Session | ApiKey | None = None
        if principal.session_id is not None:
            credential = accounts.sessions.get(principal.session_id)
        elif principal.api_key_id is not None:
            credential = accounts.api_keys.get(principal.api_key_id)
        if credential is None or not credential.is_alive(now):
            raise Unauthenticated("The session or the key has ended.")
        return self.of_account(principal)

    def watch(self, principal: Principal) -> Watch:
        """Asks about one credential again and again."""
        return Watch(
            lambda: self.of_credential(principal),
            self._base.epoch,
            self._base.clock,
            self._base.settings.session_cache_s,
        )


class Watch:
    """The principal of a long request, looked up anew after any change on this host, or every few seconds."""

    def __init__(self, ask: Callable[[], Principal], epoch: Epoch, clock: Clock, every_s: float) -> None:
        self._ask = ask
        self._epoch = epoch
        self._clock = clock
        self._every_s = every_s
        self._asked_at = float("-inf")
        self._asked_in = -1
        self._found: Principal | None = None

    def principal(self) -> Principal:
        """As it is now; raises Unauthenticated once it has ended. May ask the store."""
        now, epoch = self._clock(), self._epoch.current()  # before the store is asked
        if self._found is None or epoch != self._asked_in or now - self._asked_at >= self._every_s:
            self._found, self._asked_in, self._asked_at = self._ask(), epoch, now
        return self._found
