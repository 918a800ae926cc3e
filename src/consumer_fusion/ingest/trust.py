"""Trust limits for rows from a public key or a public post."""

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
"""Kinds for which a browser is reliable: visits and views."""


def limit_trust(canonical: str, rule: TrustRule, limit: float | None = None) -> str:
    """The canonical query with the trust allowed by rule and limit: never more than the row claims for itself."""
    limits = [f"{limit:.6f}"] if limit is not None else []
    if rule == "browser":
        kinds = ", ".join(quote_text(kind) for kind in LOOKING_KINDS)
        limits.append(f"case when kind in ({kinds}) and value is null then 1.0 else {UNCONFIRMED_TRUST} end")
    elif rule == "public":
        limits.append(f"{UNCONFIRMED_TRUST}")
    if not limits:
        return canonical
    # A trust that is no number stays as it is, to be rejected like that of any other row.
    return f"""
select * replace (case when trust is not null and try_cast(trust as double) is null then trust
    else cast(least(coalesce(try_cast(trust as double), 1), {", ".join(limits)}) as varchar) end as trust)
from ({canonical})"""
