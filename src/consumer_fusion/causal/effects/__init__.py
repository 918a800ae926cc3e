"""Effects: measured, pooled within their kind, kept as reports and put into words."""

__all__ = [
    "effect_report",
    "effect_wording",
    "measuring",
    "placebo_learning",
    "power_analysis",
    "shrinking",
]
