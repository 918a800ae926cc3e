"""Networks: what tries are counted by, since one machine may have many addresses."""

from __future__ import annotations

import ipaddress


def name_network(address: str) -> str:
    """The network that an address stands for where tries are counted by it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        # One household or machine has a whole /64 to try from.
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
