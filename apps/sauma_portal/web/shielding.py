"""What every answer carries so that browsers help: nothing is framed, sniffed, or run but our own script."""

from __future__ import annotations

from typing import Any, Final

from litestar.config.csrf import CSRFConfig
from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from sauma_portal.settings import PortalSettings

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_STATIC: Final = "/static/"
_HTTPS: Final = "max-age=31536000; includeSubDomains"


def shield(settings: PortalSettings) -> Any:
    """Return the hook that completes the headers of an answer just before it leaves."""

    async def before_send(message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        headers = MutableScopeHeaders.from_message(message)
        for name, value in HEADERS.items():
            headers[name] = value
        if settings.secure_cookies:
            headers["strict-transport-security"] = _HTTPS
        if not scope["path"].startswith(_STATIC):
            # Pages and data are of one person: no cache on the way may keep them.
            headers["cache-control"] = "no-store"

    return before_send


def csrf(settings: PortalSettings) -> CSRFConfig:
    """Return what checks that a form was ours; the API has no cookies and needs none of it."""
    return CSRFConfig(
        secret=settings.csrf_secret,
        cookie_name="__Host-form" if settings.secure_cookies else "form",
        cookie_secure=settings.secure_cookies,
        cookie_httponly=True,
        cookie_samesite="strict",
        exclude=["^/api"],
    )
