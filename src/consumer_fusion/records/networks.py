"""Networks for counting attempts, since one machine may have many addresses."""

from __future__ import annotations

import ipaddress


def name_network(address: str) -> str:
    """The network of an address, for counting attempts."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        # A household or machine has a whole /64 of addresses.
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
