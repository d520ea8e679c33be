"""Which address a request came from, when anyone can write into X-Forwarded-For."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from pynomaly.domain.errors import Misconfigured

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_IPV6_HOST_BITS = 64


def trusted_networks(spec: str) -> tuple[Network, ...]:
    """Comma-separated addresses or networks of our own proxies; none by default. Raises Misconfigured."""
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in spec.split(",") if part.strip())
    except ValueError:
        raise Misconfigured("PYNOMALY_TRUSTED_PROXIES must be addresses or networks.") from None


def client_address(peer: str, forwarded_for: str | None, trusted: Sequence[Network]) -> str:
    """The address to limit and log.

    The peer of the connection, unless that is a trusted proxy: then the entries of X-Forwarded-For are read
    from the right, as far as they were written by trusted proxies; what stands further left, the client wrote
    himself.
    """
    current = _parsed(peer)
    if current is None or not _is_trusted(current, trusted):
        return str(current) if current else peer
    for entry in reversed((forwarded_for or "").split(",")):
        found = _parsed(entry.strip())
        if found is None:
            break
        current = found
        if not _is_trusted(found, trusted):
            break
    return str(current)


def limit_key(address: str) -> str:
    """What a rate limit counts by: an IPv4 address, or the /64 that one IPv6 customer has all of."""
    found = _parsed(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(found), _IPV6_HOST_BITS), strict=False))
    return str(found) if found else address


def _parsed(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)
