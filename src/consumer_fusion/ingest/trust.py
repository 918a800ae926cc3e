"""How far rows are believed that came over a key which everybody can read, or from a public post."""

from __future__ import annotations

from consumer_fusion.ingest.validation import quote_text
from consumer_fusion.records.arrival import TrustRule

UNCONFIRMED_TRUST = 0.25

LOOKING_KINDS = (
    "Page Viewed", "Product Viewed", "Product List Viewed", "Product List Filtered", "Products Searched",
    "Product Clicked", "Product Added", "Product Removed", "Cart Viewed", "Checkout Started",
    "Checkout Step Viewed", "Checkout Step Completed", "Promotion Viewed", "Promotion Clicked",
    "Product Added to Wishlist", "Product Removed from Wishlist", "Consumer Identified", "Group Joined",
)  # fmt: skip
"""What a browser knows best itself: where somebody went and what they looked at."""


def limit_trust(canonical: str, rule: TrustRule, limit: float | None = None) -> str:
    """The canonical query with the trust that rule and limit allow: never more than the row claims for itself."""
    limits = [f"{limit:.6f}"] if limit is not None else []
    if rule == "browser":
        kinds = ", ".join(quote_text(kind) for kind in LOOKING_KINDS)
        limits.append(f"case when kind in ({kinds}) and value is null then 1.0 else {UNCONFIRMED_TRUST} end")
    elif rule == "public":
        limits.append(f"{UNCONFIRMED_TRUST}")
    if not limits:
        return canonical
    # A trust that is no number stays as it is, to be set aside like that of any other row.
    return f"""
select * replace (case when trust is not null and try_cast(trust as double) is null then trust
    else cast(least(coalesce(try_cast(trust as double), 1), {", ".join(limits)}) as varchar) end as trust)
from ({canonical})"""
