"""The score model: from folded states to a score, its explanation, its changes and its decay."""

__all__ = [
    "change_tracing",
    "changes",
    "explanation",
    "last_seen_state",
    "ledger",
    "pair_events",
    "percentiles",
    "reading",
    "row_order",
    "score_arrays",
]
