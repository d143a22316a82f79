"""The portal: where households see and set what they buy, sell, use, make, owe and earn.

`create_app` builds the web application around an engine and a database of people; everything that it
does is also under `/api`.  Names are loaded when first used, so that importing this package needs
nothing of the web.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sauma_portal.accounts import AccountStore
    from sauma_portal.app import create_app
    from sauma_portal.portal import Portal
    from sauma_portal.settings import PortalSettings

__all__ = ["AccountStore", "Portal", "PortalSettings", "create_app"]

_MODULES = {
    "AccountStore": "accounts",
    "Portal": "portal",
    "PortalSettings": "settings",
    "create_app": "app",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
