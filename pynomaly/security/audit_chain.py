"""The audit log's chain: how a link is forged, and how a chain is checked; pure functions of events and
keys.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace

from pynomaly.domain.audit import AuditEvent, ChainHead, Link
from pynomaly.security.settings import Key

_OUTSIDE_DIGEST = ("digest", "seal")
_GENESIS = ChainHead(0, "")
_REACH = "the log ends before its sealed head: its newest events are missing"


@dataclass(frozen=True, slots=True)
class OpaqueLink:
    """An event whose content is withheld (another tenant's) but whose place in the chain can be checked."""

    sequence: int
    key_id: str
    previous_digest: str
    digest: str
    seal: str


@dataclass(frozen=True, slots=True)
class ChainVerification:
    """What checking found. `first_broken` is the sequence of the first link that doesn't hold, None if all
    do.
    """

    n_events: int
    first_broken: int | None
    reason: str | None
    head: ChainHead
    anchored_at: int | None = None
    """The last event of which an anchor outside the database says that it was there."""

    @property
    def not_known(self) -> str | None:
        """What the check could not tell, because nothing outside the database does."""
        if not self.is_intact:
            return None
        if self.anchored_at is None:
            return "whether the log was emptied or set back to an older state: there is no anchor to hold it against"
        if self.anchored_at < self.n_events:
            return f"whether the log was set back to a state after event {self.anchored_at}, the last that is anchored"
        return None

    @property
    def is_intact(self) -> bool:
        """Whether every link holds and none is missing at the end."""
        return self.first_broken is None


def forged(event: AuditEvent, head: ChainHead, key: Key) -> Link:
    """The event as the next link after `head`, and the head that it makes."""
    placed = replace(event, sequence=head.sequence + 1, previous_digest=head.digest, key_id=key.id)
    digest = digest_of(placed)
    sealed = replace(placed, digest=digest, seal=_event_seal(key, placed.sequence, head.digest, digest))
    return Link(sealed, ChainHead(placed.sequence, digest, key.id, _head_seal(key, placed.sequence, digest)))


def digest_of(event: AuditEvent) -> str:
    """SHA-256 (hex) over the canonical JSON of everything but digest and seal."""
    return hashlib.sha256(canonical_json(event, without=_OUTSIDE_DIGEST).encode()).hexdigest()


def canonical_json(record: AuditEvent | OpaqueLink | ChainHead, *, without: Iterable[str] = ()) -> str:
    """One line of ASCII, keys sorted, no spaces: the same event is the same bytes everywhere."""
    fields = {name: value for name, value in asdict(record).items() if name not in without}
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def opaque(event: AuditEvent) -> OpaqueLink:
    """The event without its content."""
    return OpaqueLink(event.sequence, event.key_id, event.previous_digest, event.digest, event.seal)


def followed(
    links: Iterable[AuditEvent | OpaqueLink], keys: Mapping[str, Key], *, start: ChainHead = _GENESIS
) -> ChainVerification:
    """Goes through the links in order, from the one after `start`, and names the first that doesn't hold.

    Says nothing about what may be missing at the end: see `reached`.
    """
    last = start
    for link in links:
        reason = _flaw(link, last, keys)
        if reason is not None:
            return ChainVerification(last.sequence, last.sequence + 1, reason, last)
        last = ChainHead(link.sequence, link.digest)
    return ChainVerification(last.sequence, None, None, last)


def reached(found: ChainVerification, head: ChainHead, keys: Mapping[str, Key]) -> ChainVerification:
    """What `followed` found, held against the sealed head: the chain must end exactly there."""
    if not found.is_intact:
        return found
    reason = _head_flaw(head, found.head, keys)
    broken = None if reason is None else min(head.sequence, found.head.sequence) + 1
    return ChainVerification(found.n_events, broken, reason, head)


def seen_by_tenant(found: ChainVerification, n_own: int, n_own_before: int) -> ChainVerification:
    """What a tenant is told of a check of the whole log: of how many of his own events, and before which of them
    the first break is; nothing of how many there are of others.
    """
    if found.is_intact:
        return ChainVerification(n_own, None, None, _GENESIS)
    reason = "the log of the service is broken; whoever runs it can see where"
    return ChainVerification(n_own, n_own_before + 1, reason, _GENESIS)


def export_link(event: AuditEvent, head: ChainHead, key: Key) -> Link:
    """An event as the next link of a tenant's own export. Its digest is keyed: from a plain one somebody could find
    out by trying what stood in the event of another tenant before it.
    """
    placed = replace(
        event, sequence=head.sequence + 1, previous_digest=head.digest, key_id=key.id, digest="", seal=""
    )
    digest = export_digest(placed, key)
    seal = _mac(key, f"export-head|{placed.sequence}|{digest}")
    return Link(replace(placed, digest=digest), ChainHead(placed.sequence, digest, key.id, seal))


def export_digest(event: AuditEvent, key: Key) -> str:
    """HMAC-SHA-256 (hex) over the canonical JSON of everything but digest and seal."""
    return _mac(key, f"export|{canonical_json(event, without=_OUTSIDE_DIGEST)}")


def holds(head: ChainHead, keys: Mapping[str, Key]) -> bool:
    """Whether a head was sealed by this service."""
    key = keys.get(head.key_id)
    return key is not None and hmac.compare_digest(head.seal, _head_seal(key, head.sequence, head.digest))


def _flaw(link: AuditEvent | OpaqueLink, last: ChainHead, keys: Mapping[str, Key]) -> str | None:
    if link.sequence != last.sequence + 1:
        return f"event {link.sequence} stands where event {last.sequence + 1} should"
    if link.previous_digest != last.digest:
        return "it does not follow from the event before it"
    if isinstance(link, AuditEvent) and digest_of(link) != link.digest:
        return "its content was changed"
    key = keys.get(link.key_id)
    if key is None:
        return "the key that sealed it is not known here (PYNOMALY_PREVIOUS_SECRET_KEYS)"
    expected = _event_seal(key, link.sequence, link.previous_digest, link.digest)
    return None if hmac.compare_digest(link.seal, expected) else "its seal is not ours"


def _head_flaw(head: ChainHead, last: ChainHead, keys: Mapping[str, Key]) -> str | None:
    if head == last == _GENESIS:
        return None
    if not holds(head, keys):
        return "the head's seal is not ours"
    if head.sequence > last.sequence:
        return _REACH
    if head.digest != last.digest:
        return "the log goes on after its sealed head"
    return None


def _event_seal(key: Key, sequence: int, previous: str, digest: str) -> str:
    return _mac(key, f"event|{sequence}|{previous}|{digest}")


def _head_seal(key: Key, sequence: int, digest: str) -> str:
    return _mac(key, f"head|{sequence}|{digest}")


def _mac(key: Key, text: str) -> str:
    return hmac.digest(key.secret, text.encode("utf-8", "replace"), hashlib.sha256).hex()
