"""Where a client is, as far as that can be told: by it the brake on guessing passwords counts."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

_NEAR = tuple(
    map(
        ip_network,
        (
            *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
            *("100.64.0.0/10", "::1/128", "fc00::/7", "fe80::/10"),
        ),
    )
)
"""This machine and private networks, virtual ones too (RFC 1918, 3927, 4193, 4291, 6598). ``is_private``
means others as well, and not the same ones in each version of Python."""


def address_of(environ: dict[str, Any]) -> str:
    """Where the client is; "" if a web server in front of us does not say (``X-Forwarded-For``).

    The header is believed only from this machine or a private network, where that web server is, and of it
    only the last address, which the web server itself has seen. Of IPv6 the network (/64): a single customer
    has all addresses of one.
    """
    peer = _ip(environ.get("REMOTE_ADDR", ""))
    if peer is None:
        return ""
    forwarded = environ.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    if forwarded and any(peer in network for network in _NEAR):
        client = _ip(forwarded)
        return "" if client is None else _place(client)
    return "" if peer.is_loopback else _place(peer)


def _ip(text: str) -> IPv4Address | IPv6Address | None:
    """An address, with its port or without; one of IPv4 also in IPv6's words (RFC 4291 2.5.5.2)."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _place(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"
