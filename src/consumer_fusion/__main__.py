"""`python -m consumer_fusion` is `fusion`."""

from __future__ import annotations

from consumer_fusion.cli import main

main()
