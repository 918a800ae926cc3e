"""The server: ASGI middleware, worker pool, background jobs, caches, logs and metrics."""

__all__ = [
    "audit_buffer",
    "authentication",
    "background_jobs",
    "cache",
    "health",
    "http_errors",
    "http_server",
    "logs",
    "many_pairs",
    "percentile_cache",
    "session_middleware",
    "worker_pool",
]
