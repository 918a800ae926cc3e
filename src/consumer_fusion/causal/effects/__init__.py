"""Effects: measured, pooled within their kind, stored as reports and described in words."""

__all__ = [
    "action_effect",
    "effect_report",
    "effect_wording",
    "operations",
    "power_analysis",
    "shrinking",
]
