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
    "session_middleware",
    "standings_cache",
    "worker_pool",
]
