"""Logs of the command line: one line each on stderr, without secrets. Libraries log through `logging` as usual."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor

from .core.redaction import Secrets


def redacting(secrets: Secrets) -> Processor:
    """A step of structlog that removes every registered secret, also those registered later.

    Args:
        secrets: The secrets; read at each event.
    """

    def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
        return {key: _scrubbed(secrets, value) for key, value in event.items()}

    return redact


def set_up(secrets: Secrets, *, level: int = logging.WARNING, stream: TextIO | None = None) -> None:
    """Send the logs of `seawall` to stderr, through structlog. Calling it again replaces what was set up before.

    Args:
        secrets: Removed from every line, stack traces included.
        level: The lowest level that is shown.
        stream: Where the lines go; stderr if None.
    """
    out = stream or sys.stderr
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redacting(secrets),
            structlog.dev.ConsoleRenderer(colors=out.isatty()),
        ],
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    logger = logging.getLogger("seawall")
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False


def _scrubbed(secrets: Secrets, value: object) -> object:
    known = value is None or isinstance(value, bool | int | float | str | list | tuple | dict)
    return secrets.scrub_all(value if known else repr(value))
