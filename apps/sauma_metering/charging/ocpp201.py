"""A station that speaks OCPP 2.0.1, as the central system hears it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ocpp.routing import after, on
from ocpp.v201 import ChargePoint, call, call_result
from ocpp.v201.datatypes import IdTokenInfoType
from ocpp.v201.enums import Action, AuthorizationStatusEnumType, RegistrationStatusEnumType
from websockets.asyncio.server import ServerConnection

from sauma_metering.charging.events import (
    Advice,
    ChargeEnded,
    ChargeSampled,
    ChargeStarted,
    Sample,
    Verdict,
)
from sauma_metering.charging.ocpp_words import samples_of, telling_the_station

if TYPE_CHECKING:
    from sauma_metering.charging.central import CentralSystem

HEARTBEAT_S: Final = 300
TRANSACTIONS_MAX: Final = 64
"""How many transactions of a station may wait for their driver or their meter."""
_STATUS: Final = {
    Verdict.ACCEPTED: AuthorizationStatusEnumType.accepted,
    Verdict.UNKNOWN: AuthorizationStatusEnumType.unknown,
    Verdict.NO_CREDIT: AuthorizationStatusEnumType.no_credit,
    Verdict.BUSY: AuthorizationStatusEnumType.concurrent_tx,
    Verdict.BLOCKED: AuthorizationStatusEnumType.blocked,
}


class Station201(ChargePoint):
    """One connection of one station.

    A transaction begins for us when it has told a driver, a connector and a register, which may come
    in one event or in several, in any order.
    """

    def __init__(self, name: str, connection: ServerConnection, central: CentralSystem) -> None:
        """Hear a station for a central system."""
        super().__init__(name, connection)
        self._central = central
        self._stopping: set[asyncio.Task[Any]] = set()
        self._waiting: dict[str, dict[str, Any]] = {}

    @on(Action.boot_notification)
    async def on_boot(self, **_: Any) -> call_result.BootNotification:
        """Welcome the station and tell it the time."""
        return call_result.BootNotification(
            current_time=_now(), interval=HEARTBEAT_S, status=RegistrationStatusEnumType.accepted
        )

    @on(Action.heartbeat)
    async def on_heartbeat(self, **_: Any) -> call_result.Heartbeat:
        """Tell the time."""
        return call_result.Heartbeat(current_time=_now())

    @on(Action.status_notification)
    async def on_status(self, **_: Any) -> call_result.StatusNotification:
        """Take note: a connector's status decides nothing."""
        return call_result.StatusNotification()

    @on(Action.authorize)
    async def on_authorize(self, id_token: dict[str, Any], **_: Any) -> call_result.Authorize:
        """Have the driver's money held."""
        with telling_the_station():
            verdict = await self._central.ask_desk(
                self._central.desk.authorise, self.id, str(id_token["id_token"])
            )
        return call_result.Authorize(id_token_info=IdTokenInfoType(status=_STATUS[verdict]))

    @on(Action.transaction_event)
    async def on_transaction(
        self,
        event_type: str,
        transaction_info: dict[str, Any],
        meter_value: list[dict[str, Any]] | None = None,
        evse: dict[str, Any] | None = None,
        id_token: dict[str, Any] | None = None,
        **_: Any,
    ) -> call_result.TransactionEvent:
        """Begin, read or end a charge."""
        with telling_the_station():
            transaction = str(transaction_info["transaction_id"])
            samples = samples_of(meter_value)
            verdict = None
            if event_type == "Started" or transaction in self._waiting:
                verdict = await self._gather(transaction, samples, evse, id_token)
            elif samples and event_type == "Updated":
                await self._sampled(transaction, samples)
            if event_type == "Ended":
                await self._ended(transaction, samples, transaction_info)
        if verdict is None:
            return call_result.TransactionEvent()
        return call_result.TransactionEvent(id_token_info=IdTokenInfoType(status=_STATUS[verdict]))

    @after(Action.boot_notification)
    async def after_boot(self, **_: Any) -> None:
        """Do what waited while the station was away."""
        await self._central.ask_desk(self._central.desk.tick)

    async def _gather(
        self,
        transaction: str,
        samples: tuple[Sample, ...],
        evse: dict[str, Any] | None,
        id_token: dict[str, Any] | None,
    ) -> Verdict | None:
        """Put together what a transaction has told so far; begin the charge when it is enough."""
        told = self._waiting.setdefault(transaction, {})
        while len(self._waiting) > TRANSACTIONS_MAX:
            self._waiting.pop(next(iter(self._waiting)))
        if samples:
            told.setdefault("sample", min(samples, key=lambda sample: sample.time))
        if evse is not None:
            told["connector"] = int(evse["id"])
        if id_token is not None:
            told["token"] = str(id_token["id_token"])
        if not {"sample", "connector", "token"} <= told.keys():
            return None
        _, verdict = await self._central.ask_desk(
            self._central.desk.started,
            ChargeStarted(station=self.id, transaction=transaction, **told),
        )
        self._waiting.pop(transaction, None)
        return verdict

    async def _sampled(self, transaction: str, samples: tuple[Sample, ...]) -> None:
        advice = await self._central.ask_desk(
            self._central.desk.sampled,
            ChargeSampled(station=self.id, transaction=transaction, samples=samples),
        )
        if advice is Advice.STOP:
            task = asyncio.create_task(
                self.call(call.RequestStopTransaction(transaction_id=transaction), suppress=True)
            )
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)

    async def _ended(
        self,
        transaction: str,
        samples: tuple[Sample, ...],
        transaction_info: dict[str, Any],
    ) -> None:
        self._waiting.pop(transaction, None)
        in_order = tuple(sorted(samples, key=lambda sample: sample.time))
        if len(in_order) > 1:
            await self._central.ask_desk(
                self._central.desk.sampled,
                ChargeSampled(station=self.id, transaction=transaction, samples=in_order[:-1]),
            )
        await self._central.ask_desk(
            self._central.desk.ended,
            ChargeEnded(
                station=self.id,
                transaction=transaction,
                sample=in_order[-1] if in_order else None,
                reason=str(transaction_info.get("stopped_reason", "Local")),
            ),
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
