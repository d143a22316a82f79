"""`/health/live`, `/health/ready` and `/metrics`: how a process is, for whoever watches over it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Litestar, Response, get
from litestar.types import ControllerRouterHandler

from sauma.errors import StoreError
from sauma.service import Service
from sauma_metering.server.app import metering_routes
from sauma_metering.server.metering import Metering
from sauma_service.metrics import MeteringCollector, ServiceCollector, metrics_text


def operations_routes(
    service: Service | None, metering: Metering | None = None
) -> Sequence[ControllerRouterHandler]:
    """Return the routes for a service, a metering server, or both in one process."""
    collectors = [
        *([] if service is None else [ServiceCollector(service)]),
        *([] if metering is None else [MeteringCollector(metering)]),
    ]

    @get("/health/live")
    async def live() -> dict[str, str]:
        """Answer, which is all that being alive means."""
        return {"status": "live"}

    @get("/health/ready")
    async def ready() -> Response[bytes]:
        """Say check by check whether the process does its work; 503 when it does not."""
        checks = await asyncio.to_thread(_checks, service, metering)
        status = 503 if any(checks.values()) else 200
        body = {"status": "ready" if status == 200 else "not ready", "checks": checks}
        return Response(
            msgspec.json.encode(body), status_code=status, media_type="application/json"
        )

    @get("/metrics")
    async def metrics() -> Response[bytes]:
        """Give the figures to Prometheus."""
        text = await asyncio.to_thread(metrics_text, *collectors)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    return [live, ready, metrics]


def operations_app(service: Service | None, metering: Metering | None = None) -> Litestar:
    """Return an ASGI application with health and metrics, and metering where it is given."""
    metered = [] if metering is None else metering_routes(metering)
    return Litestar(
        route_handlers=[*operations_routes(service, metering), *metered],
        on_shutdown=[] if metering is None else [metering.stop],
        openapi_config=None,
        logging_config=None,
    )


def _checks(service: Service | None, metering: Metering | None) -> dict[str, Any]:
    checks: dict[str, str | None] = {}
    if service is not None:
        checks |= service.readiness().checks
    if metering is not None:
        try:
            metering.store.head_sequence()
            checks["metering"] = None
        except StoreError as error:
            checks["metering"] = str(error)
    return checks
