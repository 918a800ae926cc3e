"""Folding: events become the decayed sums of their pair and kind, and everything derived from them."""

__all__ = [
    "array_folding",
    "decay",
    "derivation",
    "derive_and_fold",
    "dispersions",
    "fold_queries",
    "folding",
    "magnitudes",
    "money_references",
    "replacement",
    "rhythms",
    "sizing",
]
