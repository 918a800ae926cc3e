"""The server: ASGI middleware, worker pool, background jobs, caches, logs and metrics."""

__all__ = [
    "audit_buffer",
    "authentication",
    "background_jobs",
    "brand_cache",
    "cache",
    "health",
    "http_errors",
    "http_server",
    "logs",
    "many_pairs",
    "session_middleware",
    "worker_pool",
]
