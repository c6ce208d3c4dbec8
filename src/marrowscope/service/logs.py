"""The log on stderr: one JSON object per line, without names, values or text that users typed."""

import logging
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor


def set_up(level: str) -> None:
    """Send the logs of the service and its libraries to stderr."""
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in ("httpx2", "httpcore2", "PIL", "asyncio", "fontTools", "weasyprint", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def where(error: BaseException) -> list[str]:
    """Return where an error arose, as ``module:line function``, without its message: it may hold a value."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-12:]]


def _without_messages_of_errors(logger: Any, method: str, entry: EventDict) -> EventDict:
    del logger, method
    given: Any = entry.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given if isinstance(given, BaseException) else _error_of(given)
    if error is not None:
        entry["error"], entry["where"] = type(error).__name__, where(error)
    return entry


def _error_of(
    given: tuple[type[BaseException], BaseException, TracebackType | None] | bool | None,
) -> BaseException | None:
    return given[1] if isinstance(given, tuple) else None


SHARED: Sequence[Processor] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _without_messages_of_errors,
)
"""Processors for every log entry, of the service and of its libraries."""
