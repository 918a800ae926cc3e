"""Forecasts: how likely an outcome is for each pair, how much money it may bring, and why."""

__all__ = ["forecasts"]
