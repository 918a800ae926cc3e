"""Reads what messages say: polarity, aspects, blame, emotions; offline, by small models that are shipped."""

__all__ = [
    "marked_words",
    "message_views",
    "operations",
    "perceived_texts",
    "perceiver_choice",
    "perception_runs",
]
