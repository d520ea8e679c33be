"""The audit log's record and its store: what happened, by whom, from where, with which outcome, in which
order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

Detail = str | int | float | bool | None


class Outcome(StrEnum):
    """How a sensitive act ended: done, refused by a rule, or broken off by an error."""

    SUCCESS = "success"
    DENIED = "denied"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One link of the chain.

    `occurred_at` is RFC 3339 in UTC with microseconds. `actor` is a user's id, never a name: once the account
    is erased it is a pseudonym. `digest` is the SHA-256 (hex) over the canonical JSON of all fields above it,
    the previous digest included; `seal` is an HMAC over the digest under the key named `key_id`, so that
    someone who can write to the store but has no key can't forge a chain of his own.
    """

    sequence: int
    occurred_at: str
    actor: str
    action: str
    outcome: Outcome
    resource: str
    tenant_id: str
    ip_address: str
    user_agent: str
    details: Mapping[str, Detail] = field(default_factory=dict)
    key_id: str = ""
    previous_digest: str = ""
    digest: str = ""
    seal: str = ""


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The chain's last link, sealed: without it, cutting off the newest events would go unseen."""

    sequence: int
    digest: str
    key_id: str = ""
    seal: str = ""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events to find; None leaves a field open. Instants as in AuditEvent; `until` is exclusive.

    With `own_numbers` sequences are counted within the tenant, which must be named: the gaps in those of the chain
    would tell how much the others do.
    """

    actor: str | None = None
    action: str | None = None
    outcome: Outcome | None = None
    resource: str | None = None
    tenant_id: str | None = None
    since: str | None = None
    until: str | None = None
    after_sequence: int = 0
    limit: int = 100
    newest_first: bool = False
    own_numbers: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """An event and the head that it makes."""

    event: AuditEvent
    head: ChainHead


class AuditRepository(Protocol):
    """Append-only store of the chain."""

    def append(self, forge: Callable[[ChainHead], Link]) -> AuditEvent:
        """Calls `forge` with the present head and stores its link, with no other writer in between."""

    def head(self) -> ChainHead: ...

    def find(self, wanted: AuditFilter) -> Sequence[AuditEvent]: ...

    def count_of(self, tenant_id: str, *, before: int | None = None) -> int:
        """How many events a tenant has, or has before that sequence of the chain."""

    def stream(self, *, after: int = 0) -> Iterator[AuditEvent]:
        """Every event past the sequence `after`, in order, with bounded memory."""


class AuditLog(Protocol):
    """What other parts of the platform may ask of the audit: to write something down."""

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
    ) -> AuditEvent: ...
