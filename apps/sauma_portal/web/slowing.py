"""Slowing down whoever asks for too many changes."""

from __future__ import annotations

from sauma_portal.web.visiting import Asked, portal_of, visitor_of


def slow_down(asked: Asked) -> None:
    """Count a change; raises `TooMany` when one network address asks for too many."""
    portal = portal_of(asked)
    portal.throttle.check(
        f"forms from {visitor_of(asked).address}",
        portal.now,
        tries_max=portal.settings.forms_per_address,
        window_s=60,
    )
