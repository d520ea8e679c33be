"""What the routes work with, and how a request's sender is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.types import Scope

from pynomaly.api.bodies import header
from pynomaly.api.metrics import Metrics
from pynomaly.api.refusals import RefusalLog
from pynomaly.domain.errors import Unauthenticated
from pynomaly.domain.permissions import Principal
from pynomaly.security.client_address import Network, client_address
from pynomaly.security.encryption import EncryptedObjects
from pynomaly.security.rate_limits import RateLimiter
from pynomaly.security.services import SecurityServices
from pynomaly.settings import Settings
from pynomaly.usecases.platform import Platform
from pynomaly.usecases.rotate_keys import Resealable

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Services:
    """Everything behind the routes, put together by `create_app`."""

    settings: Settings
    platform: Platform
    security: SecurityServices
    contents: Resealable
    words: Sequence[EncryptedObjects]
    metrics: Metrics
    login_limit: RateLimiter
    account_limit: RateLimiter
    anonymous_limit: RateLimiter
    refusals: RefusalLog
    trusted_proxies: Sequence[Network]
    checks: dict[str, Callable[[], str]]
    """What readiness depends on: each says 'ok' or what is wrong."""

    def address_of(self, scope: Scope) -> str:
        """Where the request came from, as far as that can be believed."""
        client = scope.get("client")
        peer = client[0] if client else ""
        if not self.trusted_proxies:
            return peer
        return client_address(peer, header(scope, b"x-forwarded-for").decode("latin-1"), self.trusted_proxies)

    def identify(self, scope: Scope) -> Principal | None:
        """Who the request's token or key belongs to, None without one; raises Unauthenticated for a bad one."""
        for name, value in scope["headers"]:
            if name == b"authorization":
                scheme, _, token = value.partition(b" ")
                if scheme.lower() != b"bearer":
                    raise Unauthenticated("Only bearer tokens are taken.")
                return self.security.auth.verify_access_token(token.strip().decode("latin-1"))
            if name == b"x-api-key":
                return self.security.auth.verify_api_key(value.decode("latin-1"))
        return None
