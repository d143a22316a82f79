"""What the forms of all pages share."""

from __future__ import annotations

from typing import Any, TypeAlias

from litestar.params import URLEncodedBody

from sauma_portal.web.visiting import Asked, portal_of, visitor_of

Form: TypeAlias = URLEncodedBody[dict[str, Any]]


def slow_down(asked: Asked) -> None:
    """Count a change; raises `TooMany` when one network address asks for too many."""
    portal = portal_of(asked)
    portal.throttle.check(
        f"forms from {visitor_of(asked).address}",
        portal.now,
        tries_max=portal.settings.forms_per_address,
        window_s=60,
    )


def is_local(path: str) -> bool:
    """Tell whether a path leads to a page of ours and nowhere else."""
    return (
        path.startswith("/") and not path.startswith("//") and "\\" not in path and ":" not in path
    )
