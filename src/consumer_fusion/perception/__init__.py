"""Reads what messages say: polarity, aspects, blame, emotions; offline, by small models that are shipped."""

__all__ = ["perceived_texts", "perception_runs"]
