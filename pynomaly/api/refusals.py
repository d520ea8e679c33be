"""Refusals that no part below writes down: bad tokens and keys, routes without permission, logins that are needed."""

from __future__ import annotations

from collections import Counter
from threading import Lock

from starlette.types import Scope

from pynomaly.api.bodies import header
from pynomaly.domain.audit import AuditLog, Detail, Outcome
from pynomaly.domain.errors import PynomalyError
from pynomaly.domain.permissions import Principal
from pynomaly.security.client_address import limit_key
from pynomaly.security.foundation import DEFAULT_TENANT
from pynomaly.security.rate_limits import RateLimiter

_MOST_COUNTED = 10_000


class RefusalLog:
    """Writes refusals into the audit, of one sender so many at once and so many a minute: whoever has no account must
    not be able to fill the log. Those beyond are counted, and the sender's next event says how many they were.
    """

    def __init__(self, audit: AuditLog, limit: RateLimiter) -> None:
        self._audit = audit
        self._limit = limit
        self._unwritten: Counter[str] = Counter()
        self._lock = Lock()

    def record(
        self, scope: Scope, address: str, user_agent: str, principal: Principal | None, refusal: PynomalyError
    ) -> None:
        """One request that was refused; may ask the database."""
        sender = limit_key(address) if principal is None else principal.user_id
        if not self._limit.check(sender).allowed:
            with self._lock:
                if sender in self._unwritten or len(self._unwritten) < _MOST_COUNTED:
                    self._unwritten[sender] += 1
            return
        with self._lock:
            n_unwritten = self._unwritten.pop(sender, 0)
        details: dict[str, Detail] = {"reason": refusal.code, "means": _means(scope)}
        if n_unwritten:
            details["not_written_before"] = n_unwritten
        self._audit.log_event(
            actor=principal.user_id if principal else "unknown",
            action="access.refused",
            outcome=Outcome.DENIED,
            resource=f"route:{scope['method']} {scope.get('pynomaly.route', '')}",
            tenant_id=principal.tenant_id if principal else DEFAULT_TENANT,
            ip_address=address,
            user_agent=user_agent,
            details=details,
        )


def _means(scope: Scope) -> str:
    """By what the sender wanted to be known."""
    if header(scope, b"authorization"):
        return "token"
    return "API key" if header(scope, b"x-api-key") else "none"


def has_credentials(scope: Scope) -> bool:
    """Whether the request tried to prove who sends it."""
    return _means(scope) != "none"
