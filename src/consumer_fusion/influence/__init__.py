"""Who moves whom: declared associations and what spreads over them."""

from __future__ import annotations

from consumer_fusion.influence.associations import (
    Link,
    declare_association,
    measure_link,
    read_associations,
    withdraw_association,
)
from consumer_fusion.influence.spillover import derive_reputations

__all__ = [
    "Link",
    "declare_association",
    "derive_reputations",
    "measure_link",
    "read_associations",
    "withdraw_association",
]
