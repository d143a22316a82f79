"""A station that speaks OCPP 1.6 (JSON), as the central system hears it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ocpp.routing import after, on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import Action, AuthorizationStatus, RegistrationStatus
from websockets.asyncio.server import ServerConnection

from sauma.session import RegisterStatus
from sauma_metering.charging.events import (
    Advice,
    ChargeEnded,
    ChargeSampled,
    ChargeStarted,
    Sample,
    Verdict,
)
from sauma_metering.charging.ocpp_words import (
    parse_register,
    parse_time,
    samples_of,
    telling_the_station,
)

if TYPE_CHECKING:
    from sauma_metering.charging.central import CentralSystem

HEARTBEAT_S: Final = 300
_STATUS: Final = {
    Verdict.ACCEPTED: AuthorizationStatus.accepted,
    Verdict.UNKNOWN: AuthorizationStatus.invalid,
    Verdict.NO_CREDIT: AuthorizationStatus.blocked,
    Verdict.BUSY: AuthorizationStatus.concurrent_tx,
    Verdict.BLOCKED: AuthorizationStatus.blocked,
}


class Station16(ChargePoint):
    """One connection of one station."""

    def __init__(self, name: str, connection: ServerConnection, central: CentralSystem) -> None:
        """Hear a station for a central system."""
        super().__init__(name, connection)
        self._central = central
        self._stopping: set[asyncio.Task[Any]] = set()

    @on(Action.boot_notification)
    async def on_boot(self, **_: Any) -> call_result.BootNotification:
        """Welcome the station and tell it the time."""
        return call_result.BootNotification(
            current_time=_now(), interval=HEARTBEAT_S, status=RegistrationStatus.accepted
        )

    @on(Action.heartbeat)
    async def on_heartbeat(self) -> call_result.Heartbeat:
        """Tell the time."""
        return call_result.Heartbeat(current_time=_now())

    @on(Action.status_notification)
    async def on_status(self, **_: Any) -> call_result.StatusNotification:
        """Take note: a connector's status decides nothing."""
        return call_result.StatusNotification()

    @on(Action.authorize)
    async def on_authorize(self, id_tag: str) -> call_result.Authorize:
        """Have the driver's money held."""
        with telling_the_station():
            verdict = await self._central.ask_desk(self._central.desk.authorise, self.id, id_tag)
        return call_result.Authorize(id_tag_info=IdTagInfo(status=_STATUS[verdict]))

    @on(Action.start_transaction)
    async def on_start(
        self, connector_id: int, id_tag: str, meter_start: int, timestamp: str, **_: Any
    ) -> call_result.StartTransaction:
        """Begin a charge; the answer is the number by which the station names it from now on."""
        with telling_the_station():
            event = ChargeStarted(
                station=self.id,
                connector=connector_id,
                token=id_tag,
                sample=Sample(
                    register_wh=parse_register(meter_start, "Wh"),
                    time=parse_time(timestamp),
                    status=RegisterStatus.BEGIN,
                ),
            )
            number, verdict = await self._central.ask_desk(self._central.desk.started, event)
        return call_result.StartTransaction(
            transaction_id=number, id_tag_info=IdTagInfo(status=_STATUS[verdict])
        )

    @on(Action.meter_values)
    async def on_meter_values(
        self,
        connector_id: int,
        meter_value: list[dict[str, Any]],
        transaction_id: int | None = None,
    ) -> call_result.MeterValues:
        """Keep what the meter says; outside of a charge it is nobody's."""
        with telling_the_station():
            samples = samples_of(meter_value)
            if samples and transaction_id is not None:
                event = ChargeSampled(
                    station=self.id,
                    connector=connector_id,
                    transaction=_named(transaction_id),
                    samples=samples,
                )
                advice = await self._central.ask_desk(self._central.desk.sampled, event)
                if advice is Advice.STOP:
                    self._stop(transaction_id)
        return call_result.MeterValues()

    @on(Action.stop_transaction)
    async def on_stop(
        self,
        meter_stop: int,
        timestamp: str,
        transaction_id: int,
        reason: str = "Local",
        id_tag: str | None = None,
        transaction_data: list[dict[str, Any]] | None = None,
    ) -> call_result.StopTransaction:
        """End a charge; `transaction_data` are meter values that were not sent before."""
        with telling_the_station():
            transaction = _named(transaction_id)
            late = samples_of(transaction_data)
            if late and transaction is not None:
                await self._central.ask_desk(
                    self._central.desk.sampled,
                    ChargeSampled(station=self.id, transaction=transaction, samples=late),
                )
            event = ChargeEnded(
                station=self.id,
                transaction=transaction,
                token=id_tag,
                reason=reason,
                sample=Sample(
                    register_wh=parse_register(meter_stop, "Wh"),
                    time=parse_time(timestamp),
                    status=RegisterStatus.END,
                ),
            )
            await self._central.ask_desk(self._central.desk.ended, event)
        return call_result.StopTransaction()

    @after(Action.boot_notification)
    async def after_boot(self, **_: Any) -> None:
        """Do what waited while the station was away."""
        await self._central.ask_desk(self._central.desk.tick)

    def _stop(self, transaction_id: int) -> None:
        """Ask the station to stop, once it has its answer: it takes one call at a time."""
        task = asyncio.create_task(
            self.call(call.RemoteStopTransaction(transaction_id=transaction_id), suppress=True)
        )
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)


def _named(transaction_id: int) -> str | None:
    """Return the name of a transaction; a station that never got one says -1 or 0."""
    return str(transaction_id) if transaction_id > 0 else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
