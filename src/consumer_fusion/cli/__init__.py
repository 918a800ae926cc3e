"""The command line: thin commands that call a door and print; `main` is the entry point."""

from __future__ import annotations

from consumer_fusion.cli.application import main

__all__ = ["main"]
