"""A user's right to his data: everything held about him handed out, and everything forgotten (GDPR, articles
15, 17).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pynomaly.domain.accounts import ApiKey, PersonalDataSource, Session, User
from pynomaly.domain.audit import AuditEvent, AuditFilter, Outcome
from pynomaly.domain.errors import NotFound
from pynomaly.domain.permissions import Permission, SecurityLevel
from pynomaly.security.audit import AuditService
from pynomaly.security.foundation import Caller, Foundation

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class PersonalData:
    """What is held about one user, as JSON values; no hash, digest or secret is among it."""

    account: Mapping[str, Any]
    sessions: Sequence[Mapping[str, Any]]
    api_keys: Sequence[Mapping[str, Any]]
    audit_events: Sequence[Mapping[str, Any]]
    objects: Mapping[str, Sequence[Mapping[str, Any]]]
    withheld: Mapping[str, int]
    """How many objects of each kind are above the clearance of who asks."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """How many objects each store forgot."""

    user_id: str
    n_erased: Mapping[str, int]


class PersonalDataService:
    """Export and erasure, by the user himself or an admin of his tenant."""

    def __init__(
        self, foundation: Foundation, audit: AuditService, sources: Sequence[PersonalDataSource]
    ) -> None:
        self._base = foundation
        self._audit = audit
        self._sources = tuple(sources)

    def export_user_data(self, user_id: str, *, by: Caller) -> PersonalData:
        """Everything held about the user, as far as who asks is cleared; raises Forbidden, NotFound."""
        user = self._allowed(user_id, by, "user.export-data")
        clearance = by.principal.clearance if by.principal else SecurityLevel.SECRET
        held = {source.name: source.export_for(user_id, clearance) for source in self._sources}
        found = PersonalData(
            account=_account(user),
            sessions=[_session(session) for session in self._base.accounts.sessions.of_user(user_id)],
            api_keys=[_api_key(key) for key in self._base.accounts.api_keys.of_user(user_id)],
            audit_events=[asdict(event) for event in self._events_of(user_id)],
            objects={name: list(found.objects) for name, found in held.items()},
            withheld={name: found.n_withheld for name, found in held.items()},
        )
        self._base.record("user.export-data", by, resource=f"user:{user_id}")
        return found

    def erase_user(self, user_id: str, *, by: Caller) -> Erasure:
        """Forgets the user and all that is his; raises Forbidden, NotFound, Conflict for the last admin.

        The account is closed first, so that nothing new comes while the rest goes, and removed last, so that
        an erasure that broke off can be called again. The audit log keeps its events: they name only the id,
        which then leads to no one.
        """
        user = self._allowed(user_id, by, "user.erase")
        self._base.accounts.users.change(user_id, _closed, keep_an_admin=True)
        self._base.epoch.advance()
        n_erased = {source.name: source.erase_for(user_id) for source in self._sources}
        n_erased["api_keys"] = self._base.accounts.api_keys.delete_of_user(user_id)
        n_erased["sessions"] = self._base.accounts.sessions.delete_of_user(user_id)
        self._base.accounts.attempts.clear_all(self._base.name_pseudonym(user.username))
        self._base.accounts.users.delete(user_id)
        self._base.epoch.advance()
        self._base.record("user.erase", by, resource=f"user:{user_id}", details=dict(n_erased))
        return Erasure(user_id, n_erased)

    def _allowed(self, user_id: str, by: Caller, action: str) -> User:
        principal = by.principal
        if principal is None or Permission.USERS_WRITE in principal.permissions:
            return self._base.administered(user_id, by, action)
        if principal.user_id != user_id:
            self._base.record(action, by, resource=f"user:{user_id}", outcome=Outcome.DENIED)
            raise NotFound("There is no such user.")
        return self._base.own(user_id, by, action)

    def _events_of(self, user_id: str) -> Sequence[AuditEvent]:
        found: list[AuditEvent] = []
        while True:
            after = found[-1].sequence if found else 0
            page = self._audit.search(AuditFilter(actor=user_id, after_sequence=after, limit=_PAGE))
            found.extend(page)
            if len(page) < _PAGE:
                return found


def _closed(user: User) -> User:
    return replace(user, disabled=True, auth_version=user.auth_version + 1)


def _account(user: User) -> Mapping[str, Any]:
    return {
        "id": user.id,
        "username": user.username,
        "tenant_id": user.tenant_id,
        "role": user.role.value,
        "clearance": user.clearance.name,
        "created_at": user.created_at,
        "disabled": user.disabled,
        "has_second_factor": user.totp_confirmed,
    }


def _session(session: Session) -> Mapping[str, Any]:
    return {
        "created_at": session.created_at,
        "expires_at": session.expires_at,
        "revoked_at": session.revoked_at,
        "ip_address": session.ip_address,
        "user_agent": session.user_agent,
    }


def _api_key(key: ApiKey) -> Mapping[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "permissions": sorted(key.permissions),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }
