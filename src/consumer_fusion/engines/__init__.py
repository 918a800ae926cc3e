"""Where queries run. Only this package speaks to a query engine."""

from __future__ import annotations

from consumer_fusion.engines.base import Engine
from consumer_fusion.engines.duckdb import DuckDBEngine, quote_paths

__all__ = ["DuckDBEngine", "Engine", "quote_paths"]
