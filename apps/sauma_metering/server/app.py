"""The HTTP interface: Litestar routes over `Metering`, to be served alone or inside another app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from litestar import Litestar, Request, Response, Router, get, post
from litestar.exceptions import HTTPException
from litestar.response import ServerSentEvent
from litestar.types import ControllerRouterHandler

from sauma.correcting import ReadingOutcome
from sauma.desk import in_force
from sauma.errors import InvalidInput, SaumaError, StoreError
from sauma.intervals import Interval, format_time, parse_time, to_unix
from sauma.readings import QUALITIES
from sauma.store import projections as p
from sauma.store import queries, registered
from sauma.taking import Taken
from sauma_metering.server.devices import Device
from sauma_metering.server.live import EnergyTotals, live_totals
from sauma_metering.server.messages import NotABatch, decode_batch
from sauma_metering.server.metering import Metering, Overloaded
from sauma_metering.server.problems import ItemProblem, problem

PREFIX: Final = "/metering/v1"
PROBLEMS_SHOWN_MAX: Final = 100
INTERVALS_MAX: Final = 3_000
STREAM_POLL_S: Final = 1.0
STREAM_EVENTS_MAX: Final = 3_600
JSON: Final = "application/json"


def metering_app(metering: Metering) -> Litestar:
    """Return an ASGI application with the metering routes and its health, for uvicorn."""
    return Litestar(
        route_handlers=[*metering_routes(metering), health_routes(metering)],
        request_max_body_size=metering.settings.body_bytes_max,
        exception_handlers={HTTPException: _refused, Exception: _broken},
        on_shutdown=[metering.stop],
        openapi_config=None,
        logging_config=None,
    )


def metering_routes(metering: Metering) -> Sequence[ControllerRouterHandler]:
    """Return the routes under `/metering/v1`, to be mounted in an app of one's own.

    They check the size of what they read themselves, whatever the app around them allows.
    """

    @post("/readings", status_code=200)
    async def take(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Take a batch; answered when it is on the disk."""
        device = await _device(metering, request)
        if isinstance(device, Response):
            return device
        body = await _body(request, metering.settings.body_bytes_max)
        return body if isinstance(body, Response) else await _taken(metering, device, body)

    @get("/points/{gsrn:str}/readings")
    async def readings(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Give what is known of a metering point: every version, quality, gaps and late readings."""
        device = await _device(metering, request)
        if isinstance(device, Response):
            return device
        return await asyncio.to_thread(
            _point,
            metering,
            device,
            str(request.path_params["gsrn"]),
            str(request.query_params.get("start", "")),
            str(request.query_params.get("end", "")),
        )

    @get("/live")
    async def live(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Give today's totals so far of everybody whom the device reports for."""
        device = await _device(metering, request)
        if isinstance(device, Response):
            return device
        totals = await asyncio.to_thread(_totals, metering, device)
        return Response(msgspec.json.encode({"totals": totals}), media_type=JSON)

    @get("/live/stream")
    async def stream(request: Request[Any, Any, Any]) -> Response[Any]:
        """Stream the totals as server-sent events, one whenever they change."""
        device = await _device(metering, request)
        if isinstance(device, Response):
            return device
        return ServerSentEvent(_changes(metering, device))

    return [
        Router(
            path=PREFIX,
            route_handlers=[take, readings, live, stream],
            request_max_body_size=None,
        )
    ]


def health_routes(metering: Metering) -> Router:
    """Return `/health/live` and `/health/ready` of a metering server that runs alone."""

    @get("/live")
    async def alive() -> dict[str, str]:
        """Answer, which is all that being alive means."""
        return {"status": "live"}

    @get("/ready")
    async def ready() -> Response[bytes]:
        """Say whether readings can be taken now."""
        try:
            await asyncio.to_thread(metering.store.head_sequence)
        except StoreError as error:
            return problem(503, "not-ready", "Not ready", str(error))
        return Response(b'{"status":"ready"}', media_type=JSON)

    return Router(path="/health", route_handlers=[alive, ready])


# --- answering ---------------------------------------------------------------------------------


async def _taken(metering: Metering, device: Device, body: bytes) -> Response[bytes]:
    """Take what a device sent; answered when it is on the disk."""
    try:
        columns, faults = decode_batch(body)
        return _answer(await metering.take(device, columns, faults), len(columns))
    except NotABatch as error:
        return problem(
            400, "not-a-batch", "This is no batch", str(error), more={"field": error.field}
        )
    except Overloaded as error:
        wait = {"Retry-After": str(metering.settings.retry_after_s)}
        status = 429 if error.of_device else 503
        return problem(status, "overloaded", "Come again", str(error), headers=wait)


def _answer(taken: Taken, count: int) -> Response[bytes]:
    """Say what became of a batch; with refusals it is a problem that names each, and the rest is stored."""
    summary: dict[str, Any] = {"new": taken.new, "known": taken.known, "late": len(taken.late)}
    notes = sorted(set(taken.late.values()))
    if not taken.refused:
        return Response(
            msgspec.json.encode({**summary, "refused": 0, "notes": notes}), media_type=JSON
        )
    shown = [
        ItemProblem(item=row, field=fault.field, code=fault.code, detail=fault.message)
        for row, fault in sorted(taken.refused.items())[:PROBLEMS_SHOWN_MAX]
    ]
    return problem(
        422,
        "readings-refused",
        "Some readings were refused",
        f"{len(taken.refused)} of {count} readings were refused; the others are stored. Correct these "
        "and send them again: what is stored may come again without harm",
        more={**summary, "refused": len(taken.refused), "notes": notes, "errors": shown},
    )


async def _device(metering: Metering, request: Request[Any, Any, Any]) -> Device | Response[bytes]:
    """Return whose token the request bears, before anything of its body is read."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    device = None
    if kind.lower() == "bearer" and token:
        device = await asyncio.to_thread(metering.devices.find, token.strip())
    if device is None:
        metering.counts["unauthorised"] += 1
        return problem(
            401,
            "no-device",
            "No device",
            "send the token of a registered device as `Authorization: Bearer …`; it may be revoked",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return device


async def _body(request: Request[Any, Any, Any], bytes_max: int) -> bytes | Response[bytes]:
    """Read the body up to a size; one that is announced longer is refused unread."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or int(announced) > bytes_max:
        return _too_large(bytes_max)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            return _too_large(bytes_max)
    return bytes(body)


def _too_large(bytes_max: int) -> Response[bytes]:
    return problem(
        413,
        "too-large",
        "Too large",
        f"a batch has at most {bytes_max} bytes: send it in parts",
        headers={"Connection": "close"},
    )


def _refused(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Show what the framework refuses as every other problem."""
    return problem(error.status_code, "refused", "Refused", error.detail)


def _broken(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Show an error of ours without its inside; nothing was acknowledged."""
    if isinstance(error, StoreError):
        return problem(503, "store", "Come again", str(error), headers={"Retry-After": "2"})
    detail = str(error) if isinstance(error, SaumaError) else type(error).__name__
    return problem(500, "broken", "Something is wrong here", detail)


# --- reading -----------------------------------------------------------------------------------


def _point(metering: Metering, device: Device, gsrn: str, start: str, end: str) -> Response[bytes]:
    """Answer what is known of a metering point, or why nothing is said of it."""
    try:
        found = _known(metering, device, gsrn, start, end)
    except InvalidInput as error:
        return problem(400, "not-a-span", "This cannot be asked", str(error))
    if found is None:
        return problem(404, "no-such-point", "No such metering point", "of this device's")
    return Response(found, media_type=JSON)


def _known(metering: Metering, device: Device, gsrn: str, start: str, end: str) -> bytes | None:
    """Return the readings of a point and the intervals without one; None for a point of others."""
    first, after = to_unix(parse_time(start, "start")), to_unix(parse_time(end, "end"))
    with metering.store.reading() as connection:
        minutes = in_force(connection).interval_minutes
        row = connection.execute(
            sa.select(p.metering_points).where(p.metering_points.c.gsrn == gsrn)
        ).first()
        if row is None or (gsrn not in device.points and row.area not in device.areas):
            return None
        if not 0 <= after - first <= INTERVALS_MAX * minutes * 60:
            raise InvalidInput(f"ask for at most {INTERVALS_MAX} intervals at a time")
        outcomes = _outcomes(connection, row.participant, first, after)
        found = []
        for table, is_late in ((p.readings, False), (p.late_readings, True)):
            rows = connection.execute(
                sa.select(table)
                .where(
                    table.c.point_digest == bytes(row.point_digest),
                    table.c.interval_start_of_row >= first,
                    table.c.interval_start_of_row < after,
                )
                .order_by(table.c.interval_start_of_row, table.c.sequence, table.c.row_number)
            )
            found += [
                _reading(one, minutes, _fate(one, outcomes) if is_late else None) for one in rows
            ]
    starts = {one["interval_start"] for one in found}
    grid = range(-(-first // (minutes * 60)) * minutes * 60, after, minutes * 60)
    moments = [str(Interval.from_start_unix(moment, minutes)) for moment in grid]
    gaps = [moment for moment in moments if moment not in starts]
    return msgspec.json.encode({"metering_point": gsrn, "readings": found, "gaps": gaps})


def _outcomes(
    connection: sa.Connection, participant: str, first: int, after: int
) -> dict[bytes, ReadingOutcome]:
    """Return what became of somebody's late readings in a span, as far as corrections took them up."""
    taken = p.corrected_readings.c
    rows = connection.execute(
        sa.select(taken.reading_id, taken.outcome).where(
            taken.participant == participant,
            taken.interval_start_of_row >= first,
            taken.interval_start_of_row < after,
        )
    )
    return {bytes(row.reading_id): ReadingOutcome(row.outcome) for row in rows}


def _fate(row: Any, outcomes: Mapping[bytes, ReadingOutcome]) -> str:
    outcome = outcomes.get(bytes(row.reading_id))
    return "waiting" if outcome is None else outcome.name.lower()


def _reading(row: Any, minutes: int, correction: str | None) -> dict[str, Any]:
    """Return a reading; `correction` is what became of a late one."""
    return {
        "interval_start": str(Interval.from_start_unix(row.interval_start_of_row, minutes)),
        "imported_wh": row.imported_wh,
        "exported_wh": row.exported_wh,
        "quality": QUALITIES[row.quality].value,
        "version": row.version,
        "key": row.key,
        "late": correction is not None,
        "correction": correction,
    }


def _totals(metering: Metering, device: Device) -> list[dict[str, Any]]:
    """Return the totals of every participant whose points a device reports."""
    now = metering.clock.now()
    with metering.store.reading() as connection:
        zone = in_force(connection).zone
        points = [*registered.points_among(connection, device.points).values()]
        for area in device.areas:
            points += [point for _, point in queries.metering_points(connection, area).values()]
        names = sorted({point.participant for point in points})
        return [_shown(live_totals(connection, name, now, zone)) for name in names]


def _shown(totals: EnergyTotals) -> dict[str, Any]:
    latest = totals.latest_start
    return {
        "participant": totals.participant,
        "day": totals.day,
        "imported_wh": totals.imported_wh,
        "exported_wh": totals.exported_wh,
        "readings": totals.readings,
        "estimated": totals.estimated,
        "missing": totals.missing,
        "latest_interval": None if latest is None else _time(latest),
    }


def _time(start_unix: int) -> str:
    return format_time(Interval.from_start_unix(start_unix, 1).start)


async def _changes(metering: Metering, device: Device) -> AsyncIterator[bytes]:
    """Yield the totals whenever they differ from those before; a client may come again at any time."""
    before: bytes | None = None
    for _ in range(STREAM_EVENTS_MAX):
        now = msgspec.json.encode(await asyncio.to_thread(_totals, metering, device))
        if now != before:
            before = now
            yield now
        await asyncio.sleep(STREAM_POLL_S)
