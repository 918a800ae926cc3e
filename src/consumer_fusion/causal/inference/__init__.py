"""Inference: p-values and intervals of an effect, calibrated by placebos of the same series."""

__all__ = [
    "delays",
    "effect",
    "estimation",
    "null_distribution",
    "overlaps",
    "placebo_errors",
    "placebo_rules",
    "shrinkage",
]
