"""Logging, which only the application configures: events of `sauma` to standard error when asked."""

from __future__ import annotations

import logging
import sys
from typing import Final

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({})))


class _EventFormatter(logging.Formatter):
    """One line an event: time, level, name, and its keys."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of an event."""
        keys = " ".join(
            f"{name}={value}"
            for name, value in vars(record).items()
            if name not in _STANDARD and not name.startswith("_")
        )
        time = self.formatTime(record, "%H:%M:%S")
        return f"{time} {record.levelname.lower():7} {record.getMessage()} {keys}".rstrip()


def configure_logging(*, verbose: bool) -> None:
    """Send events to standard error with `verbose`; without it nothing is shown."""
    for name in ("sauma", "sauma_nem", "sauma_ethereum", "sauma_metering"):
        logger = logging.getLogger(name)
        logger.handlers = [_handler() if verbose else logging.NullHandler()]
        logger.setLevel(logging.DEBUG if verbose else logging.NOTSET)


def _handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_EventFormatter())
    return handler
