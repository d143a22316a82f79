"""Staying in the foreground until somebody ends it."""

from __future__ import annotations

import signal
import threading


def until_signal(until: threading.Event | None = None) -> None:
    """Wait for SIGINT or SIGTERM, or for an event; signals reach only the main thread."""
    ended = until or threading.Event()
    if threading.current_thread() is not threading.main_thread():
        ended.wait()
        return
    before = {
        number: signal.signal(number, lambda *_: ended.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        ended.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
