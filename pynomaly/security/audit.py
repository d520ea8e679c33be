"""The audit log: one event for each sensitive act, chained and sealed, so that no one can quietly take one
back.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pynomaly.domain.audit import (
    AuditEvent,
    AuditFilter,
    AuditRepository,
    ChainHead,
    Detail,
    Outcome,
)
from pynomaly.domain.errors import InvalidInput
from pynomaly.security.anchor import AnchorFile, Anchors
from pynomaly.security.audit_chain import (
    ChainVerification,
    followed,
    forged,
    reached,
    seen_by_tenant,
)
from pynomaly.security.audit_export import as_csv, export_verified, exported, exported_of_tenant
from pynomaly.security.foundation import Clock
from pynomaly.security.legible import legible, legible_details
from pynomaly.security.settings import SecuritySettings

logger = logging.getLogger(__name__)

_MAX_FOUND = 1000
_PRIVILEGED = ("user.", "api-key.", "keys.", "audit.")


@dataclass(frozen=True, slots=True)
class ComplianceReport:
    """What happened in [since, until): counts, and whether the log that they come from is intact."""

    since: str
    until: str
    n_events: int
    n_actors: int
    by_action: Mapping[str, Mapping[str, int]]
    n_failed_logins: int
    n_lockouts: int
    n_token_reuses: int
    n_privileged: int
    chain: ChainVerification


class AuditService:
    """Writes, finds, verifies and exports audit events. Several processes may write to one repository."""

    def __init__(
        self,
        repository: AuditRepository,
        settings: SecuritySettings,
        clock: Clock,
        anchor_file: AnchorFile | None = None,
        n_accounts: Callable[[], int] = lambda: 0,
    ) -> None:
        """`n_accounts`: how many accounts there are, whose making leaves events."""
        self._anchors = Anchors(settings)
        self._anchor_file = anchor_file
        self._n_accounts = n_accounts
        self._repository = repository
        self._clock = clock
        keys = settings.derived_keys("audit")
        self._key = keys[0]
        self._keys = {key.id: key for key in keys}

    def log_event(
        self,
        *,
        actor: str,
        action: str,
        outcome: Outcome = Outcome.SUCCESS,
        resource: str = "",
        tenant_id: str = "",
        ip_address: str = "",
        user_agent: str = "",
        details: Mapping[str, Detail] | None = None,
    ) -> AuditEvent:
        """Appends one event; every text is made legible first. `actor` is a user's id, never a name."""
        event = AuditEvent(
            sequence=0,
            occurred_at=instant(self._clock()),
            actor=legible(actor),
            action=legible(action),
            outcome=outcome,
            resource=legible(resource),
            tenant_id=legible(tenant_id),
            ip_address=legible(ip_address),
            user_agent=legible(user_agent),
            details=legible_details(details),
        )
        return self._repository.append(lambda head: forged(event, head, self._key))

    def search(self, wanted: AuditFilter) -> Sequence[AuditEvent]:
        """The events that match, at most 1000; page on with `after_sequence`."""
        names = ("actor", "action", "resource", "tenant_id", "since", "until")
        given = {name: getattr(wanted, name) for name in names}
        kept: dict[str, Any] = {
            name: value if value is None else legible(value) for name, value in given.items()
        }
        limit = max(1, min(wanted.limit, _MAX_FOUND))
        return self._repository.find(replace(wanted, limit=limit, **kept))

    def head(self) -> ChainHead:
        """The sealed head. Kept elsewhere, it later proves that the log was not set back to an older
        state.
        """
        return self._repository.head()

    def anchor(self) -> str:
        """The anchor of the log as it is now: a line to keep where nobody who can write to the database can."""
        return self._anchors.text(self._repository.head())

    def keep_anchor(self) -> str | None:
        """Puts the present anchor into its file, unless the log no longer contains what the last one says: then
        that stays, so that every check finds it. Gives the anchor, None where none was kept.
        """
        if self._anchor_file is None:
            return None
        last, head = self._kept_anchor(), self._repository.head()
        if last is not None and not self._contains(last):
            logger.error("the audit log no longer contains its anchor", extra={"event": last.sequence})
            return None
        text = self._anchors.text(head)
        self._anchor_file.keep(text)
        return text

    def read_anchor(self, text: str) -> ChainHead:
        """What an anchor names; raises InvalidInput for one that this service did not make."""
        return self._anchors.read(text)

    def verify(self, *, anchor: ChainHead | None = None) -> ChainVerification:
        """Checks the whole log, and that it still contains the head of the anchor that is given and of the one in
        its file. What it could not know is said: see `not_known`.
        """
        found = self._verified()
        if found.is_intact and found.n_events == 0 and self._n_accounts():
            reason = "the log is empty though there are accounts, whose making is written down"
            return ChainVerification(0, 1, reason, found.head)
        try:
            anchors = [anchor, self._kept_anchor()]
        except InvalidInput as error:
            return replace(found, first_broken=found.first_broken or 1, reason=error.detail)
        for held in anchors:
            if held is None or not found.is_intact:
                continue
            if held.sequence and not self._contains(held):
                reason = "the log no longer contains the head it is held against"
                return ChainVerification(found.n_events, held.sequence, reason, found.head)
            found = replace(found, anchored_at=max(found.anchored_at or 0, held.sequence))
        return found

    def _kept_anchor(self) -> ChainHead | None:
        text = None if self._anchor_file is None else self._anchor_file.read()
        return None if text is None else self._anchors.read(text)

    def _contains(self, head: ChainHead) -> bool:
        wanted = AuditFilter(after_sequence=head.sequence - 1, limit=1)
        then = next(iter(self._repository.find(wanted)), None)
        return head.sequence == 0 or (then is not None and then.digest == head.digest)

    def _verified(self) -> ChainVerification:
        found = followed(self._repository.stream(), self._keys)
        head = self._repository.head()
        while found.is_intact and found.n_events < head.sequence:  # written since, or missing
            n_before = found.n_events
            more = self._repository.stream(after=n_before)
            found = followed(more, self._keys, start=found.head)
            if found.n_events == n_before:
                break
            head = self._repository.head()
        return reached(found, head, self._keys)

    def verify_for(self, tenant_id: str) -> ChainVerification:
        """What a tenant may know of it: whether the whole log is intact, and numbers of his own events alone."""
        found = self.verify()
        n_before = 0
        if found.first_broken is not None:
            n_before = self._repository.count_of(tenant_id, before=found.first_broken)
        return seen_by_tenant(found, self._repository.count_of(tenant_id), n_before)

    def export(self, tenant_id: str | None = None) -> Iterator[str]:
        """NDJSON lines, the sealed head last: of the whole log, or of one tenant's events alone."""
        if tenant_id is None:
            return exported(self._repository)
        return exported_of_tenant(self._repository, tenant_id, self._key)

    def export_csv(self, wanted: AuditFilter) -> Iterator[str]:
        """CSV lines for people, a header first."""
        return as_csv(self.search(wanted))

    def verify_export(self, lines: Iterable[str]) -> ChainVerification:
        """Checks an exported log, whole; one that doesn't end in its head is cut off."""
        return export_verified(lines, self._keys)

    def compliance_report(
        self, *, since: float, until: float, tenant_id: str | None = None
    ) -> ComplianceReport:
        """Counts over [since, until), in seconds since 1970, of one tenant or all; read with bounded
        memory.
        """
        first, last = instant(since), instant(until)
        wanted = AuditFilter(tenant_id=tenant_id, since=first, until=last, limit=_MAX_FOUND)
        counts: Counter[tuple[str, str]] = Counter()
        reasons: Counter[object] = Counter()
        actors: set[str] = set()
        for event in self._every(wanted):
            counts[event.action, event.outcome.value] += 1
            actors.add(event.actor)
            if event.action == "login":
                reasons[event.details.get("reason")] += 1
        by_action: dict[str, dict[str, int]] = {}
        for (action, outcome), count in sorted(counts.items()):
            by_action.setdefault(action, {})[outcome] = count
        return ComplianceReport(
            since=first,
            until=last,
            n_events=counts.total(),
            n_actors=len(actors),
            by_action=by_action,
            n_failed_logins=counts["login", "denied"],
            n_lockouts=reasons["lockout"],
            n_token_reuses=counts["token.reuse", "denied"],
            n_privileged=sum(n for (action, _), n in counts.items() if action.startswith(_PRIVILEGED)),
            chain=self.verify() if tenant_id is None else self.verify_for(tenant_id),
        )

    def _every(self, wanted: AuditFilter) -> Iterator[AuditEvent]:
        """All events that match, a page at a time."""
        while page := self._repository.find(wanted):
            yield from page
            wanted = replace(wanted, after_sequence=page[-1].sequence)


def instant(seconds: float) -> str:
    """Seconds since 1970 as RFC 3339 in UTC with microseconds: sorts as text, and is the same in every
    store.
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
