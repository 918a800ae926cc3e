"""The static report: one HTML file that needs no network, no JavaScript and no server."""

__all__ = ["report_data", "writing"]
