"""`python -m consumer_fusion` is `fusion`."""

from __future__ import annotations

from consumer_fusion.surfaces.cli.application import main

main()
