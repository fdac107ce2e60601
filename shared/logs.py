"""Structured logs: one line an event, with the ids of what is being handled."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

_SECRET_WORDS = ("token", "secret", "password", "authorization", "cookie")


def redact(logger: WrappedLogger, method: str, fields: EventDict) -> EventDict:
    """Values of fields that are named like secrets are not printed."""
    for name in fields:
        if any(word in name.lower() for word in _SECRET_WORDS):
            fields[name] = "[redacted]"
    return fields


def harmless(logger: WrappedLogger, method: str, fields: EventDict) -> EventDict:
    """What strangers send, a path for one, begins no line of its own and moves no cursor."""
    for name, value in fields.items():
        if isinstance(value, str) and not value.isprintable():
            fields[name] = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value)
    return fields


def configure(
    service: str, *, json: bool = False, level: int = logging.INFO, to: TextIO | None = None
) -> None:
    """Send our own and the libraries' log lines to stderr, as JSON or for people."""

    def name_service(logger: WrappedLogger, method: str, fields: EventDict) -> EventDict:
        fields.setdefault("service", service)
        return fields

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        name_service,
        redact,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if json
        else [
            harmless,
            # The default prints local variables: tokens and passwords among them.
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    )
    handler = logging.StreamHandler(to or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for chatty in ("botocore", "boto3", "urllib3", "httpx", "httpcore", "alembic", "docker"):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )


@contextmanager
def bound(**ids: str) -> Iterator[None]:
    """Every log line inside carries these ids (`run_id`, `build_id`, `event_id`, …)."""
    with structlog.contextvars.bound_contextvars(**ids):
        yield
