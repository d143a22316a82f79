"""Loggers: structlog events handed to the standard library's loggers of the same name.

sauma configures nothing and prints nothing: what the host does with the standard library's `sauma`
logger decides.  An event's name is the message, its keys are attributes of the record (`extra`).
"""

from __future__ import annotations

import logging
from typing import cast

import structlog

logging.getLogger("sauma").addHandler(logging.NullHandler())


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module; keys never hold a private key or a signature."""
    return cast(
        structlog.stdlib.BoundLogger,
        structlog.wrap_logger(
            logging.getLogger(name),
            processors=[
                structlog.stdlib.filter_by_level,
                structlog.stdlib.render_to_log_kwargs,
            ],
            wrapper_class=structlog.stdlib.BoundLogger,
            cache_logger_on_first_use=True,
        ),
    )
