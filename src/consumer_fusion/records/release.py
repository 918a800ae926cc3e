"""The release of the product."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def read_product_version() -> str:
    """The version of the installed distribution; `unknown` where the source runs without being installed."""
    try:
        return version("consumer-fusion")
    except PackageNotFoundError:
        return "unknown"
