"""The state-space filter: runs every model of the grid over one series and forecasts each day."""

__all__ = ["bridges", "expectation", "fitted_series", "regressions"]
