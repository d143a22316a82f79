"""Loggers: structlog events handed to the standard library's loggers of the same name.

sauma configures nothing and prints nothing: what the host does with the standard library's `sauma`
logger decides.  An event's name is the message, its keys are attributes of the record (`extra`).
"""

from __future__ import annotations

import logging
from typing import cast

import structlog


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module; keys never hold a private key or a signature.

    The module's top package is silent until the host gives its logger a handler.
    """
    top = logging.getLogger(name.partition(".")[0])
    if not top.handlers:
        top.addHandler(logging.NullHandler())
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
