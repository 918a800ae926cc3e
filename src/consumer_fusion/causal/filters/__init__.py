"""The state-space filter: every model of the grid run over one series, and what it expects of each day."""

__all__ = ["bridges", "expectation", "fitted_series", "regressions"]
