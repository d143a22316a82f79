"""The application: pages, API and what lies before them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.static_files import create_static_files_router

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
            static,
        ],
        state=State({"portal": portal}),
        middleware=[Recognition],
        csrf_config=csrf(portal.settings),
        before_send=[shield(portal.settings)],
        exception_handlers={HTTPException: answer_error, Exception: answer_error},
        request_max_body_size=portal.settings.body_bytes_max,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
