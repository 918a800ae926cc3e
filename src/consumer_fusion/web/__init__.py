"""Web: what the product speaks over HTTP. The only part that knows a web framework."""

from __future__ import annotations
