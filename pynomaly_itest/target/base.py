"""What the tool asks of a target: an address, credentials, and, where they are ours to see, its processes and log."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.transport.departures import UNLIMITED, Departures
from pynomaly_itest.transport.tls import SYSTEM, Tls

if TYPE_CHECKING:
    import ssl

    import httpx

    from pynomaly_itest.events import TargetInfo
    from pynomaly_itest.target.audit_copy import AuditCopy
    from pynomaly_itest.target.proxy import TcpProxy


@dataclass(frozen=True)
class ClientCredentials:
    """A grant by which the client gets tokens in its own name (RFC 6749, section 4.4)."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None
    audience: str | None = None


@dataclass(frozen=True)
class Credentials:
    """How to identify at the target; none of it is ever shown. `headers` are sent with every request as they are."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    grant: ClientCredentials | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        grant = self.grant.client_secret if self.grant is not None else None
        return tuple(
            value
            for value in (self.password, self.token, self.api_key, grant, *self.headers.values())
            if value
        )

    def __bool__(self) -> bool:
        return bool(self.secrets)


_KNOCK_TIMEOUT_S = 5.0


class Target(ABC):
    """A service under test; `start` before the first request, `close` whatever happened."""

    info: TargetInfo
    credentials: Credentials
    redactor: Redactor

    @abstractmethod
    async def start(self) -> None:
        """Bring the target up, or make sure that something answers; raises TargetUnreachable."""

    @abstractmethod
    async def close(self) -> None:
        """Give back all that `start` took; safe to call twice, and after a failed start."""

    def client(self, timeout_s: float) -> httpx.AsyncClient:
        """A new HTTP client for the target's origin; each of its exchanges is over within `timeout_s`.

        It connects to the pinned address, where there is one: what the name resolves to later changes nothing.
        """
        from pynomaly_itest.transport.client import open_client

        return open_client(
            self.info.url,
            timeout_s,
            address=self.address,
            tls=self.tls_context(),
            departures=self.departures,
        )

    def tls_context(self) -> ssl.SSLContext | None:
        """Whom every connection to the target trusts; None where it speaks no TLS. Raises UsageError."""
        return self.tls.context() if self.info.url.startswith("https:") else None

    async def tenant_administrator(self, tenant: str) -> Credentials:
        """An administrator of another tenant than the run's own; raises NotApplicable where there is none."""
        raise NotApplicable(f"this kind of target gives us no administrator of the tenant {tenant!r}")

    async def restart(self, *, kill: bool = False, until_ready: bool = True) -> None:
        """Stop the target and start it again on its data, at the same address; `kill`: without warning.

        until_ready: False returns as soon as the new process is there. Raises NotApplicable where the target is not
        ours to stop.
        """
        raise NotApplicable("only the bundled platform is ours to restart")

    def link(self, name: str) -> TcpProxy:
        """What stands between the target and its "redis" or "database"; raises NotApplicable where nothing does."""
        raise NotApplicable("only the bundled platform's connections are ours to disturb")

    def move_clock(self, by_s: float) -> None:
        """Let the target's wall clock be off by so much from now on; raises NotApplicable where it can't be."""
        raise NotApplicable("only the bundled platform's clock is ours to move")

    def small_disk(self) -> Path:
        """The folder that is a small disk of the target's own; raises NotApplicable where there is none."""
        raise NotApplicable("only the bundled platform's disk is ours to fill")

    greeting_path: str = "/api/v1/health/live"
    """What is asked to see whether anything answers."""

    departures: Departures = UNLIMITED
    """Who is asked before a request leaves for the target: by every client of it, and by what writes to sockets."""

    tls: Tls = SYSTEM
    """Whom to trust at the target, and who we are to it: for requests, load, comparisons and probes alike."""

    address: str | None = None
    """The IP address that requests go to, where it was resolved once and pinned."""

    def data_folder(self) -> Path | None:
        """Where the target keeps what it stores, where that is ours to read."""
        return None

    def audit_copy(self, folder: Path) -> AuditCopy | None:
        """A copy of the audit log in `folder`, where the log is ours to read."""
        return None

    def signing_key(self) -> bytes | None:
        """The key that signs access tokens, where the target is ours: for tokens that only lack one property."""
        return None

    def raw_log(self) -> bytes | None:
        """All that the target logged, unredacted, where it is ours to read: for finding secrets in it."""
        return None

    async def changed(self) -> str | None:
        """In what it is another than when it was started (a deployment under way); None where nothing tells of it."""
        return None

    async def silent(self) -> str | None:
        """Why nothing answers there now; None where something does, whatever it says."""
        import httpx

        try:
            async with self.client(_KNOCK_TIMEOUT_S) as client, client.stream("GET", self.greeting_path):
                return None
        except (httpx.HTTPError, OSError, TimeoutError) as problem:
            return f"GET {self.greeting_path}: {str(problem) or type(problem).__name__}"

    def ended(self) -> str | None:
        """Why the target is there no more, where it is ours and ended by itself; None while it runs."""
        return None

    def root_pid(self) -> int | None:
        """The process whose tree is the target, where it is ours; None otherwise."""
        return None

    def log_lines(self, count: int) -> Sequence[str]:
        """The last lines of the target's own log, where we can see it."""
        return ()

    def left_behind(self) -> str | None:
        """What could not be cleaned up, as a sentence; None where nothing is left."""
        return None
