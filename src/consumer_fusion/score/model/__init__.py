"""The score model: from folded states to a score, its explanation, its changes and its decay."""

__all__ = [
    "changes",
    "explanation",
    "last_seen_state",
    "ledger",
    "percentiles",
    "reading",
    "row_order",
    "score_arrays",
]
