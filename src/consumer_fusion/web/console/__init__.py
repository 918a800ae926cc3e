"""The console: pages for people who would rather look than read, made on the server; enter by `console_routes`."""

from __future__ import annotations

from consumer_fusion.web.console.console_application import console_routes, refuse_change, show_missing
from consumer_fusion.web.console.readings import Readings
from consumer_fusion.web.console.visiting import Visiting, Visitor

__all__ = ["Readings", "Visiting", "Visitor", "console_routes", "refuse_change", "show_missing"]
