"""The console: pages for people who would rather look than read, made on the server; enter by `Console`."""

from __future__ import annotations

from consumer_fusion.web.console.console_application import Console
from consumer_fusion.web.console.readings import Readings
from consumer_fusion.web.console.visiting import Visiting, Visitor

__all__ = ["Console", "Readings", "Visiting", "Visitor"]
