"""The command line: `fusion`."""

__all__ = ["application"]
