"""Cause and effect: what actions did to metrics, to people and to scores, with honest uncertainty."""
