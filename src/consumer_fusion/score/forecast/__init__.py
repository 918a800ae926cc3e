"""Forecasts: the probability of an outcome for each pair, the money it may bring, and the reasons."""

__all__ = ["forecasts"]
