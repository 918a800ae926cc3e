"""Effects: measured, pooled within their kind, kept as reports and put into words."""

__all__ = [
    "action_effect",
    "effect_report",
    "effect_wording",
    "operations",
    "power_analysis",
    "shrinking",
]
