"""Logs: one JSON object per line, without personal data.

Fields are redacted by name first and by content second: personal fields are redacted as a whole, and in all other
texts e-mail addresses, phone numbers, network addresses, secrets and query strings are. An exception is logged with
its type and stack lines; its message only if it is one of our own, which never contain personal data.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any, TextIO

import structlog

from consumer_fusion.errors import FusionError
from consumer_fusion.records import find_tables

REDACTED = "[redacted]"
_PERSONAL_FIELDS = frozenset(
    {name for table in find_tables() for name in table.personal_columns}
    | {"consumer", "consumer_key", "email", "phone", "address", "client", "ip", "user_agent", "query", "body",
       "authorization", "cookie", "password", "secret", "token", "key", "write_key", "identifiers", "traits",
       "values", "params", "url", "path_params", "line"}
)  # fmt: skip
_FINDINGS = re.compile(
    r"""(?xi)
      [^\s"'<>=:,;/@]+ (?:@|%40) [^\s"'<>,;]+ \. [a-z]{2,}      # e-mail address
    | cf[wtls]_[\w-]{8,}                                        # secrets of this product
    | (?:bearer|basic) \s+ [\w.~+/=-]{6,}
    | \b \d{1,3} (?: \. \d{1,3}){3} \b                          # network address
    | (?<![\w.:-]) (?: [0-9a-f]{0,4} : ){2,7} [0-9a-f]{0,4} (?![\w:])
    | \+ \d [\d\s().-]{6,} \d                                   # phone number
    | (?<=[\w/]) \? [^\s"']+                                    # query string
    """
)


def configure_logging(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Log everything of this process as JSON lines.

    Args:
        stream: Output stream; standard error by default.
        level: Minimum level.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                tell_exception,
                redact,
                structlog.processors.JSONRenderer(
                    ensure_ascii=False, default=lambda value: type(value).__name__
                ),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    # Its lines contain URLs with query strings; `server.health` logs requests by their route instead.
    logging.getLogger("uvicorn.access").disabled = True
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Redact personal data from a log entry."""
    return _redact_mapping(event)


def tell_exception(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Describe an exception by its type and stack lines."""
    found = event.pop("exc_info", None)
    error = found[1] if isinstance(found, tuple) else found if isinstance(found, BaseException) else None
    if found is True:
        error = sys.exc_info()[1]
    if error is not None:
        event["exception"] = _describe(error)
    return event


def redact_text(text: str) -> str:
    """A text without anything that looks like personal data."""
    return _FINDINGS.sub(REDACTED, text)


def _describe(error: BaseException) -> dict[str, object]:
    described: dict[str, object] = {
        "type": type(error).__name__,
        "through": _list_lines(error.__traceback__),
    }
    if isinstance(error, FusionError):
        described["code"] = error.code
        # Not `message`: the column of that name of a rejection quotes the row, so fields of that name are redacted.
        described["explanation"] = error.message
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        described["cause"] = type(cause).__name__
    return described


def _list_lines(trace: TracebackType | None) -> list[str]:
    return [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(trace, limit=-12)
    ]


def _redact_mapping(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: REDACTED
        if str(name).lower() in _PERSONAL_FIELDS and value is not None
        else _redact_value(value)
        for name, value in values.items()
    }


def _redact_value(value: Any) -> Any:
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return _redact_mapping(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redact_value(each) for each in value]
    if isinstance(value, BaseException):
        return type(value).__name__
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return redact_text(str(value))


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
