"""What stands between the bundled platform and its Redis and PostgreSQL where a profile wants to disturb them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.target.proxy import TcpProxy

_SETTINGS = {"redis": ("redis_url", "redis", 6379), "database": ("database_url", "postgres", 5432)}
_SERVERS = {"redis": "Redis", "database": "PostgreSQL"}


@dataclass
class Links:
    """A proxy for each server in `wanted` ("redis", "database") that the platform's settings name."""

    wanted: frozenset[str]
    seed: int
    _proxies: dict[str, TcpProxy] = field(default_factory=dict)
    _absent: dict[str, str] = field(default_factory=dict)

    async def start(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings with the proxies' addresses in the servers' place."""
        redirected = dict(settings)
        for name in sorted(self.wanted & _SETTINGS.keys()):
            setting, scheme, default_port = _SETTINGS[name]
            url = str(settings.get(setting) or "")
            parts = urlsplit(url)
            if not url.startswith(scheme):
                self._absent[name] = f"the platform uses no {_SERVERS[name]}: --set target.settings.{setting}"
            elif not parts.hostname or "," in parts.netloc or parts.scheme == "rediss":
                self._absent[name] = f"nothing can be put before this kind of address of {_SERVERS[name]}"
            else:
                proxy = TcpProxy(parts.hostname, parts.port or default_port, self.seed)
                await proxy.start()
                self._proxies[name] = proxy
                userinfo, at, _ = parts.netloc.rpartition("@")
                netloc = f"{userinfo}{at}127.0.0.1:{proxy.port}"
                redirected[setting] = urlunsplit(parts._replace(netloc=netloc))
        return redirected

    def get(self, name: str) -> TcpProxy:
        """The proxy before that server; raises NotApplicable with the reason where there is none."""
        if name not in self._proxies:
            raise NotApplicable(self._absent.get(name, f"nothing stands before the platform's {name}"))
        return self._proxies[name]

    async def close(self) -> None:
        """Let go of all of them."""
        for proxy in self._proxies.values():
            await proxy.close()
        self._proxies.clear()
