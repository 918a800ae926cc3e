"""Queries: scores, explanations and histories of a workspace; nothing here changes stored data."""

__all__ = [
    "all_scores",
    "brand_scores",
    "brand_visibility",
    "answers",
    "daily_means",
    "decay_alerts",
    "pair_answers",
    "score_queries",
    "score_results",
    "trends",
]
