"""What several tests of the server need."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from consumer_fusion.server.logs import configure_logging


@pytest.fixture
def lines():
    """What was logged, one entry a line."""
    root, stream = logging.getLogger(), io.StringIO()
    kept, level = root.handlers[:], root.level
    configure_logging(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = kept
    root.setLevel(level)
    logging.getLogger("uvicorn.access").disabled = False
    structlog.reset_defaults()
