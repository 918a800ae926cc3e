"""Storage: the engine that runs queries, the durable store, sealed segments and file locks.

Only this part imports DuckDB or SQLite.
"""

__all__ = [
    "duckdb", "engine", "external_sort", "file_locks", "pandas_exclusion", "private_files", "scratch", "segments",
    "sqlite", "store",
]  # fmt: skip
