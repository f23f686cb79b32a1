"""Log lines: readable or JSON, without secrets, each with the call that it was written in."""

from __future__ import annotations

import logging
import sys
from typing import Literal, TextIO, TypeAlias

import structlog
from structlog.typing import EventDict, Processor

from .core.observing import current
from .core.redaction import Secrets

Format: TypeAlias = Literal["text", "json"]

CONTEXT = ("operation_id", "trace_id", "system", "action", "principal")
"""What a line that is written inside a call carries, as far as it is known."""


def redacting(secrets: Secrets) -> Processor:
    """A step of structlog that removes every registered secret, also those registered later.

    Args:
        secrets: The secrets; read at each event.
    """

    def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
        return {key: _scrubbed(secrets, value) for key, value in event.items()}

    return redact


def in_call(_logger: object, _method: str, event: EventDict) -> EventDict:
    """A step of structlog that tells of the call under way; what the line says itself stays."""
    for name, value in _context().items():
        event.setdefault(name, value)
    return event


class InCallFilter(logging.Filter):
    """Gives each record the call that it was written in, for applications with log formats of their own.

    Every name of `CONTEXT` is there, empty where nothing is known.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through."""
        known = _context()
        for name in CONTEXT:
            if not hasattr(record, name):
                setattr(record, name, known.get(name, ""))
        return True


def set_up(
    secrets: Secrets, *, level: int = logging.WARNING, stream: TextIO | None = None, form: Format = "text"
) -> None:
    """Send the logs of `seawall` to stderr, through structlog. Calling it again replaces what was set up before.

    Lines of `logging` and of structlog come out alike.

    Args:
        secrets: Removed from every line, stack traces included.
        level: The lowest level that is shown.
        stream: Where the lines go; stderr if None.
        form: `text` for people, `json` for one object a line.
    """
    out = stream or sys.stderr
    shared: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        in_call,
    ]
    shown: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=out.isatty())
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redacting(secrets),
            shown,
        ],
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    logger = logging.getLogger("seawall")
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False


def _context() -> dict[str, str]:
    call = current()
    if call is None:
        return {}
    return {name: value for name in CONTEXT if (value := str(getattr(call, name) or ""))}


def _scrubbed(secrets: Secrets, value: object) -> object:
    known = value is None or isinstance(value, bool | int | float | str | list | tuple | dict)
    return secrets.scrub_all(value if known else repr(value))
