"""The application: pages, API and what lies before them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.static_files import create_static_files_router

from sauma._version import __version__
from sauma_portal.api.market import MarketCalls
from sauma_portal.api.own import OpenCalls, OwnCalls
from sauma_portal.api.scoping import COMPONENTS
from sauma_portal.api.staff import StaffCalls
from sauma_portal.pages.dealing import DealingPages
from sauma_portal.pages.entrance import EntrancePages
from sauma_portal.pages.settling_in import AccountPages, HomePages
from sauma_portal.pages.staff import StaffPages
from sauma_portal.portal import Portal
from sauma_portal.web.failing import answer_error
from sauma_portal.web.shielding import csrf, shield
from sauma_portal.web.visiting import Recognition

STATIC: Final = Path(__file__).parent / "static"


def create_app(portal: Portal) -> Litestar:
    """Return the web application around a portal; give it to any ASGI server."""
    static: Any = create_static_files_router(
        path="/static",
        directories=[STATIC],
        include_in_schema=False,
        cache_control=None,
        name="static",
    )
    return Litestar(
        route_handlers=[
            EntrancePages,
            DealingPages,
            HomePages,
            AccountPages,
            StaffPages,
            OpenCalls,
            OwnCalls,
            MarketCalls,
            StaffCalls,
            static,
        ],
        state=State({"portal": portal}),
        middleware=[Recognition],
        csrf_config=csrf(portal.settings),
        before_send=[shield(portal.settings)],
        exception_handlers={HTTPException: answer_error, Exception: answer_error},
        request_max_body_size=portal.settings.body_bytes_max,
        openapi_config=openapi(),
        logging_config=None,
        debug=False,
    )


def openapi() -> OpenAPIConfig:
    """Return how the API describes itself, at `/api/openapi.json`."""
    return OpenAPIConfig(
        title="sauma portal",
        version=__version__,
        description=(
            "All that the portal does. Amounts are integers: Wh, micro-euros per kWh, nano-euros, "
            "cents. Errors are problem documents."
        ),
        path="/api",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        components=COMPONENTS,
        create_examples=False,
    )
